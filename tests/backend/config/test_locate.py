"""Lines of settings in TOML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.config.locate import line_of

TEXT = '''first = 1 # second = 2
[stop] # [keys]
kill = { a = 3, b = { c = 1, "d.e" = [ {q = 1}, {r = 2} ] }, f = 2 }
text = """
[keys]
x = "quoted" \\""" y = 3
"""
after = 'a # b'
[[list]]
z.y = [
  1, # [foo]
  { deep = 2 } ]
w = 1
[ "a b" . c ]
'k' = 1
'''


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("first", 1),
        ("second", 0),
        ("stop", 2),
        ("stop.kill", 3),
        ("stop.kill.a", 3),
        ("stop.kill.b.c", 3),
        ("stop.kill.b.d.e.r", 3),
        ("stop.kill.f", 3),
        ("keys", 0),
        ("keys.x", 0),
        ("stop.after", 8),
        ("list.z", 10),
        ("list.z.y.deep", 12),
        ("list.w", 13),
        ("a b.c", 14),
        ("a b", 14),
        ("a b.c.k", 15),
        ("nowhere", 0),
    ],
)
def test_a_setting_is_found_in_its_line(setting: str, line: int) -> None:
    assert line_of(TEXT, setting) == line


@given(st.text(alphabet="[]{}=,\"'\n#ab. \\", max_size=60))
def test_what_is_no_toml_does_no_harm(text: str) -> None:
    assert 0 <= line_of(text, "a") <= text.count("\n") + 1
