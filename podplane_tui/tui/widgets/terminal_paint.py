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
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.terminal_theme import TerminalTheme
from textual.filter import dim_color
from textual.strip import Strip

from podplane_tui.terminal import DEFAULT_STYLE, Row, Style
from podplane_tui.terminal.width import cells_of, width_of

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
        self._attributes: dict[tuple[int, ...], RichStyle] = {}
        self.blank_style = self._style(DEFAULT_STYLE)
        self.blank = Strip([Segment(" " * look.columns, self.blank_style)], look.columns)

    def strip(self, row: Row) -> Strip:
        """The row as a strip of exactly the look's columns."""
        cached = row.cache
        if type(cached) is _Cached and cached.painter is self:
            return cached.strip
        strip = self._build(row)
        row.cache = _Cached(self, strip)
        return strip

    def _build(self, row: Row) -> Strip:
        columns = self.look.columns
        styles = self._styles
        segments: list[Segment] = []
        used = 0
        for text, style in row.runs():
            known = styles.get(id(style))
            rich_style = known[1] if known is not None else self._style(style)
            if text.isascii():
                used += len(text)
            else:
                used += (width := width_of(text))
                if cell_len(text) != width:
                    text = _agreed(text)  # noqa: PLW2901
            segments.append(Segment(text, rich_style))
        if used < columns:
            segments.append(Segment(" " * (columns - used), self.blank_style))
        elif used > columns:
            return Strip(segments, used).crop(0, columns)
        return Strip(segments, columns)

    def _style(self, style: Style) -> RichStyle:
        if len(self._styles) >= STYLES_KEPT:
            self._styles.clear()
        foreground, background, dim, *rest = _read(style)
        text = self._colour(foreground, self._foreground)
        ground = self._colour(background, self._background)
        if dim and self.look.ansi_theme is not None and text and ground:
            text, dim = dim_color(ground, text), False
        key = (dim, *rest)
        attributes = self._attributes.get(key)
        if attributes is None:
            attributes = self._attributes[key] = self._attribute_style(*key)
        rich_style = RichStyle.from_color(text, ground)
        if attributes:
            rich_style = attributes + rich_style
        self._styles[id(style)] = style, rich_style
        return rich_style

    def _attribute_style(self, dim: bool, underline: int, reverse: bool, *rest: bool) -> RichStyle:
        switched = {"dim": dim, "reverse": reverse != self.look.reverse_video}
        switched |= {"underline": underline not in (0, 2), "underline2": underline == 2}
        switched |= dict(zip(_ATTRIBUTES, rest, strict=True))
        return RichStyle(**{name: True for name, on in switched.items() if on})  # type: ignore[arg-type]

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
    for start, end, style, text in spans:
        start, end = max(0, start), min(end, width)  # noqa: PLW2901
        if start >= end:
            continue
        if text:
            middle = [Segment(text, style)]
        else:
            middle = [Segment(part, _over(under, style)) for part, under, _ in strip.crop(start, end)]
        strip = Strip([*strip.crop(0, start), *middle, *strip.crop(end, width)], width)
    return strip


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


def _agreed(text: str) -> str:
    """Text whose width the guest and the outer terminal reckon differently, shown so that both agree on the columns.

    Joined emoji come apart and variation selectors go; what is still in dispute becomes a replacement character.
    """
    text = text.translate(_JOINERS)
    if cell_len(text) == width_of(text):
        return text
    shown = []
    for cell, following in pairwise([*cells_of(text), "end"]):
        if cell:
            width = 1 if following else 2
            shown.append(cell if cell_len(cell) == width else "\N{REPLACEMENT CHARACTER}".ljust(width))
    return "".join(shown)


def _true_colour(rrggbb: str) -> Color:
    return Color(f"#{rrggbb}", ColorType.TRUECOLOR, None, ColorTriplet(*bytes.fromhex(rrggbb)))
