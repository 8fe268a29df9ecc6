"""How a cell looks: immutable, interned styles and the SGR sequences that lead from one to the next.

Styles are shared by all cells that look alike, so a screen costs one reference a cell and most comparisons are
identity comparisons. `select` is the whole of SGR; the fast path remembers its results in `Style.transitions`.
"""

from __future__ import annotations

import re
from typing import Any, Final

Color = str | int
"""`"default"`, a palette index 0..255, or `"rrggbb"`."""

_NAMES: Final = (
    "foreground",
    "background",
    "bold",
    "dim",
    "italic",
    "underline",
    "underline_color",
    "blink",
    "reverse",
    "conceal",
    "strike",
    "overline",
    "protected",
)
_DEFAULTS: Final = ("default", "default", False, False, False, 0, "default", False, False, False, False, False, False)
(FG, BG, BOLD, DIM, ITALIC, UNDERLINE, UNDERLINE_COLOR, BLINK, REVERSE, CONCEAL, STRIKE, OVERLINE, PROTECTED) = range(
    13
)

_MAX_CACHED: Final = 4096
"""Styles and transitions."""
_families: dict[tuple[Any, ...], dict[Color, Style]] = {}
"""All styles, by everything but the foreground and then by the foreground: what changes most is found fastest."""
_cached = 0
_NO_TRANSITIONS: Final[dict[str, Style]] = {}


class Style:
    """The look of a cell. Equal styles are normally the same object; after a cache overflow they may be two.

    `underline` is 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed. `protected` is no look but the mark
    DECSCA and SPA put on characters that selective erasure spares.
    """

    __slots__ = ("_erased", "_values", "family", "transitions")

    _values: tuple[Any, ...]
    _erased: Style | None
    family: dict[Color, Style]
    """The styles that differ from this one in the foreground only, by foreground."""
    transitions: dict[str, Style]
    """Where an SGR sequence (the whole control sequence) leads from here. A cache, filled by `transition`."""

    def __new__(cls, **values: Color | bool) -> Style:
        unknown = values.keys() - set(_NAMES)
        if unknown:
            raise TypeError(f"unknown style attribute: {', '.join(sorted(unknown))}")
        return from_values(tuple(values.get(name, default) for name, default in zip(_NAMES, _DEFAULTS, strict=True)))

    @property
    def foreground(self) -> Color:
        return self._values[FG]  # type: ignore[no-any-return]

    @property
    def background(self) -> Color:
        return self._values[BG]  # type: ignore[no-any-return]

    @property
    def bold(self) -> bool:
        return self._values[BOLD]  # type: ignore[no-any-return]

    @property
    def dim(self) -> bool:
        return self._values[DIM]  # type: ignore[no-any-return]

    @property
    def italic(self) -> bool:
        return self._values[ITALIC]  # type: ignore[no-any-return]

    @property
    def underline(self) -> int:
        return self._values[UNDERLINE]  # type: ignore[no-any-return]

    @property
    def underline_color(self) -> Color:
        return self._values[UNDERLINE_COLOR]  # type: ignore[no-any-return]

    @property
    def blink(self) -> bool:
        return self._values[BLINK]  # type: ignore[no-any-return]

    @property
    def reverse(self) -> bool:
        return self._values[REVERSE]  # type: ignore[no-any-return]

    @property
    def conceal(self) -> bool:
        return self._values[CONCEAL]  # type: ignore[no-any-return]

    @property
    def strike(self) -> bool:
        return self._values[STRIKE]  # type: ignore[no-any-return]

    @property
    def overline(self) -> bool:
        return self._values[OVERLINE]  # type: ignore[no-any-return]

    @property
    def protected(self) -> bool:
        return self._values[PROTECTED]  # type: ignore[no-any-return]

    @property
    def erased(self) -> Style:
        """The style of blanks that erasing in this style leaves: the background colour alone (BCE)."""
        style = self._erased
        if style is None:
            background = self._values[BG]
            style = DEFAULT_STYLE if background == "default" else Style(background=background)
            self._erased = style
        return style

    def replace(self, **values: Color | bool) -> Style:
        """This style with some attributes changed."""
        mine = list(self._values)
        for name, value in values.items():
            mine[_NAMES.index(name)] = value
        return from_values(tuple(mine))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Style) and self._values == other._values)

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        changed = (
            f"{name}={value!r}"
            for name, value, default in zip(_NAMES, self._values, _DEFAULTS, strict=True)
            if value != default
        )
        return f"Style({', '.join(changed)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return from_values, (self._values,)


def from_values(values: tuple[Any, ...]) -> Style:
    """The interned style with these attribute values, in the order of the class."""
    family = _families.get(values[1:])
    if family is None:
        family = _families[values[1:]] = {}
    return family.get(values[FG]) or _new(values, family)


def _new(values: tuple[Any, ...], family: dict[Color, Style]) -> Style:
    global _cached  # noqa: PLW0603 - one counter beside the one cache it bounds
    if _cached >= _MAX_CACHED:
        _forget()
        family = _families.setdefault(values[1:], {})
    elif len(family) >= _MAX_CACHED:
        family.clear()  # one that was forgotten, but is still in use
    _cached += 1
    style = object.__new__(Style)
    style._values = values
    style._erased = None
    style.family = family
    style.transitions = _NO_TRANSITIONS
    family[values[FG]] = style
    return style


def _forget() -> None:
    """Empty the caches: a stream of ever new colours must not make them grow for ever."""
    global _cached  # noqa: PLW0603 - as above
    for family in _families.values():
        for style in family.values():
            style.transitions = _NO_TRANSITIONS
    _families.clear()
    _cached = 0
    DEFAULT_STYLE.family = _families[_DEFAULTS[1:]] = {"default": DEFAULT_STYLE}


DEFAULT_STYLE: Final = from_values(_DEFAULTS)

_HEX: Final = {str(value): f"{value:02x}" for value in range(256)}
_PALETTE: Final = {str(value): value for value in range(256)}


def _simple_attributes() -> dict[str, tuple[tuple[int, Any], ...]]:
    table: dict[str, tuple[tuple[int, Any], ...]] = {
        "1": ((BOLD, True),),
        "2": ((DIM, True),),
        "3": ((ITALIC, True),),
        "4": ((UNDERLINE, 1),),
        "5": ((BLINK, True),),
        "6": ((BLINK, True),),
        "7": ((REVERSE, True),),
        "8": ((CONCEAL, True),),
        "9": ((STRIKE, True),),
        "21": ((UNDERLINE, 2),),
        "22": ((BOLD, False), (DIM, False)),
        "23": ((ITALIC, False),),
        "24": ((UNDERLINE, 0),),
        "25": ((BLINK, False),),
        "27": ((REVERSE, False),),
        "28": ((CONCEAL, False),),
        "29": ((STRIKE, False),),
        "39": ((FG, "default"),),
        "49": ((BG, "default"),),
        "53": ((OVERLINE, True),),
        "55": ((OVERLINE, False),),
        "59": ((UNDERLINE_COLOR, "default"),),
    }
    for color in range(8):
        table[str(30 + color)] = ((FG, color),)
        table[str(40 + color)] = ((BG, color),)
        table[str(90 + color)] = ((FG, 8 + color),)
        table[str(100 + color)] = ((BG, 8 + color),)
    table |= {f"0{digit}": table[digit] for digit in "123456789"}
    reset = tuple((index, default) for index, default in enumerate(_DEFAULTS) if index != PROTECTED)
    return table | dict.fromkeys(("", "0", "00"), reset)


_SIMPLE: Final = _simple_attributes()
_COLOR_TARGETS: Final = {"38": FG, "48": BG, "58": UNDERLINE_COLOR}


_SGR: Final = re.compile(r"\x1b\[[0-9:;]*m")
_TRUE_COLOR: Final = re.compile(r"\x1b\[38;2;([0-9]+);([0-9]+);([0-9]+)m")


def transition(style: Style, sequence: str) -> Style | None:
    """`select` for a whole control sequence, remembered in `style.transitions`; None if it is not SGR."""
    global _cached  # noqa: PLW0603 - as in _new
    match = _TRUE_COLOR.fullmatch(sequence)
    if match is not None:
        # Not remembered: programs that colour every word rarely come by the same way twice.
        red, green, blue = match.groups()
        try:
            color = _HEX[red] + _HEX[green] + _HEX[blue]
        except KeyError:
            return style
        return style.family.get(color) or _new((color, *style._values[1:]), style.family)
    if not _SGR.fullmatch(sequence):
        return None
    result = select(style, sequence[2:-1])
    if _cached >= _MAX_CACHED:
        _forget()
    _cached += 1
    if style.transitions is _NO_TRANSITIONS:
        style.transitions = {}
    style.transitions[sequence] = result
    return result


def select(style: Style, parameters: str) -> Style:
    """The style SGR `parameters` (`"1;38;5;208"`, colons allowed) turn `style` into. Unknown ones are ignored."""
    values = list(style._values)
    items = parameters.split(";")
    count = len(items)
    position = 0
    while position < count:
        item = items[position]
        position += 1
        changes = _SIMPLE.get(item)
        if changes is not None:
            for index, value in changes:
                values[index] = value
        elif item in _COLOR_TARGETS:
            color: Color | None
            kind = items[position] if position < count else ""
            if kind == "5":
                color = _PALETTE.get(items[position + 1] or "0") if position + 1 < count else None
                position += 2
            elif kind == "2":
                color = _true_color(items[position + 1 : position + 4])
                position += 4
            else:
                color = None
                position += 1
            if color is not None:
                values[_COLOR_TARGETS[item]] = color
        elif ":" in item:
            _subparameters(values, item.split(":"))
        elif item[:1] == "0" and item.isdecimal():
            items[position - 1] = item.lstrip("0")
            position -= 1
    return from_values(tuple(values))


def _true_color(parts: list[str]) -> Color | None:
    if len(parts) != 3:
        return None
    try:
        return _HEX[parts[0] or "0"] + _HEX[parts[1] or "0"] + _HEX[parts[2] or "0"]
    except KeyError:
        return None


def _subparameters(values: list[Any], parts: list[str]) -> None:
    """One colon-separated SGR item: `4:3` and the ITU forms of the colours, colour space present or not."""
    kind = parts[1]
    if parts[0] == "4":
        if kind in {"0", "1", "2", "3", "4", "5"}:
            values[UNDERLINE] = int(kind)
        return
    target = _COLOR_TARGETS.get(parts[0])
    if target is None:
        return
    color: Color | None = None
    if kind == "5" and len(parts) >= 3:
        color = _PALETTE.get(parts[2] or "0")
    elif kind == "2":
        color = _true_color(parts[3:6] if len(parts) >= 6 else parts[2:5])
    if color is not None:
        values[target] = color


_REPORTED: Final = (
    (BOLD, "1"),
    (DIM, "2"),
    (ITALIC, "3"),
    (BLINK, "5"),
    (REVERSE, "7"),
    (CONCEAL, "8"),
    (STRIKE, "9"),
    (OVERLINE, "53"),
)


def describe(style: Style) -> str:
    """The SGR parameters that select `style`, as DECRQSS reports them (`"0;1;31"`)."""
    values = style._values
    items = ["0"] + [code for index, code in _REPORTED if values[index]]
    if values[UNDERLINE]:
        items.append("4" if values[UNDERLINE] == 1 else f"4:{values[UNDERLINE]}")
    for base, index in ((30, FG), (40, BG), (50, UNDERLINE_COLOR)):
        color = values[index]
        if isinstance(color, int):
            if base == 50 or color > 15:
                items.append(f"{base + 8}:5:{color}")
            else:
                items.append(str(base + color if color < 8 else base + 52 + color))
        elif color != "default":
            red, green, blue = (int(color[start : start + 2], 16) for start in (0, 2, 4))
            items.append(f"{base + 8}:2::{red}:{green}:{blue}")
    return ";".join(items)
