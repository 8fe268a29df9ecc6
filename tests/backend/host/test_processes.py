"""What the system tells of processes, asked of real ones: in /proc, and through psutil as on other systems."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from podplane_tui.backend.host import processes as linux
from tests.conftest import suspend

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in's name is taken from its link on Linux")


def loaded_elsewhere() -> ModuleType:
    """The module as a system without /proc loads it."""
    spec = importlib.util.find_spec(linux.__name__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        spec.loader.exec_module(module)
    return module


elsewhere = loaded_elsewhere()


@pytest.fixture(params=[linux, elsewhere], ids=["linux", "elsewhere"])
def system(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


ARGUMENTS = ("-I", "-S", "-c", "print(flush=True); input()", "x" * 40_000, "ü x", "")
"""One needs more than one piece to read, and one is empty."""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of an awkward name, in a directory of its own."""
    program = tmp_path / "a) S (b"
    program.symlink_to(os.path.realpath(sys.executable))
    with subprocess.Popen(
        [str(program), *ARGUMENTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_each_process_has_a_number_of_its_own_that_stays(child: subprocess.Popen[bytes]) -> None:
    first, second = linux.pids(), linux.pids()
    assert first[child.pid] == second[child.pid]
    assert first[child.pid] not in {number for pid, number in second.items() if pid != child.pid}


def test_elsewhere_processes_have_no_such_numbers(child: subprocess.Popen[bytes]) -> None:
    found = elsewhere.pids()
    assert child.pid in found
    assert set(found.values()) == {None}


def test_a_name_with_parentheses_does_not_shift_what_stands_behind_it(child: subprocess.Popen[bytes]) -> None:
    stat = linux.stat_of(child.pid)
    assert stat is not None
    assert stat.name == "a) S (b"
    behind = Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2].split()
    assert stat.ticks == behind[19]


def test_elsewhere_a_process_has_its_name_and_its_start_by_the_wall_clock(child: subprocess.Popen[bytes]) -> None:
    stat = elsewhere.stat_of(child.pid)
    assert stat.name == "a) S (b"
    assert int(stat.ticks) / 1_000_000 == pytest.approx(psutil.Process(child.pid).create_time(), abs=0.001)


def test_the_age_is_reckoned_from_the_boot_and_not_by_the_wall_clock(child: subprocess.Popen[bytes]) -> None:
    stat = linux.stat_of(child.pid)
    assert stat is not None
    second = os.sysconf("SC_CLK_TCK")
    assert int(stat.ticks) / second <= linux.since_boot()
    assert linux.age_of(str(40 * second), -1e9, 100.0) == 60.0


def test_elsewhere_the_age_is_reckoned_by_the_wall_clock() -> None:
    assert elsewhere.age_of("40000000", 100.0, -1e9) == 60.0
    before, boot = time.time(), psutil.boot_time()
    assert before - boot - 1 <= elsewhere.since_boot() <= time.time() - boot + 1  # the clock may be set a little


def test_arguments_come_as_they_were_given(system: ModuleType, child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    program = str(tmp_path / "a) S (b")
    assert system.arguments_of(child.pid) == (program, *ARGUMENTS)


def test_a_program_is_the_file_that_is_executed_whatever_it_calls_itself(
    system: ModuleType, child: subprocess.Popen[bytes]
) -> None:
    assert system.program_of(child.pid) == os.path.realpath(sys.executable)
    assert dict(system.programs())[child.pid] == system.program_of(child.pid)


def test_user_and_working_directory(system: ModuleType, child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert system.owner_of(child.pid) == os.getuid()
    assert system.directory_of(child.pid) == tmp_path.resolve()


def test_a_process_that_is_suspended_says_so(system: ModuleType, child: subprocess.Popen[bytes]) -> None:
    before = system.stat_of(child.pid)
    assert before is not None
    assert before.state not in system.SUSPENDED
    suspend(child.pid)
    after = system.stat_of(child.pid)
    assert after is not None
    assert after.state in system.SUSPENDED
    assert after.ticks == before.ticks


def test_what_was_used_is_that_of_the_process_of_that_start_alone(
    system: ModuleType, child: subprocess.Popen[bytes]
) -> None:
    stat = system.stat_of(child.pid)
    assert stat is not None
    usage = system.usage_of(child.pid, stat.ticks)
    assert usage is not None
    assert usage.resident == pytest.approx(psutil.Process(child.pid).memory_info().rss, rel=0.5)
    times = psutil.Process(child.pid).cpu_times()
    assert 0 <= usage.cpu <= times.user + times.system + 0.001
    assert (usage.disk is not None) == (system is linux)
    assert system.usage_of(child.pid, str(int(stat.ticks) + 1)) is None


def test_a_zombie_is_no_process(system: ModuleType, child: subprocess.Popen[bytes]) -> None:
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert child.pid in system.pids()
    assert system.stat_of(child.pid) is None
    assert child.pid not in dict(system.programs())


def test_a_process_that_is_not_there_is_said_by_each(system: ModuleType, child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    assert child.pid not in system.pids()
    assert system.stat_of(child.pid) is None
    assert system.usage_of(child.pid, "1") is None
    for ask in (system.arguments_of, system.owner_of, system.directory_of):
        with pytest.raises(system.NO_PROCESS, match=f"{child.pid}"):
            ask(child.pid)
