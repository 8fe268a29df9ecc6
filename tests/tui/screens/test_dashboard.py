"""Every key of the main screen, at the smallest usable size and at an ordinary one, on real directories."""

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.saved_view import recall
from podplane_tui.tui.screens.columns import ColumnsDialog
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.widgets.vm_list.table import VMTable
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    dashboard,
    files_of,
    listed,
    make_app,
    painted,
    screen_text,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


async def test_it_lists_what_is_on_disk(pilot: Pilot[None]) -> None:
    text = screen_text(pilot)
    for word in ("CLUSTER", "STATE", "CPU %", "MEMORY", "DISK", "UPTIME", "SSH", "alpha", "beta", "○ stopped", "/128G"):
        assert word in text
    assert "○ 2 stopped" in text


async def test_the_console_has_room(pilot: Pilot[None]) -> None:
    panel = app_of(pilot).screen.query_one("#console")
    assert panel.size.height >= 10
    assert panel.size.width >= 78


async def test_every_binding_has_an_id_and_says_what_it_does(pilot: Pilot[None]) -> None:
    ids = []
    for binding in Dashboard.BINDINGS:
        assert not isinstance(binding, tuple)
        assert binding.id
        assert binding.tooltip
        ids.append(binding.id)
    assert len(set(ids)) == len(ids)
    keys = [key for binding in Dashboard.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")]
    assert len(set(keys)) == len(keys)


async def test_q_quits_at_once(pilot: Pilot[None]) -> None:
    await pilot.press("q")
    await until(lambda: not app_of(pilot).is_running, what="the end")


async def test_f_gives_the_panel_the_whole_screen(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    before = app.screen.query_one("#console").size.height
    await pilot.press("f")
    await settled(pilot)
    assert not app.screen.query_one("#machines").display
    assert app.screen.query_one("#console").size.height > before
    await pilot.press("escape")
    await settled(pilot)
    assert app.screen.query_one("#machines").display
    assert isinstance(app.focused, VMTable)


async def test_a_click_selects_a_row_and_does_not_type(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    row = next(y for y, line in enumerate(painted(app)) if " beta " in line)
    await pilot.click(offset=(10, row))
    await settled(pilot)
    assert dashboard(app).table.selected == "beta.amd64"
    assert toasts(app) == []


async def test_the_console_of_a_stopped_machine_says_so(pilot: Pilot[None]) -> None:
    assert "alpha is stopped: press s to start it." in text_of(app_of(pilot), "#console-notice")


async def test_any_size_is_survived(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    for size in [(20, 5), (1, 1), (5, 2), (200, 50), (79, 23), (300, 8)]:
        await pilot.resize_terminal(*size)
        await settled(pilot)
    await pilot.resize_terminal(20, 5)
    await pilot.press("4", "question_mark", "escape", "n", "escape", "e", "escape", "slash", "escape", "f", "f", "1")
    await pilot.resize_terminal(80, 24)
    await settled(pilot)
    assert isinstance(app.screen, Dashboard)
    assert "alpha" in screen_text(pilot)


async def test_themes_can_be_switched(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    for theme in ("textual-light", "nord", "solarized-light", "ansi-dark"):
        app.theme = theme
        await settled(pilot)
        assert "○ stopped" in screen_text(pilot)


async def test_a_broken_machine_is_a_row_that_says_what_is_wrong(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    files_of(workspace, "zulu").image.write_bytes(b"junk")
    await listed(app, "alpha", "beta", "zulu")
    await pilot.press("end")
    await until(lambda: "! broken" in screen_text(pilot), what="the state")
    await until(lambda: "not a qcow2" in text_of(app, "#console-notice"), what="what is wrong")
    await pilot.press("s")
    await until(lambda: toasts(app), what="a toast")
    [said] = toasts(app)
    assert said.startswith("zulu is broken: ")
    assert said.endswith("repair it first (!)")


async def test_a_verb_is_about_the_machine_the_key_before_it_went_to(
    pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(pilot)
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(PodplaneApp, "on_action_requested", lambda _, event: asked.append(event.keys))
    for key in ("down", "s", "up", "s"):  # without a moment between them, as somebody types who knows what is there
        app.simulate_key(key)
    await until(lambda: len(asked) == 2, what="both")
    assert asked == [("beta.amd64",), ("alpha.amd64",)]


async def test_order_and_columns_are_remembered(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("I")
    await until(lambda: recall(app._memory_path).view.sorting.descending, what="a memory")
    async with make_app(workspace).run_test(size=(80, 24)) as other:
        await listed(app_of(other), "alpha", "beta")
        assert app_of(other).screen.query_one(VMTable).view.sorting.descending
    await pilot.press("C")
    await until(lambda: isinstance(app.screen, ColumnsDialog), what="the dialog")
    await pilot.press("space", "up", "enter")
    await until(lambda: "state" in app.screen.query_one(VMTable).view.hidden, what="a column less")
    await settled(pilot)
    assert "STATE" not in screen_text(pilot)
