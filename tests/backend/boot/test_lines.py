"""Needles in a console's bytes: found one and all, wherever they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.boot.lines import needles_in
from podplane_tui.backend.boot.rules import NEEDLES


@pytest.mark.slow
@given(st.lists(st.sampled_from([*NEEDLES, b"words", b"WORDS", b"\x1b[0;1m", b"(", b"\n", b"\xff"]), max_size=40))
def test_every_needle_is_found_as_if_searched_for_alone(parts: list[bytes]) -> None:
    text = b"|".join(parts)
    expected = []
    for needle, rules in NEEDLES.items():
        start = -1
        while (start := text.find(needle, start + 1)) >= 0:
            expected.append((start, rules))
    assert sorted(needles_in(text), key=repr) == sorted(expected, key=repr)
    assert [place for place, _ in needles_in(text)] == sorted(place for place, _ in expected)
