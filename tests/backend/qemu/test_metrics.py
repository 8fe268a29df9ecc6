"""CPU shares and memory of a real process, under clocks of the test's own."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from podplane_tui.backend.qemu.metrics import Sampler
from podplane_tui.backend.qemu.process import Clock, QemuProcess, create_ticks


class Hands:
    """Clocks that stand where they are put."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000.0
        self.monotonic = 1000.0
        self.since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.clock = Clock(lambda: self.wall, lambda: self.monotonic, lambda: self.since_boot)


def this_process() -> QemuProcess:
    return QemuProcess(os.getpid(), create_ticks(os.getpid()) or "", 0.0, (), ())


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.mark.slow
def test_the_share_is_that_since_the_sample_before() -> None:
    hands = Hands()
    sampler = Sampler(hands.clock)
    process = this_process()
    sampler.sample(process)
    burn(0.3)
    hands.monotonic += 1.0
    hands.wall -= 86_400
    sample = sampler.sample(process)
    assert sample is not None
    assert 25 <= sample.cpu_percent <= 60
    assert sample.memory_bytes > 2**20


def test_the_first_share_is_that_since_the_start() -> None:
    hands = Hands()
    process = this_process()
    first = Sampler(hands.clock).sample(process)
    hands.wall += 1e9
    second = Sampler(hands.clock).sample(process)
    assert first is not None
    assert second is not None
    assert second.cpu_percent == pytest.approx(first.cpu_percent, rel=0.2)


def test_no_time_between_two_samples_is_no_division_by_zero() -> None:
    sampler = Sampler(Hands().clock)
    sampler.sample(this_process())
    again = sampler.sample(this_process())
    assert again is not None
    assert again.cpu_percent == 0.0


def test_a_process_that_is_gone_has_no_sample() -> None:
    assert Sampler().sample(QemuProcess(2**22 + 1, "1", 0.0, (), ())) is None


def test_the_next_process_of_a_pid_is_not_sampled_for_the_one_before() -> None:
    assert Sampler().sample(this_process()._replace(create_ticks="1")) is None


def test_what_is_forgotten_begins_anew() -> None:
    hands = Hands()
    sampler = Sampler(hands.clock)
    first = sampler.sample(this_process())
    sampler.forget(set())
    assert first is not None
    again = sampler.sample(this_process())
    assert again is not None
    assert again.cpu_percent == pytest.approx(first.cpu_percent, rel=0.2)


def test_disk_traffic_is_a_rate(tmp_path: Path) -> None:
    hands = Hands()
    sampler = Sampler(hands.clock)
    sampler.sample(this_process())
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(8 * 2**20))
        file.flush()
        os.fsync(file.fileno())
    hands.monotonic += 2.0
    sample = sampler.sample(this_process())
    assert sample is not None
    if sample.disk_write_rate is not None:  # tmpfs counts nothing, macOS does not tell
        assert sample.disk_write_rate in (0.0, pytest.approx(4 * 2**20, rel=0.3))
