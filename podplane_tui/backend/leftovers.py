"""What a machine that has ended leaves in the runtime directory.

For use under the machine's lock, with no process of it alive.
"""

from __future__ import annotations

import os
from pathlib import Path

from podplane_tui.backend.paths import VMFiles


def leftovers(files: VMFiles) -> tuple[Path, ...]:
    """The PID file and sockets that are still there, whatever stands in their place."""
    return tuple(path for path in (files.pid_file, files.console, files.qmp) if os.path.lexists(path))


def remove_leftovers(files: VMFiles) -> None:
    """Clear the PID file, the sockets and QEMU's log. What stands there and is none of these is left alone."""
    for path in (files.pid_file, files.qemu_log):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
    for path in (files.console, files.qmp):
        if path.is_socket():
            path.unlink(missing_ok=True)
