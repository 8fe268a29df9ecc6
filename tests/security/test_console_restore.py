"""The terminal after `console`: whatever the guest did to it, it is the user's again."""

import re
import subprocess

import pytest

from tests.conftest import Workspace
from tests.e2e.test_tmux import Terminal, program
from tests.e2e.test_tmux import terminal as terminal  # noqa: PLC0414 - a fixture
from tests.guest.tiny import TinyGuest
from tests.security.support import printing, started
from tests.terminal.support import HOSTILE

pytestmark = [pytest.mark.vm, pytest.mark.tmux, pytest.mark.timeout(400)]

STATE = (
    *("alternate_on", "cursor_flag", "insert_flag", "keypad_cursor_flag", "keypad_flag", "mouse_any_flag"),
    *("mouse_sgr_flag", "mouse_all_flag", "origin_flag", "wrap_flag", "scroll_region_upper", "scroll_region_lower"),
    *("pane_title", "pane_tabs"),
)


def state(terminal: Terminal) -> dict[str, str]:
    """What tmux tells of its terminal."""
    told = terminal.tmux("display", "-p", "\n".join(f"#{{{name}}}" for name in STATE))
    return dict(zip(STATE, told.splitlines(), strict=True))


@pytest.mark.parametrize(
    "last",
    [
        "\x1b[?1049h",
        "\x1b]2;half a title",
        "\x1b[23t\x1b[23t\x1b[3",
        "\x1b[2\x003;0t\x1b]2;EVIL\x07",
        "\x1b[?40h\x1b[?3h\x1b]R",
    ],
)
def test_a_guest_leaves_nothing_in_the_terminal(
    terminal: Terminal, workspace: Workspace, tiny_guest: TinyGuest, last: str
) -> None:
    with started(workspace, tiny_guest):
        terminal.run("bash", "--norc", "-i", size=(100, 24))
        terminal.type("PS1='ready> '; printf '\\033]2;mine\\033\\\\'")
        terminal.press("Enter")
        terminal.until(lambda: state(terminal)["pane_title"] == "mine", "a title")
        terminal.shows("\nready>")
        before = state(terminal)
        terminal.type(f"clear; {subprocess.list2cmdline(program('console', '--id', 'a'))}")
        terminal.press("Enter")
        terminal.shows("Ctrl-] detaches")
        terminal.press("Enter")
        terminal.shows("root@tiny:")
        terminal.type(f"{printing((HOSTILE + last).encode())}; sleep 1000")
        terminal.press("Enter")
        terminal.until(lambda: state(terminal)["origin_flag"] == "1", "the guest to be hostile")
        terminal.until(lambda: state(terminal)["pane_title"] != "mine", "another title")
        terminal.press("C-]")
        terminal.until(lambda: "ready>" in terminal.screen, "the shell")
        terminal.type("echo aqx; printf '\\tTAB\\n'")
        terminal.press("Enter")
        # In letters and not in lines, and at the second tab stop; over what the guest has left there.
        terminal.until(lambda: re.search(r"^aqx.*\n.{8}TAB", terminal.screen, re.MULTILINE), "plain text")
        assert state(terminal) == before
