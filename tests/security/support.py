"""Guests under the program under test, at a root shell, and what is typed at them."""

import base64
import contextlib
from collections.abc import Callable, Iterator
from time import monotonic

from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import NotRunning
from podplane_tui.backend.qemu.arguments import DirectBootOptions
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.start import StartSpec
from tests.conftest import Workspace
from tests.guest.tiny import TinyGuest

BOOT = 180.0
"""Seconds a guest may take on a loaded machine."""

_TYPE_AGAIN = 5.0
"""Seconds for a shell to have answered."""


@contextlib.contextmanager
def started(workspace: Workspace, guest: TinyGuest) -> Iterator[Cluster]:
    """A VM that boots the guest as every VM is booted; it is ended with the block."""
    cluster = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="amd64")
    cluster.create(EMPTY_DISK)
    boot = DirectBootOptions(str(guest.kernel), str(guest.initramfs), guest.cmdline)
    cluster.start(StartSpec(network=False, memory="256M", cpus="1", boot=boot, accelerator="tcg"))
    try:
        yield cluster
    finally:
        with contextlib.suppress(NotRunning):
            cluster.stop(timeouts=StopTimeouts(powerdown=0))


def printing(data: bytes) -> str:
    """A shell command that prints these bytes."""
    return f"echo {base64.b64encode(data).decode()} | base64 -d"


def typing(send: Callable[[bytes], object], command: str, done: Callable[[], bool]) -> Callable[[], bool]:
    """A condition to wait for: `done`, with `command` typed until then. It may run twice.

    A shell that prepares its prompt drops what comes meanwhile.
    """
    typed = monotonic() - _TYPE_AGAIN

    def is_done() -> bool:
        nonlocal typed
        if done():
            return True
        if monotonic() - typed >= _TYPE_AGAIN:
            typed = monotonic()
            send(f"\x15\n{command}\n".encode())
        return False

    return is_done
