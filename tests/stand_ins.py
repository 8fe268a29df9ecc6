"""Programs that stand in for QEMU: the system says of their processes that they execute a file of QEMU's name."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

STAND_IN = Path(__file__).parent / "faults" / "stand_in.py"
"""What such a Python runs to have QEMU's disk and sockets; see there."""


def python_as(path: Path) -> Path:
    """Make `path` a Python of its own, in a directory of its own where only such are; returns it.

    A link would not do: the kernel tells of the file that is executed, not of the link.
    """
    python = Path(os.path.realpath(sys.executable))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        path.hardlink_to(python)
    except OSError:  # another file system, or somebody else's file
        shutil.copy2(python, path)
    # Where its library is: it would be looked for near the program.
    (path.parent / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    return path
