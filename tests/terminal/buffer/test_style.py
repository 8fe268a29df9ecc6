"""Styles and the SGR sequences that select them."""

from __future__ import annotations

import copy

import pytest

from podplane_tui.terminal import DEFAULT_STYLE, Style
from podplane_tui.terminal.buffer.style import Change, describe, select, transition
from tests.terminal.support import fed

SGR = [
    ("1", {"bold": True}),
    ("2", {"dim": True}),
    ("3", {"italic": True}),
    ("4", {"underline": 1}),
    ("4:3", {"underline": 3}),
    ("4:0", {}),
    ("21", {"underline": 2}),
    ("5", {"blink": True}),
    ("7", {"reverse": True}),
    ("8", {"conceal": True}),
    ("9", {"strike": True}),
    ("53", {"overline": True}),
    ("01;31", {"bold": True, "foreground": 1}),
    ("1;2;22", {}),
    ("7;27;31;39", {}),
    ("91", {"foreground": 9}),
    ("102", {"background": 10}),
    ("38;5;208", {"foreground": 208}),
    ("38:5:208", {"foreground": 208}),
    ("48;2;1;2;255", {"background": "0102ff"}),
    ("48:2::1:2:255", {"background": "0102ff"}),
    ("48:2:1:2:255", {"background": "0102ff"}),
    ("58;5;3", {"underline_color": 3}),
    ("58:2::1:2:3;59", {}),
    ("38;5;999;1", {"bold": True}),
    ("38;2;1;2;999;1", {"bold": True}),
    ("38;5", {}),
    ("38", {}),
    ("1;;31", {"foreground": 1}),
    ("0001", {"bold": True}),
    ("1;000", {}),
    ("038;05;0208", {"foreground": 208}),
    ("04:3", {"underline": 3}),
    ("38;2;1;;3", {"foreground": "010003"}),
    ("38;2;1;2", {}),
    ("77;1", {"bold": True}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("parameters", "attributes"), SGR)
def test_sgr(parameters: str, attributes: dict[str, bool | int | str]) -> None:
    assert fed(f"\x1b[{parameters}mx").rows[0].runs() == [("x", Style(**attributes))]


def test_styles_are_interned_and_immutable() -> None:
    assert Style(bold=True) is Style(bold=True)
    assert Style() is DEFAULT_STYLE
    with pytest.raises(AttributeError, match="no setter"):
        Style(bold=True).bold = False  # type: ignore[misc]
    with pytest.raises(TypeError, match="unknown"):
        Style(colour="red")


def test_equal_styles_stay_equal_when_the_cache_overflows() -> None:
    before = fed("\x1b[1;31mx").rows[0].runs()[0][1]
    fed("".join(f"\x1b[38;2;{red};{green};0mx" for red in range(100) for green in range(100)))
    after = fed("\x1b[1;31mx").rows[0].runs()[0][1]
    assert before == after
    assert hash(before) == hash(after)


ALL = Style(
    **dict.fromkeys(("bold", "dim", "italic", "blink", "reverse", "conceal", "strike", "overline"), True),
    foreground=9,
    background="0a0b0c",
    underline=3,
    underline_color=200,
)


def test_a_style_is_described_as_it_is_selected() -> None:
    assert describe(ALL) == "0;1;2;3;5;7;8;9;53;4:3;91;48:2::10:11:12;58:5:200"
    assert select(Style(dim=True, foreground=3), describe(ALL)) == ALL
    assert describe(DEFAULT_STYLE) == "0"


@pytest.mark.parametrize("style", [DEFAULT_STYLE, Style(foreground=1), ALL, Style(protected=True, bold=True)])
@pytest.mark.parametrize(
    "parameters",
    [
        *("38;5;208", "48;2;1;2;3", "1;38;5;208", "0;48;5;7", "00;38;2;9;8;7", "22;38;5;0", "01;38;5;1", "7;48;5;255"),
        *("38;5;256", "38;2;1;2;256", "77;38;5;1", "4;48;5;300", "30;38;5;999", "38;38;5;1", "48;48;2;1;2;3"),
    ],
)
def test_the_short_cut_for_one_colour_leads_to_the_same_style(style: Style, parameters: str) -> None:
    assert transition(style, f"\x1b[{parameters}m") == select(style, parameters)


@pytest.mark.parametrize("sequence", ["\x1b[1K", "\x1b[?1m", "\x1b[>4;2m", "\x1b[1 m", "1", "\x1b[1", ""])
def test_what_is_no_sgr_leads_nowhere(sequence: str) -> None:
    assert transition(DEFAULT_STYLE, sequence) is None


def test_a_transition_is_remembered_until_too_many_are() -> None:
    bold = transition(DEFAULT_STYLE, "\x1b[22;1m")
    assert bold == Style(bold=True)
    assert DEFAULT_STYLE.transitions["\x1b[22;1m"] is bold
    for number in range(5_000):
        assert transition(DEFAULT_STYLE, f"\x1b[{number + 1000};1m") == bold
        assert len(DEFAULT_STYLE.transitions) <= 2_048


def test_protection_is_no_look() -> None:
    assert select(Style(bold=True, protected=True), "0") == Style(protected=True)
    assert transition(Style(protected=True), "\x1b[0;38;5;3m") == Style(foreground=3, protected=True)


def test_erased_cells_have_the_background_alone() -> None:
    assert ALL.erased == Style(background="0a0b0c")
    assert Style(bold=True, foreground=3, reverse=True).erased is DEFAULT_STYLE


def test_a_style_says_what_is_special_about_it() -> None:
    assert repr(Style(underline=2, foreground="010203")) == "Style(foreground='010203', underline=2)"
    assert repr(DEFAULT_STYLE) == "Style()"


def test_the_copy_of_a_style_is_the_interned_one() -> None:
    assert copy.deepcopy(DEFAULT_STYLE) is DEFAULT_STYLE
    assert copy.copy(Style(bold=True)) is Style(bold=True)


def test_replacing_changes_only_what_is_named() -> None:
    assert ALL.replace(foreground="default", bold=False).replace(foreground=9, bold=True) == ALL
    assert Style(bold=True).replace(italic=True) == Style(bold=True, italic=True)


def test_styles_in_use_stay_the_same_object_however_many_come_after() -> None:
    kept = Style(foreground="123456")
    for number in range(10_000):
        assert Style(foreground=f"{number:06x}").foreground == f"{number:06x}"
    assert Style(foreground="123456") is kept


def test_a_style_that_outlives_the_cache_keeps_no_more_transitions_than_others() -> None:
    kept = Style(foreground="654321")
    for number in range(10_000):
        transition(kept, f"\x1b[{number};1m")
        assert len(kept.transitions) <= 2_048


def test_a_change_is_worked_out_once_for_each_style() -> None:
    asked = []

    def bold(style: Style) -> Style:
        asked.append(style)
        return style.replace(bold=True)

    change = Change(bold)
    red, blue = Style(foreground=1), Style(foreground=4)
    for _ in range(3):
        assert change.all_of([red, blue, red]) == [Style(foreground=color, bold=True) for color in (1, 4, 1)]
    assert asked == [red, blue]


def test_a_change_does_not_take_one_style_for_another() -> None:
    change = Change(lambda style: style.replace(bold=True))
    for number in range(5_000):
        color = f"{number:06x}"
        assert change.all_of([Style(foreground=color)]) == [Style(foreground=color, bold=True)]
