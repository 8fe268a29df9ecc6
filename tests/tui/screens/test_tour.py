"""The tour: its pages, and who is told of it."""

from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot

from podplane_tui.tui.keys.bindings import BY_ID
from podplane_tui.tui.saved_view import recall
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.tour import Tour, pages
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    listed,
    make_app,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until


@pytest.mark.slow
async def test_the_tour_turns_its_pages_and_ends(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("f1")
    await until(lambda: isinstance(app.screen, Tour), what="the tour")
    await settled(pilot)
    assert "local Podplane clusters" in text_of(app, "#tour-text")
    await pilot.press("right")
    await settled(pilot)
    assert "serial console" in text_of(app, "#tour-text")
    await pilot.press("left", *["right"] * 4)
    await settled(pilot)
    assert isinstance(app.screen, Dashboard)


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
async def test_a_newcomer_is_told_of_the_tour_once(workspace: Workspace) -> None:
    for expected in (True, False):
        app = make_app(workspace, welcome=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await listed(app)
            await settled(pilot)
            assert any("F1" in message for message in toasts(app)) is expected
            path = app._memory_path
            await until(partial(_is_toured, path), what="the memory of it")


def _is_toured(path: Path) -> bool:
    return recall(path).toured


def test_every_page_names_the_keys_as_they_are_now_and_fits_a_small_terminal() -> None:
    asked: set[str] = set()

    def key(binding_id: str) -> str:
        asked.add(binding_id)
        return f"<{binding_id}>"

    found = pages(key)
    assert len({title for title, _ in found}) == len(found) > 1
    text = "\n".join(words.plain for _, words in found)
    assert asked <= set(BY_ID)
    assert all(f"<{binding_id}>" in text for binding_id in asked)
    assert all(len(words.plain.splitlines()) <= 16 for _, words in found)
