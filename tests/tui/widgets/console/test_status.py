"""What one look finds of a console."""

import os
from dataclasses import replace

from podplane_tui.backend.console.claim import take
from podplane_tui.backend.recording.store import begin, belongs_to, finish
from podplane_tui.tui.widgets.console.status import look_at
from tests.conftest import Workspace
from tests.tui.widgets.console.support import machine, stopped


def test_where_nothing_was_recorded_and_nobody_holds_it_there_is_nothing(workspace: Workspace) -> None:
    for vm in (machine(workspace, "a"), stopped(workspace, "a")):
        look = look_at(vm)
        assert (look.recording, look.holder, look.asker, look.by_qemu) == (None, None, None, False)


def test_what_runs_has_its_own_recording_and_what_does_not_its_last(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    old = begin(vm.files)
    finish(vm.files)
    log = begin(vm.files)
    belongs_to(log, os.getpid())
    arguments = ("qemu-system-x86_64", "-serial", f"unix:{vm.files.console},server=on,wait=off,logfile={log}")
    look = look_at(replace(vm, arguments=arguments))
    assert look.recording is not None
    assert look.recording.path == log
    assert look.by_qemu
    log.unlink()
    last = look_at(stopped(workspace, "a"))
    assert last.recording is not None
    assert last.recording.path == old


def test_whoever_holds_it_is_named_until_it_is_let_go(workspace: Workspace) -> None:
    vm = machine(workspace, "a")
    with take(vm.files, "a test"):
        look = look_at(vm)
        assert look.holder is not None
        assert (look.holder.who, look.holder.pid) == ("a test", os.getpid())
    assert look_at(vm).holder is None
