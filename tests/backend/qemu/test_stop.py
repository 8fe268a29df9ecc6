"""The steps of a stop, on processes that look like QEMU. Real machines are in tests/e2e and the fault matrix."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import Cancelled, StopFailed
from podplane_tui.backend.core.run_states import RUN_STATES, Room, run_state, wake_up
from podplane_tui.backend.qemu import stop
from podplane_tui.backend.qemu.process import QemuProcess, look
from podplane_tui.backend.qemu.stop import StopResult, end_process
from tests.backend.qemu.support import bound, control_socket, listen_on
from tests.conftest import suspend
from tests.stand_ins import python_as

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the stand-in's name is taken from its link on Linux"),
]

Start = Callable[..., tuple[subprocess.Popen[bytes], QemuProcess]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process of QEMU's name, with these arguments, that runs a line of Python and then sleeps.

    A control socket among the arguments is its own; `control_socket` answers there for it.
    """
    program = python_as(tmp_path / "programs" / "qemu-system-x86_64")
    children: list[subprocess.Popen[bytes]] = []

    def begin(line: str, *arguments: str) -> tuple[subprocess.Popen[bytes], QemuProcess]:
        sockets = [bound(Path(word.removeprefix("unix:").split(",")[0])) for word in arguments if "unix:" in word]
        handles = [each.fileno() for each in sockets]
        code = f"import signal, time; {listen_on(handles)}; {line}; print(flush=True); time.sleep(1000)"
        command = [str(program), "-I", "-S", "-c", code, *arguments]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=handles)
        children.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        process = look(child.pid)
        assert process is not None
        return child, process

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def end(process: QemuProcess, timeouts: StopTimeouts, power_off: Callable[[], bool] | None = None) -> StopResult:
    return end_process("m", process, timeouts, Control(), power_off)


def test_no_time_for_the_guest_means_no_power_button(start: Start) -> None:
    _, process = start("pass")
    asked = Event()

    def power_off() -> bool:
        asked.set()
        return True

    assert end(process, StopTimeouts(powerdown=0, terminate=600), power_off).step == "terminate"
    assert not asked.is_set()


def test_a_guest_that_was_asked_another_way_is_given_its_time(start: Start) -> None:
    child, process = start("pass")

    def power_off() -> bool:
        child.terminate()
        return True

    assert end(process, StopTimeouts(powerdown=600), power_off) == StopResult("powerdown", "m powered off")


def test_a_guest_nobody_could_ask_is_not_waited_for(start: Start) -> None:
    _, process = start("pass")
    steps: list[str] = []
    timeouts = StopTimeouts(powerdown=600, terminate=600)
    assert end_process("m", process, timeouts, Control(report=steps.append), lambda: False).step == "terminate"
    assert not any("for the guest" in step for step in steps)


@pytest.mark.parametrize("state", ["running", "paused", "suspended", "io-error", "hibernated"])
def test_the_power_button_is_pressed_when_the_guest_can_notice(start: Start, tmp_path: Path, state: str) -> None:
    path = tmp_path / "qmp"
    child, process = start("pass", "-qmp", f"unix:{path},server=on,wait=off")
    steps: list[str] = []

    def report(step: str) -> None:
        steps.append(step)
        if "for the guest" in step:
            child.terminate()

    def prepare() -> None:
        steps.append("prepared")

    answers = {"query-status": {"status": state}, "cont": {}, "system_wakeup": {}, "system_powerdown": {}}
    with control_socket(path, answers) as commands:
        result = end_process(
            "m", process, StopTimeouts(powerdown=600), Control(report=report), prepare=prepare, image=tmp_path
        )
    assert result == StopResult("powerdown", "m powered off")
    before = wake_up(state, room=None) or ()
    asked = ["query-status", *before, "system_powerdown"]
    assert [command["execute"] for command in commands][: len(asked)] == asked
    waking = [f"the VM is {run_state(state).words}: waking it"] if before else []
    assert steps[: len(waking) + 2] == [*waking, "prepared", "pressing the power button"]
    assert steps[len(waking) + 2].startswith("waiting for the guest to power off (")


@pytest.mark.parametrize(("state", "asked"), [("suspended", True), ("paused", False)])
def test_a_guest_that_has_slept_is_asked_another_way_too(start: Start, tmp_path: Path, state: str, asked: bool) -> None:
    """Its button may not work any more."""
    path = tmp_path / "qmp"
    child, process = start("pass", "-qmp", f"unix:{path},server=on,wait=off")
    ways: list[str] = []

    def power_off() -> bool:
        ways.append("another way")
        return True

    def report(step: str) -> None:
        if "for the guest" in step:
            child.terminate()

    answers = {"query-status": {"status": state}, "cont": {}, "system_wakeup": {}, "system_powerdown": {}}
    with control_socket(path, answers) as commands:
        control = Control(report=report)
        assert end_process("m", process, StopTimeouts(powerdown=600), control, power_off).step == "powerdown"
    assert (ways == ["another way"]) == asked
    assert "system_powerdown" in [command["execute"] for command in commands]


@pytest.mark.parametrize("state", sorted(name for name in RUN_STATES if wake_up(name, room=None) is None))
def test_a_guest_that_can_not_notice_the_button_is_not_waited_for(start: Start, tmp_path: Path, state: str) -> None:
    path = tmp_path / "qmp"
    _, process = start("pass", "-qmp", f"unix:{path},server=on,wait=off")
    steps: list[str] = []

    def ask_in_vain() -> bool:
        steps.append("asked in vain")
        return True

    with control_socket(path, {"query-status": {"status": state}, "cont": {}, "system_powerdown": {}}) as commands:
        control = Control(report=steps.append)
        timeouts = StopTimeouts(powerdown=600, terminate=600)
        result = end_process("m", process, timeouts, control, ask_in_vain, prepare=ask_in_vain)
    assert result.step == "terminate"
    assert [command["execute"] for command in commands] == ["query-status"]
    assert steps[:2] == [f"the VM is {run_state(state).words}, so its guest can't power off", "sending SIGTERM to QEMU"]


def test_a_guest_whose_disk_is_full_is_not_continued(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "qmp"
    _, process = start("pass", "-qmp", f"unix:{path},server=on,wait=off")
    monkeypatch.setattr(stop, "room_of", lambda image: Room(str(image), 0))
    with control_socket(path, {"query-status": {"status": "io-error"}, "cont": {}, "system_powerdown": {}}) as commands:
        timeouts = StopTimeouts(powerdown=600, terminate=600)
        result = end_process("m", process, timeouts, Control(), image=tmp_path)
    assert result.step == "terminate"
    assert [command["execute"] for command in commands] == ["query-status"]


def test_a_guest_that_halts_while_it_powers_off_is_not_waited_for(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "qmp"
    _, process = start("pass", "-qmp", f"unix:{path},server=on,wait=off")
    monkeypatch.setattr(stop, "_LOOK_INTERVAL", 0.1)
    answers: dict[str, object] = {"query-status": {"status": "running"}, "system_powerdown": {}}
    steps: list[str] = []

    def report(step: str) -> None:
        steps.append(step)
        if "for the guest" in step:
            answers["query-status"] = {"status": "shutdown"}

    with control_socket(path, answers):
        timeouts = StopTimeouts(powerdown=600, terminate=600)
        result = end_process("m", process, timeouts, Control(report=report))
    assert result.step == "terminate"
    assert "the VM is shut down, but QEMU has not ended, so its guest can't power off" in steps


def test_a_button_that_can_not_be_pressed_is_told_and_the_other_way_tried(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "qmp"
    child, process = start("pass", "-qmp", f"unix:{path},server=on,wait=off")
    steps: list[str] = []

    def power_off() -> bool:
        child.terminate()
        return True

    with control_socket(path, {"query-status": {"status": "running"}}):
        control = Control(report=steps.append)
        result = end_process("m", process, StopTimeouts(powerdown=600), control, power_off)
    assert result.step == "powerdown"
    assert steps[:2] == [
        "pressing the power button",
        "QEMU refused system_powerdown: no system_powerdown here; check the state of the VM",
    ]


def test_a_suspended_qemu_is_woken_first(start: Start) -> None:
    child, process = start("pass")
    suspend(child.pid)
    steps: list[str] = []
    control = Control(report=steps.append)
    result = end_process("m", process, StopTimeouts(powerdown=0, terminate=600), control)
    assert result == StopResult("terminate", "m was ended with SIGTERM")
    assert steps[:2] == ["QEMU is suspended: waking it", "sending SIGTERM to QEMU"]


class Immortal(QemuProcess):
    """One that the kernel holds, whatever it is sent."""

    def suspended(self) -> bool:
        return False

    def alive(self) -> bool:
        return True

    def send(self, number: int) -> bool:
        return True


def test_a_process_that_outlives_the_kill_is_named() -> None:
    timeouts = StopTimeouts(powerdown=0, terminate=0, kill=0)
    with pytest.raises(StopFailed, match="still there") as caught:
        end(Immortal(7, "1", 0.0, (), ()), timeouts)
    assert str(caught.value) == (
        "process 7 of m is still there 0 s after SIGKILL: the kernel holds it, most likely waiting for a disk;"
        " check that disk, then stop the VM again"
    )


class Watch(Event):
    """A clock that goes on only while somebody waits for this event."""

    now = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timeout
        return self.is_set()

    def monotonic(self) -> float:
        return self.now

    sleep = staticmethod(time.sleep)


def test_each_step_tells_the_seconds_left(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, process = start("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    steps: list[str] = []
    watch = Watch()
    monkeypatch.setattr(stop, "time", watch)
    result = end_process("m", process, StopTimeouts(terminate=1.5), Control(report=steps.append, skip=watch))
    assert result == StopResult("kill", "m was ended with SIGKILL")
    assert steps[:2] == ["pressing the power button", "sending SIGTERM to QEMU"]
    assert steps[2:4] == ["waiting for QEMU after SIGTERM (2 s left)", "waiting for QEMU after SIGTERM (1 s left)"]
    assert steps[4] == "sending SIGKILL to QEMU"


def test_a_process_that_is_gone_already_needs_no_signal(start: Start) -> None:
    child, process = start("pass")
    child.kill()
    child.wait()
    assert end(process, StopTimeouts(powerdown=0)) == StopResult("gone", "m ended by itself")


def test_given_up_before_the_first_signal(start: Start) -> None:
    child, process = start("pass")
    cancel = Event()
    cancel.set()
    said = "^the stop of m was cancelled: its guest may still be powering off$"
    with pytest.raises(Cancelled, match=said):
        end_process("m", process, StopTimeouts(), Control(cancel=cancel), lambda: True)
    assert child.poll() is None


def test_a_key_press_before_the_kill_does_not_cut_that_short(start: Start) -> None:
    """`test_skip` at the last step: it was once taken for the end of the wait, and the stop for failed."""
    _, process = start("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    skip = Event()
    control = Control(report=lambda _step: skip.set(), skip=skip)
    assert end_process("m", process, StopTimeouts(), control, lambda: True).step == "kill"
