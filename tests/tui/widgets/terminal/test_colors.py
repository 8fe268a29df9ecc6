"""The colours a terminal is painted in, and those its programs are told."""

import pytest
from rich.style import Style
from rich.terminal_theme import MONOKAI

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal.colors import look_of, told_colors
from podplane_tui.tui.widgets.terminal.painter import Look

BASE = Style.parse("#e0e0e0 on #121212")


def colourful() -> Terminal:
    """Its program has defined a colour, the text's and the background's."""
    terminal = Terminal(20, 4)
    terminal.feed(b"\x1b]4;1;#123456\x07\x1b]10;#abcdef\x07\x1b]11;#fedcba\x07")
    return terminal


def test_the_guests_colours_count_only_when_they_are_wanted() -> None:
    terminal = colourful()
    theirs = look_of(terminal, base=BASE, ansi_theme=MONOKAI, guest_colors=False)
    assert theirs == Look(columns=20, base=BASE, ansi_theme=MONOKAI)
    guests = look_of(terminal, base=BASE, ansi_theme=None, guest_colors=True)
    assert guests == Look(columns=20, base=BASE, palette={1: "123456"}, foreground="abcdef", background="fedcba")


def test_a_look_does_not_change_with_its_terminal() -> None:
    """What a row was painted in is compared with what it would be painted in now."""
    terminal = colourful()
    before = look_of(terminal, base=BASE, ansi_theme=None, guest_colors=True)
    terminal.feed(b"\x1b]4;1;#654321\x07")
    assert before.palette == {1: "123456"}
    assert look_of(terminal, base=BASE, ansi_theme=None, guest_colors=True) != before


def test_reverse_video_is_part_of_the_look() -> None:
    terminal = Terminal(20, 4)
    assert not look_of(terminal, base=BASE, ansi_theme=None, guest_colors=False).reverse_video
    terminal.feed(b"\x1b[?5h")
    assert look_of(terminal, base=BASE, ansi_theme=None, guest_colors=False).reverse_video


@pytest.mark.parametrize(
    ("base", "dark", "told"),
    [
        ("#e0e0e0 on #121212", True, ("e0e0e0", "121212")),
        ("#e0e0e0 on #121212", False, ("e0e0e0", "121212")),
        ("default on default", True, ("ffffff", "000000")),
        ("default on default", False, ("000000", "ffffff")),
        ("#e0e0e0", True, ("ffffff", "000000")),
        ("on #121212", False, ("000000", "ffffff")),
    ],
)
def test_programs_are_told_what_they_are_painted_in(base: str, dark: bool, told: tuple[str, str]) -> None:
    assert told_colors(Style.parse(base), dark=dark) == told
