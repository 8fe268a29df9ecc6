"""From rows of the terminal core to Textual strips: colours, caching, and what is laid over the text.

A strip is built from a row's runs once and kept in ``row.cache``, so a line that scrolls is not built again; Textual's
own caches (filtered and rendered forms) hang on the strip and survive with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import Color, ColorSystem, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.terminal_theme import TerminalTheme
from textual.filter import dim_color
from textual.strip import Strip

from podplane_tui.terminal import DEFAULT_STYLE, Row, Style
from podplane_tui.terminal.buffer.row import Run
from podplane_tui.terminal.buffer.width import cells_of, width_of
from podplane_tui.tui.widgets.terminal.strip import RowStrip

STYLES_KEPT = 4096
"""Rich styles kept per painter; a program that uses more colours than this starts the cache anew."""

_ATTRIBUTES = ("bold", "italic", "blink", "conceal", "strike", "overline")
_read = attrgetter("foreground", "background", "dim", "underline", "reverse", *_ATTRIBUTES)


class Span(NamedTuple):
    """A style laid over the cells ``start`` to ``end`` (not included) of a row; ``text`` replaces what stands there."""

    start: int
    end: int
    style: RichStyle
    text: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What decides how a row looks besides the row itself.

    ``base`` has the colours of the guest's "default". ``ansi_theme`` gives the colours 0 to 15; without it they are
    left to the user's own terminal. ``palette``, ``foreground`` and ``background`` are the guest's own ("rrggbb").
    """

    columns: int
    base: RichStyle
    ansi_theme: TerminalTheme | None = None
    reverse_video: bool = False
    palette: Mapping[int, str] = field(default_factory=dict)
    foreground: str | None = None
    background: str | None = None


class _Sequence(NamedTuple):
    """How a style is switched on: parameters from a reset to the ground's colour, and those of the text's colour."""

    style: Style
    ground: str
    colour: str


class Painter:
    """Turns rows into strips for one look. Another look needs another painter, which ignores this one's strips.

    With an ANSI theme all colours come out as true colours and dim text as blended colours, so that Textual's filter
    for that has nothing left to do.
    """

    def __init__(self, look: Look) -> None:
        self.look = look
        self._foreground = _true_colour(look.foreground) if look.foreground else look.base.color
        self._background = _true_colour(look.background) if look.background else look.base.bgcolor
        self._indexed = [self._indexed_colour(number) for number in range(256)]
        # By identity, for hashing a style costs more than all the rest; the core interns styles, and the entry keeps
        # its style alive so that no other can get its number.
        self._styles: dict[int, tuple[Style, RichStyle]] = {}
        self._sequences: dict[int, _Sequence] = {}
        self._attributes: dict[tuple[int, ...], RichStyle] = {}
        self._grounds: dict[tuple[str | int, ...], str] = {}
        self.blank_style = self._style(DEFAULT_STYLE)
        self.blank = Strip([Segment(" " * look.columns, self.blank_style)], look.columns)

    def strip(self, row: Row) -> Strip:
        """The row as a strip of exactly the look's columns."""
        cached = row.cache
        if type(cached) is _Cached and cached.painter is self:
            return cached.strip
        columns = self.look.columns
        strip: Strip
        if row.length > columns:
            strip = Strip(self.segments(row.runs())).crop(0, columns)
        else:
            strip = RowStrip(self, row.runs(), columns)
        row.cache = _Cached(self, strip)
        return strip

    def segments(self, runs: Iterable[Run]) -> list[Segment]:
        """The runs with Rich styles, filled up with blanks to the look's columns."""
        styles = self._styles
        segments: list[Segment] = []
        used = 0
        for text, style in runs:
            known = styles.get(id(style))
            rich_style = known[1] if known is not None else self._style(style)
            if text.isascii():
                used += len(text)
            else:
                text, width = _agreed(text)  # noqa: PLW2901
                used += width
            segments.append(Segment(text, rich_style))
        if used < self.look.columns:
            segments.append(Segment(" " * (self.look.columns - used), self.blank_style))
        return segments

    def sequences(self, runs: Iterable[Run]) -> str:
        """The runs with escape sequences in true colours, filled up with blanks to the look's columns."""
        known = self._sequences
        parts: list[str] = []
        used = 0
        before = ""
        for text, style in runs:
            _, ground, colour = known.get(id(style)) or self._sequence(style)
            if text.isascii():
                used += len(text)
            else:
                text, width = _agreed(text)  # noqa: PLW2901
                used += width
            parts.append(f"\x1b[{colour}m{text}" if ground == before else f"\x1b[{ground}{colour}m{text}")
            before = ground
        if used < self.look.columns:
            _, ground, colour = known.get(id(DEFAULT_STYLE)) or self._sequence(DEFAULT_STYLE)
            parts.append(f"\x1b[{ground}{colour}m{' ' * (self.look.columns - used)}")
        parts.append("\x1b[0m")
        return "".join(parts)

    def _style(self, style: Style) -> RichStyle:
        if len(self._styles) >= STYLES_KEPT:
            self._styles.clear()
        foreground, background, dim, *attributes = _read(style)
        text, ground, dim = self._colours(foreground, background, dim=dim)
        rich_style = RichStyle.from_color(text, ground)
        if switched := self._attribute_style((dim, *attributes)):
            rich_style = switched + rich_style
        self._styles[id(style)] = style, rich_style
        return rich_style

    def _colours(
        self, foreground: str | int, background: str | int, *, dim: bool
    ) -> tuple[Color | None, Color | None, bool]:
        """The colours of text and ground, and whether the text is still to be dimmed by the user's terminal."""
        text = self._colour(foreground, self._foreground)
        ground = self._colour(background, self._background)
        if dim and self.look.ansi_theme is not None and text and ground:
            return dim_color(ground, text), ground, False
        return text, ground, dim

    def _sequence(self, style: Style) -> _Sequence:
        if len(self._sequences) >= STYLES_KEPT:
            self._sequences.clear()
            self._grounds.clear()
        foreground, background, dim, *attributes = _read(style)
        if dim:
            blended, _, dim = self._colours(foreground, background, dim=True)
            colour = _codes(blended)
        elif isinstance(foreground, str) and foreground != "default":  # by the thousand: without detours
            red, green, blue = bytes.fromhex(foreground)
            colour = f"38;2;{red};{green};{blue}"
        else:
            colour = _codes(self._colour(foreground, self._foreground))
        key = background, dim, *attributes
        ground = self._grounds.get(key)
        if ground is None:
            switches = Strip.render_ansi(self._attribute_style((dim, *attributes)), ColorSystem.TRUECOLOR)
            codes = _codes(self._colour(background, self._background), foreground=False)
            ground = self._grounds[key] = "".join(f"{part};" for part in ("0", switches, codes) if part)
        sequence = self._sequences[id(style)] = _Sequence(style, ground, colour or "39")
        return sequence

    def _attribute_style(self, key: tuple[int, ...]) -> RichStyle:
        """A style without colours from what is read of a core style after its colours."""
        rich_style = self._attributes.get(key)
        if rich_style is None:
            dim, underline, reverse, *rest = key
            switched = {"dim": dim, "reverse": reverse != self.look.reverse_video}
            switched |= {"underline": underline not in (0, 2), "underline2": underline == 2}
            switched |= dict(zip(_ATTRIBUTES, rest, strict=True))
            rich_style = RichStyle(**{name: True for name, on in switched.items() if on})  # type: ignore[arg-type]
            self._attributes[key] = rich_style
        return rich_style

    def _colour(self, colour: str | int, default: Color | None) -> Color | None:
        if isinstance(colour, int):
            return self._indexed[colour]
        return default if colour == "default" else _true_colour(colour)

    def _indexed_colour(self, number: int) -> Color:
        if number in self.look.palette:
            return _true_colour(self.look.palette[number])
        colour = Color.from_ansi(number)
        if self.look.ansi_theme is None:
            return colour
        return Color.from_triplet(colour.get_truecolor(self.look.ansi_theme))


class _Cached(NamedTuple):
    painter: Painter
    strip: Strip


def overlay(strip: Strip, spans: Iterable[Span]) -> Strip:
    """The strip with spans laid over it, later ones over earlier ones."""
    width = strip.cell_length
    segments = list(strip)
    for start, end, style, text in spans:
        start, end = max(0, start), min(end, width)  # noqa: PLW2901
        if start >= end:
            continue
        before, middle, after = Segment.divide(segments, [start, end, width])
        laid = [Segment(text, style)] if text else [Segment(part, _over(under, style)) for part, under, _ in middle]
        segments = [*before, *laid, *after]
    return Strip(segments, width)


def _over(under: RichStyle | None, style: RichStyle) -> RichStyle:
    if under is None:
        return style
    if style.reverse and under.reverse:  # a block cursor on reversed text still has to show
        return under + style + RichStyle(reverse=False)
    return under + style


def cell_span(strip: Strip, column: int) -> tuple[int, int]:
    """The columns of the character that covers ``column``: one, or both halves of a wide character."""
    start = 0
    for text, _, _ in strip:
        width = len(text) if text.isascii() else cell_len(text)
        if column < start + width:
            if text.isascii():
                break
            for character in text:
                size = cell_len(character)
                if column < start + size:
                    return start, start + size
                start += size
            break
        start += width
    return column, column + 1


_JOINERS = dict.fromkeys((0x200D, 0xFE0E, 0xFE0F))


def _agreed(text: str) -> tuple[str, int]:
    """Text shown so that the guest and the outer terminal agree on its columns, and how many these are.

    Where they do not, joined emoji come apart and variation selectors go; what is still in dispute becomes a
    replacement character.
    """
    width = width_of(text)
    if cell_len(text) == width or cell_len(text := text.translate(_JOINERS)) == width:
        return text, width
    shown = []
    for cell, following in pairwise([*cells_of(text), "end"]):
        if cell:
            size = 1 if following else 2
            shown.append(cell if cell_len(cell) == size else "\N{REPLACEMENT CHARACTER}".ljust(size))
    return "".join(shown), width


def _codes(colour: Color | None, *, foreground: bool = True) -> str:
    return "" if colour is None else ";".join(colour.get_ansi_codes(foreground))


def _true_colour(rrggbb: str) -> Color:
    return Color(f"#{rrggbb}", ColorType.TRUECOLOR, None, ColorTriplet(*bytes.fromhex(rrggbb)))
