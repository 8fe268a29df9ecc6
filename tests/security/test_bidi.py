"""Text that a guest prints in an order other than that of its characters: seen as it is, wherever it is seen."""

import pytest

from podplane_tui.terminal.parser.stream import BIDI, BIDI_MARK
from podplane_tui.tui.widgets.streams.pty import PtyStream
from tests.tui.widgets.support import running, shown
from tests.waiting import until

pytestmark = pytest.mark.slow

PRINT = r"printf 'ok safe\342\200\256gpj.exe |\r\n\342\201\246bc |\r\nend'"
"""A right-to-left override, and an isolate that begins a line."""


async def test_overrides_of_a_program_are_marks_on_the_screen_and_in_the_clipboard() -> None:
    async with running(PtyStream(["sh", "-c", f"{PRINT}; exec sleep 1000"])) as (app, pilot):
        await until(lambda: "end" in shown(app)[2])
        lines = shown(app)[:2]
        assert lines == [f"ok safeg{BIDI_MARK}pj.exe |", f"b{BIDI_MARK}c |"]
        assert not set("".join(lines)) & set(BIDI)
        # The columns are those that the program reckons with: such a character takes none.
        strips = app.screen._compositor.render_strips()[:2]
        assert [strip.crop(*cells).text for strip, cells in zip(strips, [(15, 16), (3, 4)], strict=True)] == ["|", "|"]
        assert app.view.search("exe") == 1
        app.view.show_line(0)
        await pilot.press("ctrl+c")
        await until(lambda: app.copied)
        assert app.copied[-1] == lines[0]
