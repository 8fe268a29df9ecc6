"""Keys pressed on a machine's own keyboard, which reach a guest whose serial console is dead."""

from __future__ import annotations

from collections.abc import Sequence

from podplane_tui.backend.qemu import qmp

CTRL_ALT_DEL = ("ctrl", "alt", "delete")
SYSRQ = {
    "h": "help: the kernel prints what it allows",
    "s": "sync: write everything to disk",
    "u": "unmount: make all file systems read-only",
    "b": "reboot at once, without sync",
    "e": "SIGTERM to all processes but init",
    "i": "SIGKILL to all processes but init",
    "f": "kill the process that takes most memory",
    "m": "show memory",
    "t": "show tasks",
    "w": "show blocked tasks",
}
"""Letters of Linux's magic SysRq key (kernel documentation, admin-guide/sysrq) and what they do."""


def press(control: qmp.ControlSocket, keys: Sequence[str]) -> None:
    """Press `keys`, QEMU's `QKeyCode` names, together and let go. Blocks for up to some seconds; raises `QMPError`."""
    qmp.execute(control, "send-key", {"keys": [{"type": "qcode", "data": key} for key in keys]})
