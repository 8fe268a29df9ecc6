"""What all panels have in common: who takes the keys, and what is said of the status."""

from collections.abc import Iterable

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from podplane_tui.tui.widgets.base import Panel, Unsent


class PanelApp(App[None]):
    """One panel with these widgets in it."""

    AUTO_FOCUS = ""

    def __init__(self, widgets: Iterable[Widget]) -> None:
        super().__init__()
        self.panel = Panel(*widgets)
        self.heard: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_panel_status_changed(self) -> None:
        self.heard.append(self.panel.status)


async def test_the_first_widget_that_can_have_the_keys_gets_them() -> None:
    app = PanelApp([Static("text"), Button("off", disabled=True), Input(id="first"), Input(id="second")])
    async with app.run_test() as pilot:
        assert app.panel.enter() == ""
        await pilot.pause()
        assert app.focused is app.query_one("#first")


async def test_a_panel_with_nothing_to_do_says_so() -> None:
    app = PanelApp([Static("text"), Button("off", disabled=True)])
    async with app.run_test() as pilot:
        assert app.panel.enter() == "There is nothing to do here."
        await pilot.pause()
        assert app.focused is None


async def test_another_status_is_told_and_the_same_one_is_not() -> None:
    app = PanelApp([])
    async with app.run_test() as pilot:
        for status in ("up", "up", "down"):
            app.panel.status = status
            await pilot.pause()
        assert app.heard[-2:] == ["up", "down"]
        assert app.heard.count("up") == 1


def test_what_is_unsent_is_worth_a_word_after_a_moment() -> None:
    unsent = Unsent()
    assert unsent.words(0, 1.0) == ""
    assert unsent.words(70_000, 2.0) == ""
    assert unsent.words(70_000, 2.4) == ""
    assert unsent.words(65_536, 2.5) == "64K unsent"
    assert unsent.words(0, 3.0) == ""
    assert unsent.words(1, 4.0) == ""
