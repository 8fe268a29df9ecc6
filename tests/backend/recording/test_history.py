"""A machine's boots, as their recordings grow."""

import os
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording import history
from podplane_tui.backend.recording.history import BootHistory, RecordedBoot
from podplane_tui.backend.recording.store import begin, belongs_to

FIRMWARE = b"BdsDxe: loading Boot0001\r\n"
KERNEL = b"[    0.500000] Linux version 6.1\r\n"


class Machine:
    """One whose console says what the test has it say; this process stands for its QEMU."""

    def __init__(self, tmp_path: Path) -> None:
        files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "state")
        self._path = begin(files)
        belongs_to(self._path, os.getpid())
        self._history = BootHistory(files)

    def says(self, text: bytes) -> RecordedBoot:
        """Its boot, looked at once more."""
        with self._path.open("ab") as file:
            file.write(text)
        (boot,) = self._history.look()
        return boot


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_firmware_is_timed_from_power_on(machine: Machine) -> None:
    shown = machine.says(FIRMWARE)
    started = shown.recording.started_at
    assert shown.began_at == started
    assert shown.elapsed(started + 7) == 7
    assert (shown.boot.stages[0].start, shown.outcome) == (0.0, "booting")


def test_a_kernel_that_somebody_watched_has_a_beginning(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_WATCHING", 1e9)
    machine.says(FIRMWARE)
    shown = machine.says(KERNEL)
    assert shown.kernel_started_at is not None
    assert shown.boot.stages[0].duration is not None


def test_what_comes_while_nobody_looks_came_nobody_knows_when(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_WATCHING", -1.0)
    machine.says(FIRMWARE)
    shown = machine.says(KERNEL)
    assert shown.kernel_started_at is None
    assert shown.elapsed(shown.recording.started_at + 60) is None
    assert [(stage.name.value, stage.start) for stage in shown.boot.stages] == [("firmware", None), ("kernel", 0.0)]


def test_a_machine_with_nothing_to_boot_does_not_boot_for_ever(machine: Machine) -> None:
    shown = machine.says(FIRMWARE + b"UEFI Interactive Shell v2.2\r\n")
    assert (shown.live, shown.outcome) == (True, "nothing to boot")
    shown = machine.says(b"fs0:\\> linux\r\n" + KERNEL)  # but from its shell something may be booted
    assert shown.outcome == "booting"
