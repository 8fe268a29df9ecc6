"""What rsync is run with: nothing of the user's environment that changes what it does.

Variables named `RSYNC_…` do, and so do the aliases in `~/.popt`, which every rsync that is built with popt reads. Those
of the system, in /etc/popt, are its administrator's.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping

from podplane_tui.backend.core.errors import ShellError
from podplane_tui.backend.core.files import os_error_as
from podplane_tui.backend.ssh.options import locale_of

_KEPT = ("PATH", "TMPDIR", "TZ")


@contextlib.contextmanager
def rsync_environment(environ: Mapping[str, str] = os.environ) -> Iterator[dict[str, str]]:
    """The environment for an rsync that ends within the block, whose home is an empty directory of its own.

    Its ssh has the same; it finds what it needs by absolute paths. Raises `ShellError`.
    """
    kept = {name: environ[name] for name in _KEPT if name in environ}
    try:
        home = tempfile.mkdtemp(prefix="pt-rsync-")
    except OSError as error:
        raise os_error_as(ShellError, "rsync can't be given a home directory of its own", error) from error
    try:
        yield {**kept, **locale_of(environ), "HOME": home}
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(home)  # noqa: PTH106 - what is in it, if anything, is not ours
