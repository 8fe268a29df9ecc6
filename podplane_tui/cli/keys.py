"""`keys`: the dashboard's keys and the ids under which they can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from podplane_tui.backend.config.model import load_config
from podplane_tui.cli.context import Choices
from podplane_tui.cli.json_output import print_document
from podplane_tui.cli.options import json_option, pass_choices, place_options

if TYPE_CHECKING:
    from podplane_tui.tui.keys.keymap import KeyLine


@click.command()
@json_option
@place_options
@pass_choices
def keys(_choices: Choices, *, as_json: bool) -> None:
    """List the dashboard's keys, with the ids under which config.toml changes them.

    \b
    Example: podplane-tui keys
    """
    from podplane_tui.tui.keys.keymap import check_keys, key_lines  # noqa: PLC0415 - brings Textual

    config = load_config()
    check_keys(config)
    lines = key_lines(config.keys)
    if as_json:
        print_document({"keys": [_describe(line) for line in lines]})
    else:
        click.echo(_text(lines))


def _describe(line: KeyLine) -> dict[str, str]:
    return {"id": line.id, "keys": line.keys, "default_keys": line.usual, "description": line.does}


def _text(lines: Sequence[KeyLine]) -> str:
    """A table; a changed key is told with the usual one."""
    rows = [("ID", "KEYS", "WHAT THEY DO")]
    for line in lines:
        usual = "" if line.keys == line.usual else f" (usually {line.usual})"
        rows.append((line.id, line.keys, f"{line.does}{usual}"))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {shown:<{widths[1]}}  {does}" for name, shown, does in rows)
