"""What the system tells of processes, asked of real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.host.processes import (
    NO_PROCESS,
    SUSPENDED,
    age_of,
    arguments_of,
    directory_of,
    owner_of,
    pids,
    program_of,
    programs,
    since_boot,
    stat_of,
    usage_of,
)
from tests.conftest import suspend

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in's name is taken from its link on Linux")


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of an awkward name, in a directory of its own, with an argument that is empty."""
    program = tmp_path / "a) S (b"
    program.symlink_to(os.path.realpath(sys.executable))
    command = [str(program), "-I", "-S", "-c", "print(flush=True); input()", "ü x", ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_each_process_has_a_number_of_its_own_that_stays(child: subprocess.Popen[bytes]) -> None:
    first, second = pids(), pids()
    assert first[child.pid] == second[child.pid]
    assert first[child.pid] not in {number for pid, number in second.items() if pid != child.pid}


def test_a_name_with_parentheses_does_not_shift_what_stands_behind_it(child: subprocess.Popen[bytes]) -> None:
    stat = stat_of(child.pid)
    assert stat is not None
    assert stat.name == "a) S (b"
    behind = Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2].split()
    assert stat.ticks == behind[19]


def test_the_age_is_reckoned_from_the_boot_and_not_by_the_wall_clock(child: subprocess.Popen[bytes]) -> None:
    stat = stat_of(child.pid)
    assert stat is not None
    second = os.sysconf("SC_CLK_TCK")
    assert int(stat.ticks) / second <= since_boot()
    assert age_of(str(40 * second), -1e9, 100.0) == 60.0


def test_arguments_come_as_they_were_given(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    program = str(tmp_path / "a) S (b")
    assert arguments_of(child.pid) == (program, "-I", "-S", "-c", "print(flush=True); input()", "ü x", "")


def test_a_program_is_the_file_that_is_executed_whatever_it_calls_itself(child: subprocess.Popen[bytes]) -> None:
    assert program_of(child.pid) == os.path.realpath(sys.executable)
    assert dict(programs())[child.pid] == program_of(child.pid)


def test_user_and_working_directory(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert owner_of(child.pid) == os.getuid()
    assert directory_of(child.pid) == tmp_path.resolve()


def test_a_process_that_is_suspended_says_so(child: subprocess.Popen[bytes]) -> None:
    before = stat_of(child.pid)
    assert before is not None
    assert before.state not in SUSPENDED
    suspend(child.pid)
    after = stat_of(child.pid)
    assert after is not None
    assert after.state in SUSPENDED
    assert after.ticks == before.ticks


def test_what_was_used_is_that_of_the_process_of_that_start_alone(child: subprocess.Popen[bytes]) -> None:
    stat = stat_of(child.pid)
    assert stat is not None
    usage = usage_of(child.pid, stat.ticks)
    assert usage is not None
    assert usage.resident == pytest.approx(psutil.Process(child.pid).memory_info().rss, rel=0.5)
    times = psutil.Process(child.pid).cpu_times()
    assert 0 <= usage.cpu <= times.user + times.system + 0.001
    assert usage.disk is not None
    assert usage_of(child.pid, str(int(stat.ticks) + 1)) is None


def test_a_zombie_is_no_process(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert child.pid in pids()
    assert stat_of(child.pid) is None
    assert child.pid not in dict(programs())


def test_a_process_that_is_not_there_is_said_by_each(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    assert child.pid not in pids()
    assert stat_of(child.pid) is None
    assert usage_of(child.pid, "1") is None
    for ask in (arguments_of, owner_of, directory_of):
        with pytest.raises(NO_PROCESS, match=f"{child.pid}"):
            ask(child.pid)
