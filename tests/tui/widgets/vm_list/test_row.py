"""What stands in a row."""

from dataclasses import replace
from pathlib import Path

from rich.cells import cell_len

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.run_states import RUN_STATES
from podplane_tui.backend.core.status import Action, Ports, Problem, State, VMStatus
from podplane_tui.tui.widgets.vm_list.row import COLUMNS, SYMBOLS, bar, name_of, row_of

STOPPED = VMStatus(VMFiles("amd64", "default", Path("/d"), Path("/r")), State.STOPPED)
RUNNING = replace(
    STOPPED,
    state=State.RUNNING,
    pid=42,
    started_at=1000.0,
    cpu_percent=12.34,
    memory_bytes=300 * 2**20,
    memory_limit_bytes=4 * 2**30,
    disk_bytes=196 * 2**10,
    disk_virtual_bytes=128 * 2**30,
    ports=Ports(ssh=2222),
)


def texts(vm: VMStatus, *, note_room: int = 120, now: float = 1187.0) -> list[str]:
    row = row_of(vm, name="default", note_room=note_room, now=now)
    return [row[column.key].text for column in COLUMNS]


def test_a_running_machine() -> None:
    assert texts(RUNNING) == ["default", "● running", "12.3", "300M/4G", "196K/128G", "3m 07s", "2222", ""]


def test_what_is_unknown_is_a_dash() -> None:
    assert texts(STOPPED) == ["default", "○ stopped", "—", "—", "—", "—", "—", ""]


def test_a_machine_that_has_ended_has_no_uptime() -> None:
    assert texts(replace(RUNNING, pid=None))[5] == "—"


def test_every_state_has_a_symbol_of_its_own_and_its_word() -> None:
    assert set(SYMBOLS) == set(State)
    assert len(set(SYMBOLS.values())) == len(State)
    for state in State:
        assert texts(replace(STOPPED, state=state))[1] == f"{SYMBOLS[state]} {state}"


def test_every_run_state_has_a_mark_of_its_own_and_a_word_that_fits() -> None:
    states = [row for name, row in RUN_STATES.items() if name not in {"running", "paused"}]
    width = next(column.width for column in COLUMNS if column.key == "state")
    assert width is not None
    for row in states:
        vm = replace(RUNNING, state=State.PAUSED, run_state=row.name)
        cell = row_of(vm, name="default", note_room=0, now=0.0)["state"]
        assert cell.text == f"{row.mark} {row.label}"
        assert cell_len(cell.text) <= width
        assert ("error" in cell.style) == row.wrong
    assert not {row.mark for row in states} & set(SYMBOLS.values())
    assert texts(replace(RUNNING, state=State.PAUSED, run_state="paused"))[1] == "‖ paused"
    assert texts(replace(RUNNING, state=State.STOPPING, run_state="io-error"))[1] == "◑ stopping"


def test_notes_are_clean_one_line_and_cut() -> None:
    vm = replace(
        STOPPED,
        state=State.BROKEN,
        problems=(Problem("bad\x1b[31m [red]file[/]\nhere"),),
        action=Action("stop", 7, 0.0),
    )
    assert texts(vm)[-1] == "bad [red]file[/] here; stop by process 7"
    assert texts(vm, note_room=20)[-1] == "bad [red]file[/] he…"
    assert texts(vm, note_room=5)[-1] == ""


def test_only_what_is_wrong_has_the_colour_of_errors() -> None:
    def style(vm: VMStatus) -> str:
        return row_of(vm, name="default", note_room=120, now=1187.0)["note"].style

    assert style(replace(STOPPED, problems=(Problem("bad"),))) == "$text-error"
    assert style(replace(STOPPED, hint="an end of the disk is free")) == "$text-warning"


def test_a_note_names_files_not_directories() -> None:
    vm = replace(STOPPED, problems=(Problem(f"{STOPPED.files.image} is gone and so is {STOPPED.files.pid_file}"),))
    assert texts(vm)[-1] == "image.qcow2 is gone and so is pid.json"


def test_a_long_name_is_cut_a_foreign_architecture_never() -> None:
    vm = VMStatus(VMFiles("arm64", "a-rather-long-cluster-name", Path("/d"), Path("/r")), State.STOPPED)
    assert name_of(vm, host_arch="arm64", room=40) == "a-rather-long-cluster-name"
    assert name_of(vm, host_arch="amd64", room=16) == "a-rather-… arm64"
    assert name_of(vm, host_arch="amd64", room=3).endswith(" arm64")


def test_bars() -> None:
    assert [bar(share, 1) for share in (None, 0.0, 0.5, 1.0, 7.0)] == [" ", "▁", "▄", "█", "█"]
    assert bar(0.5, 4) == "██╌╌"
    assert bar(0.0, 4) == "▏╌╌╌"
    assert bar(1.5, 4) == "████"
    assert bar(None, 4) == "    "
    assert all(len(bar(number / 50, 5)) == 5 for number in range(80))
