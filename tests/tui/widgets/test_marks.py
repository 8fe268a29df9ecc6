"""Marks that are there or not, whatever the colours."""

import pytest
from textual.app import App, ComposeResult
from textual.widgets import RadioSet

from podplane_tui.tui.widgets.marks import Choice, Switch


class MarksApp(App[None]):
    """A switch, and two ways of which one is chosen."""

    def compose(self) -> ComposeResult:
        yield Switch("on or off")
        with RadioSet():
            yield Choice("one", value=True)
            yield Choice("other")


async def test_a_switch_has_a_mark_only_while_it_is_on() -> None:
    app = MarksApp()
    async with app.run_test():
        switch = app.query_one(Switch)
        assert str(switch.render()).rstrip() == "▐ ▌ on or off"
        switch.toggle()
        assert str(switch.render()).rstrip() == "▐X▌ on or off"
        switch.toggle()
        assert str(switch.render()).rstrip() == "▐ ▌ on or off"


@pytest.mark.parametrize(("chosen", "shown"), [(0, ["▐●▌ one", "▐ ▌ other"]), (1, ["▐ ▌ one", "▐●▌ other"])])
async def test_only_the_way_that_is_chosen_has_a_mark(chosen: int, shown: list[str]) -> None:
    app = MarksApp()
    async with app.run_test() as pilot:
        choices = list(app.query(Choice))
        choices[chosen].value = True
        await pilot.pause()
        assert [str(choice.render()).rstrip() for choice in choices] == shown
