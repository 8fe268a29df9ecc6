"""How a cell looks: immutable, interned styles and the SGR sequences that lead from one to the next.

Styles are shared by all cells that look alike, so a screen costs one reference a cell and most comparisons are
identity comparisons. `select` is the whole of SGR; the fast path remembers its results in `Style.transitions`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final
from weakref import WeakValueDictionary

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

_MAX_CACHED: Final = 2048
"""Transitions, and recent styles: a stream of ever new colours must not make the caches grow for ever."""
_interned: WeakValueDictionary[tuple[Any, ...], Style] = WeakValueDictionary()
"""All styles in use, for rows compare by identity."""
_recent: dict[tuple[Any, ...], Style] = {}
"""Some of them, for a weak dictionary is slow."""
_transition_count = 0
_remembering: list[Style] = []
"""Styles with transitions."""
_NO_TRANSITIONS: Final[dict[str, Style]] = {}


class Style:
    """The look of a cell. Equal styles are the same object.

    `underline` is 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed. `protected` is no look but the mark
    DECSCA and SPA put on characters that selective erasure spares.
    """

    __slots__ = ("__weakref__", "_erased", "_values", "transitions")

    _values: tuple[Any, ...]
    _erased: Style | None
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
    style = _recent.get(values)
    if style is None:
        style = _interned.get(values)
        if style is None:
            style = object.__new__(Style)
            style._values = values
            style._erased = None
            style.transitions = _NO_TRANSITIONS
            _interned[values] = style
        if len(_recent) >= _MAX_CACHED:
            _recent.clear()
        _recent[values] = style
    return style


def _forget_transitions() -> None:
    global _transition_count  # noqa: PLW0603 - a counter beside the cache that it bounds
    while _remembering:
        _remembering.pop().transitions = _NO_TRANSITIONS
    _transition_count = 0


DEFAULT_STYLE: Final = from_values(_DEFAULTS)


class Change:
    """What `function` makes of styles, each of which it is asked for once."""

    __slots__ = ("_function", "_known", "_styles")

    def __init__(self, function: Callable[[Style], Style]) -> None:
        self._function = function
        self._known: dict[int, Style] = {}
        """By identity, for hashing a style costs more than all the rest."""
        self._styles: list[Style] = []
        """Those that are known: as long as they are here, no others get their numbers."""

    def all_of(self, styles: Sequence[Style]) -> list[Style]:
        """What becomes of each of some styles."""
        known = self._known.__getitem__
        try:
            return list(map(known, map(id, styles)))
        except KeyError:
            self._learn(styles)
        return list(map(known, map(id, styles)))

    def _learn(self, styles: Sequence[Style]) -> None:
        if len(self._known) >= _MAX_CACHED:
            self._known.clear()
            self._styles.clear()
        for style in styles:
            if id(style) not in self._known:
                self._known[id(style)] = self._function(style)
                self._styles.append(style)


_HEX: Final = {str(value): f"{value:02x}" for value in range(256)} | {"": "00"}
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
    return table


_SIMPLE: Final = _simple_attributes()
_RESET: Final = frozenset({"", "0", "00"})
_COLOR_TARGETS: Final = {"38": FG, "48": BG, "58": UNDERLINE_COLOR}


_SGR: Final = re.compile(r"\x1b\[[0-9:;]*m")
_ONE_COLOR: Final = re.compile(
    r"\x1b\[(?:([0-9]{1,2});)?(38|48);(?:5;([0-9]{1,3})|2;([0-9]{1,3});([0-9]{1,3});([0-9]{1,3}))m"
)
"""What programs send that colour every word, perhaps with one attribute."""


def transition(style: Style, sequence: str) -> Style | None:
    """`select` for a whole control sequence, remembered in `style.transitions`; None if it is not SGR."""
    global _transition_count  # noqa: PLW0603 - as in _forget_transitions
    match = _ONE_COLOR.fullmatch(sequence)
    if match is not None:
        result = _colored(style, match) or select(style, sequence[2:-1])
        if style._values[FG] != "default":
            # Not remembered: who goes from colour to colour rarely comes by the same way twice.
            return result
    elif _SGR.fullmatch(sequence):
        result = select(style, sequence[2:-1])
    else:
        return None
    if _transition_count >= _MAX_CACHED:
        _forget_transitions()
    _transition_count += 1
    if style.transitions is _NO_TRANSITIONS:
        style.transitions = {}
        _remembering.append(style)
    style.transitions[sequence] = result
    return result


def _colored(style: Style, match: re.Match[str]) -> Style | None:
    """What `select` would make of a match of `_ONE_COLOR`; None if that is not as simple as it looks."""
    attribute, target, index, red, green, blue = match.groups()
    try:
        color = _PALETTE[index] if index else _HEX[red] + _HEX[green] + _HEX[blue]
    except KeyError:
        return None
    values = style._values
    if attribute is None:
        return from_values((color, *values[1:]) if target == "38" else (values[FG], color, *values[2:]))
    changed = list(values)
    if attribute in _RESET:
        changed[:PROTECTED] = _DEFAULTS[:PROTECTED]
    elif attribute in _SIMPLE:
        for position, value in _SIMPLE[attribute]:
            changed[position] = value
    else:
        return None
    changed[FG if target == "38" else BG] = color
    return from_values(tuple(changed))


def select(style: Style, parameters: str) -> Style:
    """The style SGR `parameters` (`"1;38;5;208"`, colons allowed) turn `style` into. Unknown ones are ignored."""
    values = list(style._values)
    items = iter(parameters.split(";"))
    for item in items:
        changes = _SIMPLE.get(item)
        if changes is not None:
            for index, value in changes:
                values[index] = value
            continue
        target = _COLOR_TARGETS.get(item)
        if target is not None:
            kind = next(items, "")
            color: Color | None = None
            if kind == "2":
                color = _true_color([next(items, None), next(items, None), next(items, None)])
            elif kind == "5":
                number = next(items, None)
                color = None if number is None else _PALETTE.get(number or "0")
            if color is not None:
                values[target] = color
        elif item in _RESET:
            values[:PROTECTED] = _DEFAULTS[:PROTECTED]
        elif ":" in item and item[0] != "0":
            _subparameters(values, item.split(":"))
        elif item[0] == "0":
            return select(style, ";".join([number.lstrip("0") or "0" for number in parameters.split(";")]))
    return from_values(tuple(values))


def _true_color(parts: Sequence[str | None]) -> Color | None:
    """The colour of red, green and blue; None if they are not three numbers up to 255. Missing ones are 0."""
    try:
        red, green, blue = parts
        return _HEX[red] + _HEX[green] + _HEX[blue]  # type: ignore[index]
    except (KeyError, ValueError):
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
