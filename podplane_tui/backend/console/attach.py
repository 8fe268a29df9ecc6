"""Attaching the calling terminal to a machine's serial console, which one program at a time can hold."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from podplane_tui.backend.console import claim, relay
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.qemu.process import QemuProcess


def attach(
    files: VMFiles,
    process: QemuProcess,
    *,
    record: Callable[[bytes], object] | None,
    ask: bool,
    untaken: Callable[[int], object] | None = None,
) -> relay.Ending:
    """See `Qemu.console`; `process` is the VM's QEMU."""
    machine = read_machine(process.arguments)
    # A path in QEMU's own directory means another one here.
    path = machine.console if machine.console is not None and machine.console.is_absolute() else files.console

    def asked() -> str:
        asking = claim.asker(files)
        return "" if asking is None else asking.who

    who = claim.own_name("the console command")
    held = claim.ask(files, who, cancel=threading.Event()) if ask else claim.take(files, who)
    while True:
        ending = relay.attach(
            path,
            process.pid,
            input_fd=sys.stdin.fileno(),
            output_fd=sys.stdout.fileno(),
            check=lambda: claim.require_no_other(files.name, process.control, path),
            record=record,
            asked=asked,
            held=held,
            untaken=untaken,
        )
        if ending is not relay.Ending.SUSPENDED:
            return ending
        held = claim.take(files, who)  # in the foreground again
