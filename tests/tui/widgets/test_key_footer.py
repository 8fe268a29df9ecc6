"""The footer: the keys that fit, the less important ones left out, help and leaving kept."""

import pytest
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.help import HelpScreen
from podplane_tui.tui.widgets.key_footer import KeyFooter
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    dashboard,
    listed,
    make_app,
    make_disk,
    painted,
    settled,
    toasts,
)
from tests.waiting import until


def footer_text(app: PodplaneApp) -> str:
    """The last line of the main screen, whatever lies above it."""
    screen = dashboard(app)
    return screen._compositor.render_strips()[screen.size.height - 1].text


@pytest.mark.slow
async def test_every_key_of_the_footer_fits(pilot: Pilot[None]) -> None:
    last = painted(app_of(pilot))[-1]
    for words in ("n New", "s Start", "x Stop", "r Restart", "d Delete", "y Sync", "c Console", "/ Filter", "? Help"):
        assert words in last
    assert last.rstrip().endswith("q Quit")


@pytest.mark.slow
@pytest.mark.parametrize("behind", [None, "n"], ids=["alone", "behind-a-dialog"])
async def test_the_footer_fits_again_after_a_resize_and_help_and_quit_stay(
    pilot: Pilot[None], behind: str | None
) -> None:
    app = app_of(pilot)
    if behind is not None:
        await pilot.press(behind)
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    for columns, keys in [
        (60, "n New s Start x Stop d Delete c Console ? Help q Quit"),
        (80, "n New s Start x Stop r Restart d Delete y Sync c Console / Filter ? Help q Quit"),
        (20, "? Help q Quit"),
        (120, " n New  s Start  x Stop  r Restart  d Delete  y Sync  c Console  / Filter  ? Help  q Quit"),
    ]:
        await pilot.resize_terminal(columns, 24)
        await settled(pilot)
        assert footer_text(app).rstrip() == keys


@pytest.mark.slow
async def test_the_footer_can_be_clicked(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    line = painted(app)[-1]
    await pilot.click(Footer, offset=(line.index("? Help") + 2, 0))
    await settled(pilot)
    assert isinstance(app.screen, HelpScreen)


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
async def test_a_footer_too_long_for_the_terminal_is_still_one(workspace: Workspace) -> None:
    make_disk(workspace, "one")
    app = make_app(workspace, keys={"vm.create": "ctrl+f6", "vm.stop": "ctrl+f7"})
    async with app.run_test(size=(80, 24)):
        await listed(app, "one")
        await until(lambda: "s Start" in painted(app)[-1], what="the keys")
        assert "^f6 New" in painted(app)[-1]


@pytest.mark.slow
async def test_what_can_not_be_done_is_grey_and_says_why(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    footer = dashboard(app).query_one(KeyFooter)

    def grey() -> set[str]:
        return {key.description for key in footer.query(FooterKey) if key.has_class("-refused")}

    await until(lambda: grey() == {"Stop", "Restart", "Sync"}, what="the verbs of a stopped VM")
    [stop] = [key for key in footer.query(FooterKey) if key.description == "Stop"]
    assert str(stop.tooltip) == "alpha is not running"
    await pilot.press("x")
    await until(lambda: any("alpha is not running" in toast for toast in toasts(app)), what="the reason")
    footer.refused = {"vm.stop": "no image at /[/x]/[red]"}  # a path, not markup
    await until(lambda: grey() == {"Stop"}, what="other verbs")
    assert str(stop.tooltip) == "no image at /[/x]/[red]"
    assert isinstance(stop.tooltip, Content)
