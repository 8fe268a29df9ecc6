"""The table keeps rows by key and the cursor on its machine."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Input

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.widgets.vm_list import order
from podplane_tui.tui.widgets.vm_list.order import Sorting
from podplane_tui.tui.widgets.vm_list.table import ListView, VMTable
from tests.waiting import until


class TableApp(App[None]):
    CSS_PATH = stylesheets()  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.table = VMTable(arch="amd64", select=None)
        self.changes: list[str | None] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.watch(self.table, "selected", self.note, init=False)

    def note(self, selected: str | None) -> None:
        self.changes.append(selected)


def vm(cluster_id: str, state: State = State.STOPPED, arch: str = "amd64") -> VMStatus:
    return VMStatus(VMFiles(arch, cluster_id, Path("/d"), Path("/r")), state)


def running(cluster_id: str) -> VMStatus:
    return replace(vm(cluster_id, State.RUNNING), pid=1, started_at=time.time(), cpu_percent=1.0)


@pytest_asyncio.fixture
async def pilot() -> AsyncIterator[Pilot[None]]:
    async with TableApp().run_test(size=(80, 24)) as pilot:
        yield pilot


class FramedApp(App[None]):
    """The list in a frame, with machines before its first frame; which scrollbars each frame had."""

    CSS_PATH = stylesheets()  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.table = VMTable(arch="amd64", select="c")
        self.scrolled: list[tuple[bool, bool]] = []

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.styles.border = "round", "white"
            yield self.table

    def on_mount(self) -> None:
        self.table.vms = (vm("a"), vm("b"), vm("c"))

    def post_display_hook(self) -> None:
        if self.table.size:
            self.scrolled.append((self.table.show_horizontal_scrollbar, self.table.show_vertical_scrollbar))


def names(table: VMTable) -> list[str]:
    return [table.row(key)["name"].text for key in table.order]


def table_of(pilot: Pilot[None]) -> VMTable:
    assert isinstance(pilot.app, TableApp)
    return pilot.app.table


async def test_rows_come_in_order_and_the_first_is_selected(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("a"), vm("a-b"), vm("b"))
    await pilot.pause()
    assert names(table) == ["a", "a-b", "b"]
    assert table.selected == "a.amd64"


async def test_the_cursor_stays_on_its_machine(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("b"), vm("d"))
    await pilot.press("down")
    assert table.selected == "d.amd64"
    table.vms = (vm("a"), vm("b"), vm("c"), vm("d"), vm("e"))
    await pilot.pause()
    assert names(table) == ["a", "b", "c", "d", "e"]
    assert (table.selected, table.cursor_row) == ("d.amd64", 3)
    table.vms = (vm("c"), vm("d"))
    await pilot.pause()
    assert (table.selected, table.cursor_row) == ("d.amd64", 1)
    assert isinstance(pilot.app, TableApp)
    assert pilot.app.changes == ["b.amd64", "d.amd64"]


async def test_when_its_machine_goes_the_cursor_stays_where_it_was(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("a"), vm("b"), vm("c"))
    await pilot.press("down")
    table.vms = (vm("a"), vm("c"))
    await pilot.pause()
    assert table.selected == "c.amd64"
    table.vms = (vm("a"),)
    await pilot.pause()
    assert table.selected == "a.amd64"
    table.vms = ()
    await pilot.pause()
    assert table.selected is None


async def test_cells_change_in_place(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("a"), vm("b"))
    await pilot.pause()
    first, second = table.render_line(1), table.render_line(2)
    table.vms = (vm("a"), running("b"))
    await pilot.pause()
    assert table.row("b.amd64")["state"].text == "● running"
    assert table.row("a.amd64")["state"].text == "○ stopped"
    assert table.render_line(1) == first
    assert table.render_line(2) != second
    assert "● running" in table.render_line(2).text


async def test_two_architectures_of_one_id_are_two_rows(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("a"), vm("a", arch="arm64"))
    await pilot.pause()
    assert names(table) == ["a", "a arm64"]


async def test_the_filter_takes_names_and_states(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("alpha"), running("beta"), running("gamma"))
    table.filter_text = "RUN a"
    await pilot.pause()
    assert names(table) == ["beta", "gamma"]
    table.filter_text = "gam"
    await pilot.pause()
    assert names(table) == ["gamma"]
    assert table.selected == "gamma.amd64"
    table.filter_text = "nothing like it"
    await pilot.pause()
    assert names(table) == []
    table.filter_text = ""
    await pilot.pause()
    assert names(table) == ["alpha", "beta", "gamma"]


async def test_a_machine_can_be_selected_before_it_appears(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("a"), vm("c"))
    table.select("b")
    await pilot.pause()
    assert table.selected == "a.amd64"
    table.vms = (vm("a"), vm("b"), vm("c"))
    await pilot.pause()
    assert table.selected == "b.amd64"
    await pilot.press("down")
    table.vms = (vm("a"), vm("b"), running("c"))
    await pilot.pause()
    assert table.selected == "c.amd64"


async def test_long_names_are_cut_to_the_width(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("an-uncommonly-long-cluster-name1"),)
    await pilot.pause()
    assert table.max_scroll_x == 0
    assert names(table)[0].endswith("…")
    await pilot.resize_terminal(140, 24)
    await pilot.pause()
    assert names(table) == ["an-uncommonly-long-cluster-name1"]


async def test_vim_keys_move_the_cursor(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("a"), vm("b"))
    await pilot.press("j")
    assert table.selected == "b.amd64"
    await pilot.press("k")
    assert table.selected == "a.amd64"


@pytest.mark.slow
async def test_sixty_machines_scroll_and_the_selected_one_stays_in_view(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    many = tuple(vm(f"c{number:02}") for number in range(60))
    table.vms = many
    await pilot.press("end")
    await pilot.pause()
    assert table.selected == "c59.amd64"
    top = table.scroll_offset.y
    assert top > 0
    table.vms = (running("c00"), *many[1:])
    await pilot.pause()
    assert table.scroll_offset.y == top


async def test_a_theme_recolours_the_cells(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (running("a"),)
    await pilot.pause()
    before = table.render_line(1)
    pilot.app.theme = "textual-light"
    await pilot.pause()
    assert table.render_line(1).text == before.text
    assert table.render_line(1) != before


async def test_the_filter_knows_states_and_negation(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("alpha"), running("beta"), running("stopper"))
    table.filter_text = "state:stop"
    await pilot.pause()
    assert names(table) == ["alpha"]
    table.filter_text = "state:running !beta"
    await pilot.pause()
    assert names(table) == ["stopper"]


def busy(cluster_id: str, cpu: float) -> VMStatus:
    return replace(running(cluster_id), cpu_percent=cpu)


@pytest.mark.slow
async def test_every_column_sorts_both_ways_and_the_cursor_stays_on_its_machine(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (busy("a", 1), busy("b", 30), vm("c"), busy("d", 20))
    await pilot.press("down")
    await pilot.press("greater_than_sign", "greater_than_sign")  # state, CPU
    assert table.view.sorting.column == "cpu"
    assert [name.strip() for name in names(table)] == ["b", "d", "a", "c"]
    assert (table.selected, table.cursor_row) == ("b.amd64", 0)
    await pilot.press("I")
    assert names(table) == ["a", "d", "b", "c"]  # what is not known stays last
    assert (table.selected, table.cursor_row) == ("b.amd64", 2)
    await pilot.press("less_than_sign", "less_than_sign")
    assert names(table) == ["a", "b", "c", "d"]


@pytest.mark.slow
async def test_a_click_on_a_header_sorts_by_it_and_turns_round(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (vm("a"), vm("b"))
    await pilot.pause()
    await pilot.click(VMTable, offset=(3, 0))
    await pilot.pause()
    assert names(table) == ["b", "a"]
    await pilot.click(VMTable, offset=(3, 0))
    await pilot.pause()
    assert names(table) == ["a", "b"]


async def test_rows_do_not_move_for_values_while_somebody_is_at_it(
    pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of(pilot)
    table.view = ListView(Sorting("cpu", descending=True))
    table.vms = (busy("a", 10), busy("b", 5))
    await pilot.press("down")
    table.vms = (busy("a", 10), busy("b", 50))
    await pilot.pause()
    assert names(table) == ["a", "b"]
    monkeypatch.setattr(order, "RESORT_INTERVAL", 0.0)  # as if it had been left alone
    table.vms = (busy("a", 11), busy("b", 50))
    await pilot.pause()
    assert names(table) == ["b", "a"]
    assert (table.selected, table.cursor_row) == ("b.amd64", 0)


@pytest.mark.slow
async def test_marks_keep_to_their_machines(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (busy("a", 1), busy("b", 2), busy("c", 3))
    await pilot.press("down", "space")
    assert table.marked == {"b.amd64"}
    assert table.selected == "c.amd64"
    assert names(table) == ["  a", "✓ b", "  c"]
    table.view = ListView(Sorting("cpu", descending=True))
    table.vms = (busy("a", 1), busy("b", 2), busy("c", 3), busy("d", 4))
    await pilot.pause()
    assert names(table) == ["  d", "  c", "✓ b", "  a"]
    table.filter_text = "a"
    await pilot.pause()
    assert table.hidden_marks == {"b.amd64"}
    table.filter_text = ""
    await pilot.press("asterisk")
    assert len(table.marked) == 4
    table.vms = (busy("a", 1),)
    assert table.marked == {"a.amd64"}
    await pilot.press("asterisk")
    assert table.marked == frozenset()


async def test_columns_can_be_left_out(pilot: Pilot[None]) -> None:
    table = table_of(pilot)
    table.vms = (running("a"),)
    table.view = ListView(hidden=frozenset({"disk", "ssh"}))
    await pilot.pause()
    assert table.columns == ("name", "state", "cpu", "memory", "uptime", "note")
    assert names(table) == ["a"]


@pytest.mark.slow
async def test_rows_are_painted_anew_whoever_has_the_keys(pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch) -> None:
    table, painted = table_of(pilot), list[int]()
    render_line = table.render_line

    def paint(y: int) -> Strip:
        painted.append(y)
        return render_line(y)

    monkeypatch.setattr(table, "render_line", paint)
    table.vms = (vm("a"), vm("b"))
    await until(lambda: {1, 2} <= set(painted), what="the rows")
    await pilot.app.mount(other := Input())
    other.focus()
    await until(lambda: not table.has_focus and other.has_focus, what="the keys to be elsewhere")
    await pilot.pause()
    table.notify_style_update()  # as for a rule that changes nothing here
    await pilot.pause()
    painted.clear()
    table.vms = (vm("a"), running("b"))
    await until(lambda: 2 in painted, what="the changed row")


async def test_no_frame_has_scrollbars_where_there_is_room() -> None:
    app = FramedApp()
    async with app.run_test(size=(100, 30)):
        await until(lambda: app.scrolled, what="a frame")
        await until(lambda: app.table.selected == "c.amd64" and names(app.table) == ["a", "b", "c"], what="the rows")
        assert set(app.scrolled) == {(False, False)}
