"""What a VM is doing: the facts of one look at it → its status. Pure: the inventory gathers, this module decides."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.run_states import PAUSED, RUNNING, Room, RunState, advice, run_state
from podplane_tui.backend.core.status import Action, Problem, State, VMStatus
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.qemu.metrics import Sample
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.recording.shutdown import POWERED_OFF
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.runtime.ports import ports_of
from podplane_tui.backend.vm.in_use import Use, stranger_of, way_there

SERVER_DOWN = "podplane's local server, which its Kubernetes needs, is down: podplane-tui server start, or L here"
"""The hint of a cluster that runs without it."""

_STATE_OF_VERB = {"start": State.STARTING, "stop": State.STOPPING, "restart": State.STOPPING}
"""The states that verbs in progress put a live VM in."""


class Disk(NamedTuple):
    """A VM's disk: the bytes it takes on the host and those the guest sees, and what is wrong with it.

    The sizes are None when its header can't be read.
    """

    host_bytes: int | None
    virtual_bytes: int | None
    problem: Problem | None = None


class Running(NamedTuple):
    """A VM's own QEMU, as it was seen.

    `named` says whether the PID file names it, and it is the process that the file recorded. `settled` is false for one
    that has not opened the disk yet. `suspended` is by a signal or a debugger; `run_state` is QMP's latest answer, ""
    where there was none. `room` is that of the disk, `words` are QEMU's own, both known only where the run state asks
    for them. Without a `sample` it ended meanwhile.
    """

    process: QemuProcess
    named: bool
    settled: bool = True
    suspended: bool = False
    run_state: str = ""
    room: Room | None = None
    words: str = ""
    sample: Sample | None = None

    @property
    def halt(self) -> RunState | None:
        """The run state in which the guest's CPUs do not run. While a signal holds QEMU its last answer is old."""
        asked = self.run_state not in {"", RUNNING} and not self.suspended
        return run_state(self.run_state) if asked else None


class Facts(NamedTuple):
    """All that one look at a VM has found.

    `refusal` is what the system said when it would not let us look; then there is nothing else. `sockets` are the
    names of those that exist, `socket_problem` is what else stands in the place of one.

    `use` (who else has the disk open), `stranger` (a QEMU that answers on the VM's sockets and is not its own),
    `ending` (its own was there a moment ago) and `powered_off` are known only without a process, `server_needed` (the
    cluster needs podplane's local server, and that is down) only with one.
    """

    files: VMFiles
    disk: Disk | None = None
    pid_file: PIDFile | None = None
    pid_file_problem: Problem | None = None
    state_file_problem: Problem | None = None
    socket_problem: Problem | None = None
    sockets: tuple[str, ...] = ()
    action: Action | None = None
    running: Running | None = None
    use: Use | None = None
    stranger: QemuProcess | None = None
    ending: bool = False
    powered_off: bool = False
    server_needed: bool = False
    refusal: str | None = None


def classify(facts: Facts) -> VMStatus:
    """The status of the VM with these facts."""
    if facts.refusal is not None:
        problem = Problem(f"{facts.files.name} can't be looked at: {facts.refusal}", "repair it")
        return VMStatus(facts.files, State.BROKEN, (problem,))
    if facts.running is None:
        return _without_process(facts)
    return _with_process(facts, facts.running)


def _without_process(facts: Facts) -> VMStatus:
    state, problems, hint = State.STOPPED, _file_problems(facts), None
    if facts.action is not None and facts.action.verb in _STATE_OF_VERB:
        ending = (facts.action.phase or facts.action.verb) == "stop"
        state, problems = State.STOPPING if ending else State.STARTING, []
    elif facts.use is not None:
        state = State.IN_USE
        problems.insert(0, Problem(facts.use.words, way_there(facts.files, facts.use)))
    elif facts.stranger is not None:
        state = State.IN_USE
        stranger = stranger_of(facts.files, facts.stranger.pid, facts.stranger)
        problems.insert(0, Problem(f"{stranger.problem} answers on its sockets", stranger.hint))
    elif facts.ending:
        state, problems = State.STOPPING, []
    elif problems:
        state = State.BROKEN
    elif facts.powered_off:
        hint = POWERED_OFF
    elif facts.pid_file is not None:
        state, problems = State.CRASHED, [Problem(_left_behind(facts, facts.pid_file), "repair or start it")]
    return VMStatus(
        facts.files,
        state,
        tuple(problems),
        action=facts.action,
        disk_bytes=facts.disk.host_bytes if facts.disk else None,
        disk_virtual_bytes=facts.disk.virtual_bytes if facts.disk else None,
        hint=hint,
    )


def _with_process(facts: Facts, running: Running) -> VMStatus:
    process, sample = running.process, running.sample
    machine = read_machine(process.arguments)
    problems = _file_problems(facts)
    if not running.named and not facts.pid_file_problem:
        problems.append(Problem(f"QEMU runs as process {process.pid} without a PID file", "adopt or stop it"))
    if running.suspended:
        problems.append(Problem(f"a signal has suspended QEMU, process {process.pid}", "resume it, or stop it"))
    hint = SERVER_DOWN if facts.server_needed else None
    by_verb = _state_by_verb(facts.action)
    if running.halt is not None and by_verb is None:  # while a verb is at work, what QEMU does is its doing
        found = _halted(running.halt, running)
        if running.halt.wrong:
            problems.append(found)
        else:
            hint = hint or (found.hint if running.halt.name == PAUSED else str(found))  # the state says it already
    return VMStatus(
        facts.files,
        by_verb or _live_state(running),
        tuple(problems),
        action=facts.action,
        pid=process.pid,
        started_at=process.started_at,
        cpu_percent=sample.cpu_percent if sample else None,
        memory_bytes=sample.memory_bytes if sample else None,
        disk_read_rate=sample.disk_read_rate if sample else None,
        disk_write_rate=sample.disk_write_rate if sample else None,
        memory_limit_bytes=machine.memory_bytes,
        cpus=machine.cpus,
        disk_bytes=facts.disk.host_bytes if facts.disk else None,
        disk_virtual_bytes=facts.disk.virtual_bytes if facts.disk else None,
        ports=ports_of(process.arguments),  # see `Context.ports`
        accelerator=machine.accelerator,
        arguments=process.arguments,
        console=_path(machine.console, facts.files.console),
        qmp=_path(machine.qmp, facts.files.qmp),
        hint=hint,
        run_state=None if running.suspended else run_state(running.run_state).name or None,
    )


def _path(told: Path | None, usual: Path) -> Path | None:
    """Where a socket is that the arguments name; a path in QEMU's own directory can only mean the usual one."""
    return told if told is None or told.is_absolute() else usual


def _halted(halt: RunState, running: Running) -> Problem:
    """Why the guest's CPUs do not run, in QEMU's words where it has some, and what to do."""
    words = f": {running.words}" if running.words else ""
    return Problem(f"it is {halt.words}{words}", advice(halt, room=running.room))


def _state_by_verb(action: Action | None) -> State | None:
    """The state that a verb in progress puts a live VM in, if it does."""
    return None if action is None else _STATE_OF_VERB.get(action.phase or action.verb)


def _live_state(running: Running) -> State:
    if not running.settled:
        return State.STARTING
    if not running.named:
        return State.ORPHANED
    return State.PAUSED if running.suspended or running.halt is not None else State.RUNNING


def _file_problems(facts: Facts) -> list[Problem]:
    """What is wrong with the VM's files, whether it runs or not."""
    missing = Problem(f"there is no image {facts.files.image}", "put it back, or delete the VM")
    disk = missing if facts.disk is None else facts.disk.problem
    problems = (disk, facts.pid_file_problem, facts.state_file_problem, facts.socket_problem)
    return [problem for problem in problems if problem is not None]


def _left_behind(facts: Facts, pid_file: PIDFile) -> str:
    """What a QEMU that is gone has left. Sockets alone are no crash: podplane's own stop leaves them."""
    sockets = f"{', '.join(facts.sockets)} and " if facts.sockets else ""
    return f"QEMU is gone and left {sockets}a PID file that names process {pid_file.pid}, which is not its QEMU"
