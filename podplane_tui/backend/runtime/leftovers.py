"""What a machine that has ended leaves behind: PID file, sockets, log, temporary files.

What is what its name says is removed; anything else that stands under one of these names (a PID file nobody can read,
a folder, a FIFO, a link, a plain file where a socket should be) is renamed to `<name>.broken-<UTC>`, so that nothing is
lost unseen. For use under the machine's lock, with no process of it alive.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import set_aside, stale_temporaries
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.runtime.ports import read_state_file


def leftovers(files: VMFiles) -> tuple[Path, ...]:
    """The PID file and sockets that are still there, whatever stands in their place, and abandoned temporary files."""
    standing = (path for path in (files.pid_file, files.console, files.qmp) if os.path.lexists(path))
    return (*standing, *temporaries(files))


def temporaries(files: VMFiles) -> tuple[Path, ...]:
    """What verbs that were killed in the middle of a write left beside this machine's files."""
    written = (files.image, files.seed, files.efivars, files.pid_file, files.state_file)
    return stale_temporaries(written)


def is_foreign(files: VMFiles, path: Path) -> bool:
    """Whether what stands at `path`, one of the machine's runtime files, is not what its name says."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if path in (files.console, files.qmp):
        return not stat.S_ISSOCK(mode)
    if not stat.S_ISREG(mode):
        return True
    try:
        if path == files.pid_file:
            PIDFile.read(path)
        elif path == files.state_file:
            read_state_file(path)
    except CorruptFile:
        return True
    return False


def clear(files: VMFiles, path: Path) -> Path | None:
    """Remove one of the machine's runtime files, or move it aside when it is foreign; then give where to."""
    if is_foreign(files, path):
        return set_aside(path)
    path.unlink(missing_ok=True)
    return None


def remove_leftovers(files: VMFiles) -> None:
    """Clear the PID file, the sockets, QEMU's log and abandoned temporary files."""
    for path in (files.pid_file, files.qemu_log, files.console, files.qmp):
        clear(files, path)
    for path in temporaries(files):
        path.unlink(missing_ok=True)
