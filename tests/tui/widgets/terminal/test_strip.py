"""Strips that write their own escape sequences look as Textual's would, in every look, and are strips in all else."""

from random import Random

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.terminal_theme import MONOKAI, TerminalTheme
from textual.strip import Strip

from podplane_tui.terminal import Row, Terminal
from podplane_tui.tui.widgets.terminal.painter import Look, Painter, Span, overlay
from podplane_tui.tui.widgets.terminal.strip import RowStrip

COLUMNS = 60
TRUE_COLOURS = Console(color_system="truecolor", force_terminal=True)
BASE = RichStyle.parse("#e0e0e0 on #121212")
LOOKS = [
    Look(columns=COLUMNS, base=RichStyle()),
    Look(columns=COLUMNS, base=BASE),
    Look(columns=COLUMNS, base=BASE, ansi_theme=MONOKAI),
    Look(columns=COLUMNS, base=BASE, ansi_theme=MONOKAI, reverse_video=True),
    Look(columns=COLUMNS, base=BASE, palette={1: "123456"}, foreground="abcdef", background="fedcba"),
]
WORDS = ["plain", "two words", "漢字", "e\u0301", "⚠\ufe0f", "👨\u200d👩", "  "]


def colourful(seed: int) -> list[Row]:
    """Rows with attributes and colours of all kinds, in changing order, some written over."""
    random = Random(seed)  # noqa: S311 - not for secrets
    terminal = Terminal(COLUMNS, 20)
    for _ in range(200):
        codes = [
            random.choice(["0", "1", "2", "3", "4", "4:3", "5", "7", "8", "9", "21", "22", "27", "53", "39", "49"])
        ]
        codes.append(
            random.choice(["31", "42", "97", "38;5;200", "48;5;17", "38;2;1;2;3", "48;2;200;100;0", "38;2;9;9;9"])
        )
        if random.random() < 0.1:
            terminal.feed(f"\x1b[{random.randint(1, 20)};{random.randint(1, 40)}H".encode())
        terminal.feed(f"\x1b[{';'.join(codes)}m{random.choice(WORDS)}".encode() + random.choice([b"", b" ", b"\r\n"]))
    return list(terminal.rows)


def seen(output: str) -> list[tuple[str, object]]:
    """What a terminal shows that gets this output: each cell with its style."""
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(output.encode())
    return list(terminal.rows[0].cells())


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("seed", range(3))
def test_looks_as_rendered_from_segments(look: Look, seed: int) -> None:
    painter = Painter(look)
    for row in colourful(seed):
        strip = painter.strip(row)
        assert isinstance(strip, RowStrip)
        assert seen(strip.render(TRUE_COLOURS)) == seen(Strip(list(strip), COLUMNS).render(TRUE_COLOURS))
        assert sum(segment.cell_length for segment in strip) == strip.cell_length == COLUMNS


def test_colours_of_the_theme_are_those_sent() -> None:
    theme = TerminalTheme((0, 0, 0), (255, 255, 255), [(10, 20, number) for number in range(8)])
    painter = Painter(Look(columns=COLUMNS, base=BASE, ansi_theme=theme))
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"\x1b[33;1mx")
    assert "38;2;10;20;3mx" in painter.strip(terminal.rows[0]).render(TRUE_COLOURS)


@pytest.mark.parametrize(("color_system", "red"), [("standard", "31"), ("256", "38;5;196")])
def test_terminals_of_few_colours_get_no_true_colours(color_system: str, red: str) -> None:
    console = Console(color_system=color_system, force_terminal=True)  # type: ignore[arg-type]
    # Rich remembers the sequences of a style for one kind of terminal: a base that no other test has.
    painter = Painter(Look(columns=COLUMNS, base=RichStyle.parse(f"#e0e0e0 on #0101{len(red):02}")))
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"\x1b[38;2;255;2;2mred\x1b[m plain")
    output = painter.strip(terminal.rows[0]).render(console)
    assert ";2;" not in output
    assert f"\x1b[{red};" in output


def test_the_ground_is_not_said_again_for_each_word() -> None:
    painter = Painter(LOOKS[2])
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"\x1b[38;2;1;1;1mone \x1b[38;2;2;2;2mtwo \x1b[38;2;3;3;3mthree")
    assert painter.strip(terminal.rows[0]).render(TRUE_COLOURS).count("48;2;") == 2  # of the words, of the blanks
    assert seen(painter.strip(terminal.rows[0]).render(TRUE_COLOURS))[0][0] == "o"


def test_shows_what_the_row_held_when_it_was_asked_for() -> None:
    painter = Painter(LOOKS[1])
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"before")
    strip = painter.strip(terminal.rows[0])
    terminal.feed(b"\r\x1b[1mafter!")
    assert strip.text.rstrip() == "before"
    assert "before" in strip.render(TRUE_COLOURS)
    assert painter.strip(terminal.rows[0]).text.rstrip() == "after!"


def test_can_be_cut_joined_filtered_and_compared_as_any_strip() -> None:
    painter = Painter(LOOKS[1])
    terminal = Terminal(COLUMNS, 2)
    terminal.feed(b"\x1b[31mred\x1b[m and \x1b[42mgreen")
    plain = Strip(list(painter.strip(terminal.rows[0])), COLUMNS)

    def fresh() -> Strip:
        terminal.rows[0].touch()
        return painter.strip(terminal.rows[0])

    assert fresh() == plain
    assert fresh().crop(2, 7) == plain.crop(2, 7)
    assert fresh().divide([COLUMNS])[0] == plain
    assert list(fresh().divide([4, COLUMNS])) == list(plain.divide([4, COLUMNS]))
    assert fresh().adjust_cell_length(COLUMNS + 3) == plain.adjust_cell_length(COLUMNS + 3)
    assert fresh().apply_style(RichStyle(bold=True)) == plain.apply_style(RichStyle(bold=True))
    assert Strip.join([fresh(), fresh()]).text == plain.text * 2
    assert len(fresh()) == len(plain)
    with pytest.raises(AttributeError):
        _ = fresh().colour  # type: ignore[attr-defined]


BOLD = RichStyle(bold=True)


@pytest.mark.parametrize(
    ("start", "end", "bold"),
    [
        (0, 1, "l"),
        (0, 9, "left right"[:9]),
        (3, 6, "t r"),
        (9, 10, "t"),
        (-5, 2, "le"),
        (8, 99, "ht"),
        (4, 4, ""),
        (12, 15, ""),
    ],
)
def test_a_span_lies_over_its_cells_alone(start: int, end: int, bold: str) -> None:
    strip = Strip([Segment("left ", RichStyle(italic=True)), Segment("right", RichStyle(italic=True))], 10)
    laid = overlay(strip, [Span(start, end, BOLD)])
    assert laid.text == strip.text
    assert laid.cell_length == 10
    assert "".join(text for text, style, _ in laid if style is not None and style.bold) == bold
    assert all(style is not None and style.italic for _, style, _ in laid)


def test_text_of_a_span_takes_the_place_of_what_is_there() -> None:
    strip = Strip([Segment("some line", RichStyle())], 9)
    assert overlay(strip, [Span(8, 9, BOLD, "|"), Span(0, 1, BOLD, ">")]).text == ">ome lin|"
