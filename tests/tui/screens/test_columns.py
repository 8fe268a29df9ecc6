"""The dialog that chooses the list's columns."""

import pytest

from podplane_tui.tui.screens.columns import ColumnsDialog
from podplane_tui.tui.widgets.marks import Switch
from tests.tui.screens.support import DialogApp, shown


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [frozenset(), frozenset({"disk", "ssh"})])
async def test_it_begins_with_the_columns_that_are_shown_and_gives_those_left_out(hidden: frozenset[str]) -> None:
    app = DialogApp(lambda: ColumnsDialog(hidden))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        off = {switch.id for switch in app.screen.query(Switch) if not switch.value}
        assert off == {f"column-{key}" for key in hidden}
        await pilot.press("space")  # the first of them: the state
        app.screen.query_one("#accept").focus()
        await pilot.press("enter")
        assert app.answers == [hidden | {"state"}]


@pytest.mark.slow
async def test_who_leaves_it_changes_nothing() -> None:
    app = DialogApp(lambda: ColumnsDialog(frozenset()))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("space", "escape")
        assert app.answers == [None]


async def test_the_name_can_not_be_left_out() -> None:
    app = DialogApp(lambda: ColumnsDialog(frozenset({"name", "no such column"})))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert not app.screen.query("#column-name")
        app.screen.query_one("#accept").focus()
        await pilot.press("enter")
        assert app.answers == [frozenset()]
