"""The journal: where its cursor is while things happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App
from textual.widgets import OptionList, Static

from podplane_tui.tui.state.events import event
from podplane_tui.tui.widgets.events_panel import EventsPanel

if TYPE_CHECKING:
    from textual.app import ComposeResult


class EventsApp(App[None]):
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self.panel = EventsPanel()

    def compose(self) -> ComposeResult:
        yield self.panel

    def text(self) -> str:
        return str(self.panel.query_one("#events-text", Static).visual)


async def test_the_latest_is_shown_until_somebody_moves_the_cursor() -> None:
    app = EventsApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.panel.events = (event("one"),)
        await pilot.pause()
        assert app.text() == "one"
        app.panel.events += (event("two"),)
        await pilot.pause()
        assert app.text() == "two"
        app.panel.query_one(OptionList).focus()
        await pilot.press("down")
        assert app.text() == "one"
        app.panel.events += (event("three"),)
        await pilot.pause()
        assert app.text() == "one"
