"""The rows of a list, and the columns there is room for."""

from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Problem, State, VMStatus
from podplane_tui.tui.widgets.vm_list.row import COLUMNS, OPTIONAL, Row
from podplane_tui.tui.widgets.vm_list.rows import Layout, RowMaker, room_in

NOTHING = frozenset[str]()


def vm(cluster_id: str, state: State = State.STOPPED, arch: str = "amd64") -> VMStatus:
    return VMStatus(VMFiles(arch, cluster_id, Path("/d"), Path("/r")), state)


def running(cluster_id: str) -> VMStatus:
    return replace(vm(cluster_id, State.RUNNING), pid=1, started_at=1000.0, cpu_percent=1.0)


def keys(layout: Layout) -> list[str]:
    return [column.key for column in layout.columns]


class Made:
    """Rows and layouts of one maker."""

    def __init__(self) -> None:
        self.maker = RowMaker("amd64")

    def make(
        self,
        *vms: VMStatus,
        cells: int = 120,
        hidden: frozenset[str] = NOTHING,
        marked: frozenset[str] = NOTHING,
        watched: frozenset[str] = NOTHING,
        now: float = 1010.0,
    ) -> tuple[dict[str, Row], Layout]:
        return self.maker.make(vms, room_in(cells, hidden=hidden), marked=marked, watched=watched, now=now)


@pytest.mark.parametrize("cells", [99, 100, 250])
@pytest.mark.parametrize("hidden", [NOTHING, frozenset({"cpu", "disk"}), frozenset(OPTIONAL)])
def test_a_line_has_the_columns_that_are_not_hidden_and_takes_all_cells(cells: int, hidden: frozenset[str]) -> None:
    _, layout = Made().make(vm("a"), vm("a-longer-name"), cells=cells, hidden=hidden)
    assert keys(layout) == [column.key for column in COLUMNS if column.key not in hidden]
    assert layout.width == cells


def test_notes_are_left_out_where_there_is_room_for_nothing_but_the_rest() -> None:
    least = next(cells for cells in range(200) if "note" in keys(Made().make(vm("a"), cells=cells)[1]))
    _, layout = Made().make(vm("a"), cells=least)
    widths = dict(zip(keys(layout), layout.widths, strict=True))
    assert (widths["name"], widths["note"]) == (7, 12)
    assert keys(Made().make(vm("a"), cells=least - 1)[1])[-1] != "note"


def test_bars_are_longer_in_a_wide_line_and_take_their_room() -> None:
    (rows, narrow), (wide_rows, wide) = Made().make(running("a"), cells=99), Made().make(running("a"), cells=100)
    assert (narrow.bar_width, wide.bar_width) == (1, 5)
    cpu = keys(narrow).index("cpu")
    assert wide.widths[cpu] - narrow.widths[cpu] == 4
    assert [len(each["a.amd64"]["cpu"].bar) for each in (rows, wide_rows)] == [2, 6]


def test_names_get_what_the_longest_needs_and_no_more_than_there_is() -> None:
    rows, layout = Made().make(vm("a"), vm("x" * 25), cells=120)
    assert layout.widths[0] == 25
    rows, layout = Made().make(vm("a"), vm("x" * 25), cells=20)
    assert layout.widths[0] == 7
    assert [row["name"].text for row in rows.values()] == ["a", "xxxxxx…"]
    rows, _ = Made().make(vm("a"), vm("x" * 25), cells=20, marked=frozenset({"a.amd64"}))
    assert [row["name"].text for row in rows.values()] == ["✓ a", "  xxxx…"]


def test_marks_stand_before_all_names_and_make_their_column_wider() -> None:
    made = Made()
    _, before = made.make(vm("a"), vm("b" * 10))
    rows, layout = made.make(vm("a"), vm("b" * 10), marked=frozenset({"a.amd64", "gone.amd64"}))
    assert [row["name"].text for row in rows.values()] == ["✓ a", "  " + "b" * 10]
    assert layout.widths[0] == before.widths[0] + 2
    assert layout.width == before.width
    rows, layout = made.make(vm("a"), vm("b" * 10))
    assert (rows["a.amd64"]["name"].text, layout) == ("a", before)


def test_names_say_what_is_watched_and_what_is_of_another_architecture() -> None:
    rows, _ = Made().make(vm("a"), vm("b", arch="arm64"), watched=frozenset({"a.amd64"}))
    assert [row["name"].text for row in rows.values()] == ["a ⟳", "b arm64"]


def test_a_row_is_made_again_only_when_what_it_is_made_of_changed() -> None:
    made = Made()
    first, _ = made.make(vm("a"), vm("b"), now=1010.0)
    second, _ = made.make(vm("a"), replace(vm("b"), problems=(Problem("bad"),)), now=2010.0)
    assert second["a.amd64"] is first["a.amd64"]
    assert second["b.amd64"]["note"].text == "bad"
    third, _ = made.make(vm("a"), vm("b"), marked=frozenset({"a.amd64"}))
    assert third["a.amd64"]["name"].text == "✓ a"
    fourth, _ = made.make(vm("a"), vm("b"))
    fifth, _ = made.make(vm("a"), vm("b"), watched=frozenset({"a.amd64"}))  # all widths stay
    assert [rows["a.amd64"]["name"].text for rows in (fourth, fifth)] == ["a", "a ⟳"]
    long = replace(vm("a"), problems=(Problem("x"),) * 200)
    notes = [made.make(long, cells=cells)[0]["a.amd64"]["note"].text for cells in (120, 110)]
    assert len(notes[0]) == len(notes[1]) + 10


def test_uptimes_go_on_where_nothing_else_changes() -> None:
    made = Made()
    alive = running("a")
    assert [made.make(alive, now=now)[0]["a.amd64"]["uptime"].text for now in (1010.0, 1011.0)] == ["10s", "11s"]


def test_rows_of_vms_that_are_gone_are_not_kept() -> None:
    made = Made()
    first, _ = made.make(vm("a"), vm("b"))
    rows, _ = made.make(vm("b"))
    assert list(rows) == ["b.amd64"]
    again, _ = made.make(vm("a"), vm("b"))
    assert again["a.amd64"] is not first["a.amd64"]


def test_a_list_without_vms_has_columns_all_the_same() -> None:
    rows, layout = Made().make()
    assert rows == {}
    assert (layout.widths[0], layout.width) == (7, 120)
