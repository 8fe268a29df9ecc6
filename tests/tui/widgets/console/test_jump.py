"""The line of a recording that somebody wants to see."""

import pytest

from podplane_tui.tui.widgets.console.jump import Jump
from tests.tui.widgets.support import running

pytestmark = pytest.mark.slow


async def test_a_line_is_shown_where_it_was_or_looked_for_again_when_lines_were_wrapped_anew() -> None:
    again: list[int] = []
    async with running(size=(40, 11)) as (app, pilot):
        view = app.view
        jump = Jump(view, lambda: again.append(view.terminal.columns))
        jump.show()  # nobody wants to see one
        assert (view.selected_text, again) == ("", [])
        view.feed(b"".join(b"line %d\r\n" % number for number in range(50)))
        jump.here()
        view.feed(b"this one\r\n" + b"".join(b"more %d\r\n" % number for number in range(50)))
        jump.show()
        assert view.selected_text == "this one"
        assert not view.viewport.following
        await pilot.resize_terminal(30, 11)
        await pilot.pause()
        jump.show()
        assert again == [30]
