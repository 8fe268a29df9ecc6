"""The command line: `podplane-tui` opens the dashboard, `podplane-tui VERB` does one thing and ends.

What lives here: options, plain text, exit codes. What may not: knowledge of VMs; that is the backend's.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted; `shell COMMAND` passes on the command's own.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from podplane_tui.cli.context import Choices

PROGRAM = "podplane-tui"
COMPLETION_VARIABLE = "_PODPLANE_TUI_COMPLETE"
"""Where click looks for a shell's question, by the program's name."""


def require_supported_system() -> None:
    """Raise `Unsupported` where nothing of this works."""
    if sys.platform == "win32":
        from podplane_tui.backend.core.errors import Unsupported  # noqa: PLC0415 - on all others it is not needed

        raise Unsupported("Windows is not supported", hint="use it inside WSL 2")


def open_dashboard(choices: Choices) -> int:
    """Show the dashboard until it is left. Gives the exit code."""
    require_supported_system()
    # Nothing of what is made from here to the first picture goes away again: collecting it would only take time.
    gc.disable()
    return int(import_module(f"{__name__}.dashboard").open_dashboard(choices))


def _open_missing_streams() -> None:
    """Have nothing where a standard stream was closed: else the next file that is opened would take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for as long as we live


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code. Errors become a line on stderr, or JSON on stdout."""
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 still gets everything else
    words = sys.argv[1:] if arguments is None else arguments
    choices = Choices()
    try:
        if words or os.environ.get(COMPLETION_VARIABLE):
            command = import_module(f"{__name__}.commands").cli
            code = command.main(words, prog_name=PROGRAM, standalone_mode=False, obj=choices)
        else:
            code = open_dashboard(choices)  # with nothing to parse, click would only take time to import
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        return int(import_module(f"{__name__}.errors").report(error, as_json=choices.as_json))
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The console script."""
    code = run()
    gc.freeze()  # the system takes all memory back at once: looking for cycles in it first takes longer than many verbs
    sys.exit(code)
