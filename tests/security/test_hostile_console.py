"""What a guest floods its console with does not keep the user's keys from it: the widget on a real terminal."""

import pytest

from podplane_tui.tui.widgets.streams.pty import PtyStream
from tests.tui.widgets.support import on_screen, running
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("before", "flood"),
    [
        pytest.param(r"\033[?69h\033[2;79s\033[2;23r", "x", id="line feeds between margins"),
        pytest.param(r"\033[?69h\033[2;3sx", r"\033[9999b", id="repetitions between margins"),
        pytest.param("x", r"\033[65$x\033[;2$t\0336", id="rectangles and columns"),
        pytest.param(r'\033[1"qa\033[0"q', r"\033[?2J\033#8", id="erasures"),
        pytest.param("x", r"\033[*y\033[c\033]4;1;?\a", id="questions"),
    ],
)
async def test_keys_stay_live_under_hostile_floods(before: str, flood: str) -> None:
    pour = f"""printf '{before}'; exec yes "$(printf '{flood}')" """
    script = f"stty -echo; ({pour}) & read key; kill $!; wait; printf '\\033cstopped'; sleep 60"
    async with running(PtyStream(["sh", "-c", script])) as (app, _):
        terminal = app.view.terminal
        await until(lambda: terminal.scrolled_off > 3 or any(line.strip() for line in terminal.display))
        app.simulate_key("enter")
        await until(lambda: app.view.typing)

        def stopped() -> bool:
            """Again and again, for a terminal's driver drops what is typed behind a line of answers that is full."""
            app.simulate_key("enter")
            return on_screen(app, "stopped")

        await until(stopped)
