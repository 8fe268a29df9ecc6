"""Where in a TOML file a setting stands, which no parser says: for messages that name the line."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r]+ | \#[^\n]*)
    | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
    | (?P<mark>[\[\]{},=\n])
    | (?P<word>[^\s\[\]{},=\#"']+ | .)
    """,
    re.DOTALL | re.VERBOSE,
)
_PART = re.compile(r"""[\w-]+|"([^"]*)"|'([^']*)'""")


def line_of(text: str, setting: str) -> int:
    """The number of the line that `setting`, a dotted name, stands in: the last of several; 0 when it is not there.

    For a table that is not named anywhere by itself it is the line of the first thing in it.
    """
    line = 0
    for name, number in _names(text):
        if name == setting or (not line and name.startswith(f"{setting}.")):
            line = number
    return line


def _names(text: str) -> Iterator[tuple[str, int]]:
    """The dotted names of all tables and settings, those of inline tables too, with the numbers of their lines."""
    table, key, line = "", "", 1
    brackets: list[tuple[str, bool]] = []  # those open in a value: its name, and whether names stand in it
    header = value = False
    for token in _TOKEN.finditer(text):
        word, outer = token[0], brackets[-1][0] if brackets else table
        if token["string"] or token["word"]:
            key += "" if value else word
        elif word == "\n" and not brackets:
            key, header, value = "", False, False
        elif word == "=" and not value:
            key, value = f"{outer}.{_dotted(key)}".removeprefix("."), True
            yield key, line
        elif word in "[{" and not value:
            header = True
        elif word in "[{":
            brackets.append((key or outer, word == "{"))
            key, value = "", word == "["
        elif word in "]}" and brackets:
            brackets.pop()
            key, value = "", True
        elif word == "]" and header and key:
            table, key = _dotted(key), ""
            yield table, line
        elif word == "," and brackets:
            key, value = "", not brackets[-1][1]
        line += word.count("\n")


def _dotted(name: str) -> str:
    """A TOML key without its quotes and spaces."""
    return ".".join(match[1] or match[2] or match[0] for match in _PART.finditer(name))
