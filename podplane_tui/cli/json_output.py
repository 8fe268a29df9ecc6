"""What `--json` prints: one object at a time, as `json_output.md` beside this module promises."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

SCHEMA = 1
"""The number in every object. Fields may be added; removing or changing one takes the next number."""


def print_document(fields: Mapping[str, object]) -> None:
    """Print a verb's only object, indented, with `schema` first. Raises `OSError`, and `ValueError` for NaN."""
    click.echo(_text(fields, indent=2))


def json_line(fields: Mapping[str, object]) -> str:
    """One of several objects, as a line without its end. Raises `ValueError` for NaN."""
    return _text(fields, indent=None)


def _text(fields: Mapping[str, object], *, indent: int | None) -> str:
    """Printable ASCII: what files and guests say reaches no terminal unescaped."""
    text = json.dumps({"schema": SCHEMA, **fields}, indent=indent, allow_nan=False)
    return text.replace("\x7f", "\\u007f")  # the one control character that JSON lets pass
