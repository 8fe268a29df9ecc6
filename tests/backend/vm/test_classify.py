"""Facts → status: every state and every problem, without a file or a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.run_states import RUN_STATES, Room
from podplane_tui.backend.core.status import Action, Ports, Problem, State, VMStatus
from podplane_tui.backend.host.holders import Holder, Lock
from podplane_tui.backend.qemu.metrics import Sample
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.vm.classify import SERVER_DOWN, Disk, Facts, Running, classify
from podplane_tui.backend.vm.in_use import Use

FILES = VMFiles("amd64", "a", Path("/d"), Path("/r"), Path("/s"))
DISK = Disk(4096, 2**30)
PID_FILE = PIDFile(FILES.pid_file, 7)
ARGUMENTS = (
    *("qemu-system-x86_64", "-smp", "2", "-m", "512M", "-machine", "q35,accel=tcg", "-hda", str(FILES.image)),
    *("-nic", "user,hostfwd=tcp:127.0.0.1:2200-:22", "-serial", "unix:/r/c,server=on", "-qmp", "unix:/r/q,server=on"),
)
PROCESS = QemuProcess(7, "100", 5.0, ARGUMENTS, (FILES.image,))
NAMED = Running(PROCESS, named=True)
UNNAMED = Running(PROCESS, named=False)

STOPPED = Facts(FILES, DISK)
RUNNING = Facts(FILES, DISK, PID_FILE, sockets=("c", "q"), running=NAMED)

NO_IMAGE = f"there is no image {FILES.image}: put it back, or delete the VM"
NO_PID_FILE = "QEMU runs as process 7 without a PID file: adopt or stop it"
SUSPENDED = "a signal has suspended QEMU, process 7: resume it, or stop it"
NOT_ITS_QEMU = "a PID file that names process 7, which is not its QEMU"


def doing(verb: str, phase: str = "") -> Action:
    return Action(verb, 9, 1.0, phase)


@pytest.mark.parametrize(
    ("facts", "state", "problem"),
    [
        pytest.param(STOPPED, State.STOPPED, None, id="stopped"),
        pytest.param(
            STOPPED._replace(pid_file=PID_FILE),
            State.CRASHED,
            f"QEMU is gone and left {NOT_ITS_QEMU}: repair or start it",
            id="pid-file-left",
        ),
        pytest.param(
            STOPPED._replace(sockets=("c", "q")),
            State.STOPPED,
            None,
            id="sockets-left",
        ),
        pytest.param(
            STOPPED._replace(pid_file=PID_FILE, sockets=("c",)),
            State.CRASHED,
            f"QEMU is gone and left c and {NOT_ITS_QEMU}: repair or start it",
            id="both-left",
        ),
        pytest.param(STOPPED._replace(disk=None), State.BROKEN, NO_IMAGE, id="no-image"),
        pytest.param(
            STOPPED._replace(disk=Disk(None, None, Problem("no qcow2"))),
            State.BROKEN,
            "no qcow2",
            id="unreadable-image",
        ),
        pytest.param(
            STOPPED._replace(
                disk=None, pid_file_problem=Problem("bad PID file"), state_file_problem=Problem("bad state file")
            ),
            State.BROKEN,
            f"{NO_IMAGE}; bad PID file; bad state file",
            id="everything-broken",
        ),
        pytest.param(
            STOPPED._replace(pid_file=PID_FILE, sockets=("c",), disk=Disk(None, None, Problem("no qcow2"))),
            State.BROKEN,
            "no qcow2",
            id="broken-before-crashed",
        ),
        pytest.param(
            Facts(FILES, refusal="Permission denied"),
            State.BROKEN,
            "podplane-local-a can't be looked at: Permission denied; repair it",
            id="refused",
        ),
        pytest.param(RUNNING, State.RUNNING, None, id="running"),
        pytest.param(RUNNING._replace(running=NAMED._replace(run_state="paused")), State.PAUSED, None, id="paused"),
        pytest.param(RUNNING._replace(running=NAMED._replace(suspended=True)), State.PAUSED, SUSPENDED, id="suspended"),
        pytest.param(
            RUNNING._replace(running=NAMED._replace(run_state="io-error", room=Room("/mnt/vms", 4096))),
            State.PAUSED,
            "it is stopped by an I/O error on its disk: make room on /mnt/vms (4K free), then resume it",
            id="disk-full",
        ),
        pytest.param(
            RUNNING._replace(running=NAMED._replace(run_state="internal-error", words="KVM internal error")),
            State.PAUSED,
            "it is stopped by an internal error of QEMU or its accelerator: KVM internal error;"
            " stop it, then start it with --accel tcg",
            id="accelerator-failed",
        ),
        pytest.param(
            RUNNING._replace(running=UNNAMED._replace(run_state="guest-panicked")),
            State.ORPHANED,
            f"{NO_PID_FILE}; it is stopped by a panic of its guest: see its console for the reason, then restart it",
            id="orphan-panicked",
        ),
        pytest.param(
            RUNNING._replace(pid_file=None, running=UNNAMED), State.ORPHANED, NO_PID_FILE, id="orphan-without-pid-file"
        ),
        pytest.param(RUNNING._replace(running=UNNAMED), State.ORPHANED, NO_PID_FILE, id="orphan-with-another-pid-file"),
        pytest.param(
            RUNNING._replace(pid_file=None, pid_file_problem=Problem("bad PID file"), running=UNNAMED),
            State.ORPHANED,
            "bad PID file",
            id="orphan-with-a-broken-pid-file",
        ),
        pytest.param(
            RUNNING._replace(running=UNNAMED._replace(run_state="paused", suspended=True)),
            State.ORPHANED,
            f"{NO_PID_FILE}; {SUSPENDED}",
            id="orphan-suspended",
        ),
        pytest.param(RUNNING._replace(disk=None), State.RUNNING, NO_IMAGE, id="running-with-its-disk-removed"),
    ],
)
def test_state_and_problem(facts: Facts, state: State, problem: str | None) -> None:
    vm = classify(facts)
    assert (vm.files, vm.state, vm.problem) == (FILES, state, problem)


@pytest.mark.parametrize(
    ("verb", "phase", "stopped", "running"),
    [
        ("start", "", State.STARTING, State.STARTING),
        ("stop", "", State.STOPPING, State.STOPPING),
        ("restart", "", State.STARTING, State.STOPPING),
        ("restart", "stop", State.STOPPING, State.STOPPING),
        ("restart", "start", State.STARTING, State.STARTING),
        ("delete", "", State.STOPPED, State.RUNNING),
        ("repair", "adopt", State.STOPPED, State.RUNNING),
    ],
)
def test_a_verb_in_progress(verb: str, phase: str, stopped: State, running: State) -> None:
    action = doing(verb, phase)
    found = [classify(facts._replace(action=action)) for facts in (STOPPED, RUNNING)]
    assert [vm.state for vm in found] == [stopped, running]
    assert [vm.action for vm in found] == [action, action]


def test_what_a_start_has_not_made_yet_is_no_problem() -> None:
    vm = classify(STOPPED._replace(disk=None, pid_file=PID_FILE, sockets=("c",), action=doing("start")))
    assert (vm.state, vm.problem) == (State.STARTING, None)


def test_what_a_stop_has_not_cleared_yet_is_no_crash() -> None:
    vm = classify(STOPPED._replace(pid_file=PID_FILE, sockets=("c", "q"), action=doing("stop")))
    assert (vm.state, vm.problem) == (State.STOPPING, None)


def test_a_disk_that_somebody_else_has_open_is_in_use_whatever_was_left() -> None:
    use = Use(Lock.WRITER, (Holder(5, "qemu-nbd", writes=True),))
    for facts in (STOPPED, STOPPED._replace(pid_file=PID_FILE, sockets=("c",)), STOPPED._replace(powered_off=True)):
        vm = classify(facts._replace(use=use))
        assert vm.state is State.IN_USE
        assert vm.problems[0].problem == "qemu-nbd (process 5) has its disk open"
        assert not vm.live
    assert classify(STOPPED._replace(use=use, action=doing("start"))).state is State.STARTING
    assert classify(RUNNING._replace(use=use)).state is State.RUNNING


def test_a_verb_is_told_before_orphaned_and_paused() -> None:
    for running in (UNNAMED, NAMED._replace(run_state="paused"), NAMED._replace(suspended=True)):
        assert classify(RUNNING._replace(running=running, action=doing("stop"))).state is State.STOPPING


def test_a_guest_that_powered_off_is_stopped_with_a_hint() -> None:
    facts = STOPPED._replace(pid_file=PID_FILE, powered_off=True)
    vm = classify(facts)
    assert (vm.state, vm.problem, vm.hint) == (State.STOPPED, None, "powered off by the guest")
    assert classify(facts._replace(state_file_problem=Problem("bad state file"))).state is State.BROKEN


@pytest.mark.parametrize("needed", [False, True])
def test_the_hint_of_a_cluster_without_its_local_server(needed: bool) -> None:
    assert classify(RUNNING._replace(server_needed=needed)).hint == (SERVER_DOWN if needed else None)


@pytest.mark.parametrize("name", RUN_STATES)
def test_every_run_state_of_qemu_is_told(name: str) -> None:
    vm = classify(RUNNING._replace(running=NAMED._replace(run_state=name)))
    row = RUN_STATES[name]
    assert vm.run_state == name
    assert vm.state is (State.RUNNING if name == "running" else State.PAUSED)
    assert vm.halt == (None if name == "running" else row)
    assert vm.told_state == {"running": "running", "paused": "paused"}.get(name, f"paused ({name})")
    said = vm.problem if row.wrong else vm.hint
    if name == "running":
        assert (vm.problem, vm.hint) == (None, None)
    elif name == "paused":
        assert (vm.problem, said) == (None, "resume it")
    else:
        assert said is not None
        assert row.words in said
        assert row.advice in said
        assert (vm.problem is None) != row.wrong


def test_an_unknown_run_state_is_told_by_its_name() -> None:
    vm = classify(RUNNING._replace(running=NAMED._replace(run_state="hiber\x1b[1mnated")))
    assert (vm.state, vm.run_state, vm.problem) == (State.PAUSED, "hibernated", None)
    assert vm.hint == "it is in QEMU's run state hibernated: resume it, or restart it"


def test_what_qemu_said_before_a_signal_suspended_it_is_old() -> None:
    vm = classify(RUNNING._replace(running=NAMED._replace(run_state="io-error", suspended=True)))
    assert (vm.state, vm.run_state, vm.problem, vm.told_state) == (State.PAUSED, None, SUSPENDED, "paused")


def test_no_run_state_is_known_of_who_was_not_asked() -> None:
    assert [classify(facts).run_state for facts in (STOPPED, RUNNING)] == [None, None]


def test_a_run_state_during_a_stop_is_the_doing_of_the_stop() -> None:
    vm = classify(RUNNING._replace(running=NAMED._replace(run_state="io-error"), action=doing("stop")))
    assert (vm.state, vm.run_state, vm.problem, vm.halt) == (State.STOPPING, "io-error", None, None)


def test_a_halted_guest_does_not_hide_that_its_server_is_down() -> None:
    facts = RUNNING._replace(running=NAMED._replace(run_state="suspended"), server_needed=True)
    assert classify(facts).hint == SERVER_DOWN


def test_what_is_known_of_a_vm_that_runs() -> None:
    sample = Sample(12.5, 3 * 2**20, 10.0, 20.0)
    vm = classify(RUNNING._replace(running=NAMED._replace(sample=sample)))
    assert vm == VMStatus(
        FILES,
        State.RUNNING,
        pid=7,
        started_at=5.0,
        cpu_percent=12.5,
        memory_bytes=3 * 2**20,
        disk_read_rate=10.0,
        disk_write_rate=20.0,
        memory_limit_bytes=512 * 2**20,
        cpus=2,
        disk_bytes=4096,
        disk_virtual_bytes=2**30,
        ports=Ports(ssh=2200),
        accelerator="tcg",
        arguments=ARGUMENTS,
        console=Path("/r/c"),
        qmp=Path("/r/q"),
    )


def test_a_running_vm_has_the_ports_of_its_arguments_alone() -> None:
    assert classify(RUNNING).ports == Ports(ssh=2200)
    without = NAMED.process._replace(arguments=("qemu-system-x86_64",))
    assert classify(RUNNING._replace(running=NAMED._replace(process=without))).ports == Ports()


def test_what_is_known_of_a_vm_that_does_not_run() -> None:
    assert classify(STOPPED) == VMStatus(FILES, State.STOPPED, disk_bytes=4096, disk_virtual_bytes=2**30)


def test_each_problem_has_what_to_do_about_it_beside_it() -> None:
    bad = Problem("bad PID file", "repair the VM")
    vm = classify(STOPPED._replace(disk=None, pid_file_problem=bad))
    assert vm.problems == (Problem(f"there is no image {FILES.image}", "put it back, or delete the VM"), bad)
    assert vm.problem == f"{NO_IMAGE}; bad PID file: repair the VM"
