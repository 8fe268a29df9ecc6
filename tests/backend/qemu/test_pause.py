"""Pausing and resuming: what is sent, and what is said of what came of it. Real QEMUs are in tests/e2e."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import QMPUnavailable, RunStateError
from podplane_tui.backend.core.run_states import RUN_STATES
from podplane_tui.backend.qemu import pause as module
from podplane_tui.backend.qemu.pause import pause, resume
from podplane_tui.backend.qemu.qmp import ControlSocket
from tests.backend.qemu.support import Asked, control_socket

pytestmark = pytest.mark.slow

IMAGE = Path("/nowhere/disk")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE_TIMEOUT", 0.2)
    monkeypatch.setattr(module, "CALM", 0.1)


class Guest(Mapping[str, object]):
    """Answers of a QEMU in a run state, that a command changes to another, as `becomes` says."""

    def __init__(self, state: str, **becomes: str) -> None:
        self.state = state
        self._becomes = becomes

    def __getitem__(self, command: str) -> object:
        if command == "query-status":
            return {"status": self.state}
        self.state = self._becomes[command]
        return {}

    def __contains__(self, command: object) -> bool:
        return command == "query-status" or command in self._becomes

    def __iter__(self) -> Iterator[str]:
        return iter(["query-status", *self._becomes])

    def __len__(self) -> int:
        return 1 + len(self._becomes)


@contextlib.contextmanager
def qemu(path: Path, state: str, **becomes: str) -> Iterator[Asked]:
    with control_socket(path, Guest(state, **becomes)) as asked:
        yield asked


def socket_at(directory: Path) -> ControlSocket:
    return ControlSocket(directory / "q", os.getpid())


def sent(asked: Asked) -> list[object]:
    return [command["execute"] for command in asked if command["execute"] != "query-status"]


def test_a_guest_that_runs_is_paused(tmp_path: Path) -> None:
    with qemu(tmp_path / "q", "running", stop="paused") as asked:
        assert pause("m", socket_at(tmp_path), IMAGE)
    assert sent(asked) == ["stop"]


def test_a_guest_that_is_paused_is_left_alone(tmp_path: Path) -> None:
    with qemu(tmp_path / "q", "paused", stop="paused") as asked:
        assert not pause("m", socket_at(tmp_path), IMAGE)
    assert sent(asked) == []


@pytest.mark.parametrize("state", sorted(RUN_STATES.keys() - {"running", "paused"}))
def test_a_guest_that_is_halted_another_way_does_not_pass_for_paused(tmp_path: Path, state: str) -> None:
    """QEMU's `stop` says that it is done, and does nothing there."""
    with (
        qemu(tmp_path / "q", state, stop=state),
        pytest.raises(RunStateError, match=f"^m can't be paused: it is {RUN_STATES[state].words}; ") as caught,
    ):
        pause("m", socket_at(tmp_path), IMAGE)
    assert caught.value.hint == RUN_STATES[state].advice


def test_a_guest_that_runs_is_not_resumed_again(tmp_path: Path) -> None:
    with qemu(tmp_path / "q", "running", cont="running") as asked:
        assert not resume("m", socket_at(tmp_path), IMAGE)
    assert sent(asked) == []


@pytest.mark.parametrize("state", sorted(name for name, row in RUN_STATES.items() if row.resume))
def test_a_guest_that_can_run_again_does(tmp_path: Path, state: str) -> None:
    command = RUN_STATES[state].resume
    with qemu(tmp_path / "q", state, **{"cont": state, "system_wakeup": state, command: "running"}) as asked:
        assert resume("m", socket_at(tmp_path), IMAGE)
    assert sent(asked) == [command]


@pytest.mark.parametrize("state", sorted(name for name, row in RUN_STATES.items() if not row.resume and row.advice))
def test_a_guest_that_can_not_run_again_is_left_alone(tmp_path: Path, state: str) -> None:
    with (
        qemu(tmp_path / "q", state, cont="running", system_wakeup="running") as asked,
        pytest.raises(RunStateError, match=f"^m can't be resumed: it is {RUN_STATES[state].words}; ") as caught,
    ):
        resume("m", socket_at(tmp_path), IMAGE)
    assert caught.value.hint == RUN_STATES[state].advice
    assert sent(asked) == []


def test_a_resume_that_changes_nothing_is_told(tmp_path: Path) -> None:
    with (
        qemu(tmp_path / "q", "paused", cont="suspended"),
        pytest.raises(RunStateError, match=r"^m can't be resumed: it is suspended by its guest; resume wakes it$"),
    ):
        resume("m", socket_at(tmp_path), IMAGE)


class Relapsing(Guest):
    """Runs when it is told to, until it is asked for the second time."""

    looks = 0

    def __getitem__(self, command: str) -> object:
        if command == "query-status" and self.state == "running":
            self.looks += 1
            if self.looks == 2:
                self.state = "io-error"
        return super().__getitem__(command)


def test_a_guest_that_halts_again_at_once_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "disk").touch()
    with (
        control_socket(tmp_path / "q", Relapsing("io-error", cont="running")),
        pytest.raises(
            RunStateError, match=r"^m can't be resumed: it is stopped by an I/O error on its disk; "
        ) as caught,
    ):
        resume("m", socket_at(tmp_path), tmp_path / "disk")
    assert " free), then resume it" in caught.value.hint


def test_what_qemu_says_of_a_refusal_is_passed_on(tmp_path: Path) -> None:
    said = r"^m can't be resumed \(QEMU refused system_wakeup: no system_wakeup here\): it is suspended by its guest; "
    with qemu(tmp_path / "q", "suspended", cont="running"), pytest.raises(RunStateError, match=said):
        resume("m", socket_at(tmp_path), IMAGE)


def test_without_qemu_there_is_nothing_to_tell(tmp_path: Path) -> None:
    for verb in (pause, resume):
        with pytest.raises(QMPUnavailable, match="can't be used"):
            verb("m", socket_at(tmp_path), IMAGE)
