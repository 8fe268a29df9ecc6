"""How a module of ours is run in a process of its own."""

from __future__ import annotations

import sys


def python_command(module: str, *arguments: str) -> list[str]:
    """The argument list that runs `module` with this Python.

    -P keeps the current directory out of the places where modules are found: a `podplane_tui` or `json.py` there would
    be executed. `PYTHONPATH` holds, as it does for this process.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
