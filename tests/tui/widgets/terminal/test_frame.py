"""One frame of a terminal: painted once, and only what changed painted anew."""

import pytest

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
