"""One frame of a terminal: painted once, and only what changed painted anew."""

from typing import Any

import pytest
from rich.style import Style

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal.frame import Frame, Marks, regions
from podplane_tui.tui.widgets.terminal.painter import Look
from podplane_tui.tui.widgets.terminal.search import Search
from podplane_tui.tui.widgets.terminal.viewport import Viewport
from tests.tui.widgets.support import (
    on_screen,
    running,
)
from tests.waiting import until


@pytest.mark.slow
async def test_scrollback_keeps_no_strips() -> None:
    async with running() as (app, _):
        for number in range(200):
            app.view.feed(b"line %d\r\n" % number)
            app.view._paint()
        assert all(row.cache is None for row in app.view.terminal.scrollback)
        assert any(row.cache is not None for row in app.view.terminal.rows)


@pytest.mark.slow
async def test_what_is_not_changed_is_not_composed_again() -> None:
    async with running() as (app, _):
        app.view.feed(b"one\r\ntwo\r\n")
        await until(lambda: on_screen(app, "two"))
        before = [app.view.render_line(y) for y in range(24)]
        app.view.feed(b"three")
        app.view._paint()
        after = [app.view.render_line(y) for y in range(24)]
        assert [y for y in range(24) if before[y] is not after[y]] == [2]


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ([], []),
        ([3], [(3, 4)]),
        ([0, 1, 2], [(0, 3)]),
        ([0, 2, 3, 9], [(0, 1), (2, 4), (9, 10)]),
    ],
)
def test_lines_beside_each_other_are_one_region(changed: list[int], found: list[tuple[int, int]]) -> None:
    areas = regions(changed, 80)
    assert [(area.y, area.bottom) for area in areas] == found
    assert all((area.x, area.width) == (0, 80) for area in areas)


LOOKS = {
    name: Style(color=f"color({number})")
    for number, name in enumerate(
        ["cursor", "cursor-idle", "match", "match-chosen", "scroll-thumb", "scroll-track", "selection"], start=1
    )
}


class Picture:
    """A terminal of 10 by 4, and frames of it."""

    def __init__(self) -> None:
        self.terminal = Terminal(10, 4)
        self.viewport = Viewport(self.terminal)
        self.frame = Frame()
        self.look = Look(columns=10, base=Style())

    def compose(self, **marks: Any) -> list[int]:
        shown = Marks(LOOKS, **{"cursor_active": False, **marks})
        return self.frame.compose(self.viewport, self.look, shown, width=10)

    def marked(self, name: str) -> list[str]:
        """What of each line lies under these marks."""
        color = LOOKS[name].color
        strips = self.frame.strips(0, 4)
        return ["".join(text for text, style, _ in strip if style and style.color == color) for strip in strips]


def test_only_lines_that_changed_or_are_marked_otherwise_change_in_a_frame() -> None:
    picture = Picture()
    picture.terminal.feed(b"one\r\ntwo\r\nthree")
    assert picture.compose() == [0, 1, 2, 3]
    assert picture.compose() == []
    picture.terminal.feed(b"!")
    assert picture.compose() == [2]
    assert picture.compose(selection=((0, 1), (1, 2))) == [0, 1]
    assert picture.marked("selection") == ["ne       ", "tw", "", ""]
    assert picture.compose() == [0, 1]
    picture.look = Look(columns=10, base=Style(bold=True))
    assert picture.compose() == [0, 1, 2, 3]


def test_a_match_that_was_wrapped_is_marked_on_all_its_lines() -> None:
    picture = Picture()
    picture.terminal.feed(b"a needle and a nee\x1b[3;1Hx")
    search = Search("needle")
    search.update(picture.viewport, 0.0)
    picture.compose(search=search)
    assert picture.marked("match") == ["needle", "", "", ""]
    search = Search("le and a")
    search.update(picture.viewport, 0.0)
    search.step(by=-1, above=4)
    picture.compose(search=search)
    assert picture.marked("match-chosen") == ["le a", "nd a", "", ""]


def test_the_cursor_covers_the_whole_of_a_wide_character() -> None:
    picture = Picture()
    picture.terminal.feed("漢字\x1b[1;2H".encode())
    picture.compose()
    assert picture.marked("cursor-idle")[0] == "漢"
    picture.compose(cursor_active=True)
    assert picture.marked("cursor")[0] == "漢"
    picture.terminal.feed(b"\x1b[?25l")
    picture.compose(cursor_active=True)
    assert picture.marked("cursor")[0] == ""


def test_a_bar_is_there_only_while_scrolled_back_and_says_how_far() -> None:
    picture = Picture()
    picture.terminal.feed(b"\r\n".join(b"line %d" % number for number in range(16)))
    picture.compose()
    assert not any(picture.marked("scroll-thumb"))
    thumbs = []
    for top in (0, 6, 11):
        picture.viewport.scroll_to(top)
        picture.compose()
        thumbs.append([bool(each) for each in picture.marked("scroll-thumb")].index(True))
        assert [len(strip.text) for strip in picture.frame.strips(0, 4)] == [10] * 4
    assert thumbs == sorted(set(thumbs))
    assert thumbs[0] == 0
