"""The command palette: what is in it, and what can't be done now."""

import pytest
from textual.command import DiscoveryHit
from textual.content import Content
from textual.pilot import Pilot

from podplane_tui.tui.palette import PaletteCommands
from podplane_tui.tui.screens.create import CreateDialog
from tests.tui.support import app_of, settled
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


async def test_the_palette_has_the_verbs_and_what_they_are_about(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    names = [command.title for command in PaletteCommands(app.screen).commands()]
    assert {"New VM", "Start alpha", "Delete alpha", "Events", "Boot", "Find", "Columns", "Tour", "Theme"} <= set(names)
    assert len(names) == len(set(names))
    assert not {"Keys", "Maximize"} & set(names)  # help and the full view are ours
    await pilot.press("ctrl+p")
    await settled(pilot)
    await pilot.press(*"New VM")
    await settled(pilot)
    await pilot.press("down", "enter")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")


async def test_what_can_not_be_done_now_is_dim_and_says_why(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    provider = PaletteCommands(app.screen)
    hits = {hit.text: hit async for hit in provider.discover() if isinstance(hit, DiscoveryHit)}

    def dim(title: str) -> bool:
        display = hits[title].display
        assert isinstance(display, Content)
        return any(span.style == "dim" for span in display.spans)

    assert (dim("Start alpha"), dim("Stop alpha")) == (False, True)
    assert hits["Stop alpha"].help == "alpha is not running · x"
    found = [hit async for hit in provider.search("stop alpha")]
    assert [hit.text for hit in found] == ["Stop alpha"]
    await hits["Stop alpha"].command()
    await until(lambda: any("alpha is not running" in note.message for note in app._notifications), what="the reason")
