"""Strips that write their own escape sequences look as Textual's would, in every look, and are strips in all else."""

from random import Random

import pytest
from rich.console import Console
from rich.style import Style as RichStyle
from textual.strip import Strip

from podplane_tui.terminal import Row, Terminal
from podplane_tui.tui.widgets.terminal.painter import Look, Painter
from podplane_tui.tui.widgets.terminal.strip import RowStrip
from tests.tui.widgets.terminal.support import COLUMNS, LOOKS, TRUE_COLOURS, seen

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


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("seed", range(3))
def test_looks_as_rendered_from_segments(look: Look, seed: int) -> None:
    painter = Painter(look)
    for row in colourful(seed):
        strip = painter.strip(row)
        assert isinstance(strip, RowStrip)
        assert seen(strip.render(TRUE_COLOURS)) == seen(Strip(list(strip), COLUMNS).render(TRUE_COLOURS))
        assert sum(segment.cell_length for segment in strip) == strip.cell_length == COLUMNS


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
    with pytest.raises(AttributeError, match="colour"):
        _ = fresh().colour  # type: ignore[attr-defined]
