"""Holds what verbs print with `--json` to `podplane_tui/cli/json_output.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
from jsonschema import Draft202012Validator, FormatChecker

from podplane_tui.cli import json_output
from podplane_tui.cli.commands import cli

SCHEMA_FILE = Path(json_output.__file__).with_suffix(".schema.json")

SCHEMA: dict[str, Any] = json.loads(SCHEMA_FILE.read_text())

DOCUMENTS = {
    "list": "list",
    "status": "status",
    "snapshot list": "snapshot_list",
    "boot": "boot",
    "server": "server",
    "doctor": "doctor",
    "keys": "keys",
}
"""Verbs that print one object → its schema."""

STREAMS = {"watch": "watch"}
"""Verbs that print a line for each object → the schema of each."""

ACTING = frozenset(
    {
        *("create", "start", "restart", "stop", "pause", "resume", "reset", "repair", "adopt", "set", "grow", "delete"),
        *("snapshot take", "snapshot restore", "snapshot delete", "wait", "sync", "server start"),
    }
)
"""Verbs that print lines with steps, then one with a result."""

_formats = FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    """UTC, to the second."""
    return not isinstance(value, str) or datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ") is not None


def check_object(name: str, value: object) -> None:
    """Fail unless `value` is what the schema `name` describes, with no field that it does not name."""
    errors = sorted(_validator(name).iter_errors(value), key=lambda error: error.json_path)
    assert not errors, "\n".join(f"{name}: {error.json_path}: {error.message}" for error in errors)


def check_output(arguments: Sequence[str], code: int, stdout: str) -> None:
    """Fail unless a program called with `arguments` has printed, if asked for JSON, what its verb promises."""
    if "--json" not in arguments:
        return
    verb = verb_in(arguments)
    assert stdout.isascii(), stdout
    assert stdout.replace("\n", "").isprintable(), stdout
    if code == 2 and not stdout:  # the command line was not understood
        return
    if verb in DOCUMENTS:
        found = json.loads(stdout)
        check_object("error" if code != 0 and "error" in found else DOCUMENTS[verb], found)
        return
    check_lines(verb, code, stdout.splitlines())


def check_lines(verb: str, code: int, lines: Iterable[str]) -> None:
    """Fail unless these are the lines that a verb promises which ended with that exit code."""
    found = [json.loads(line) for line in lines]
    if verb in STREAMS:
        if code != 0:
            check_object("error", found.pop())
        for each in found:
            check_object(STREAMS[verb], each)
        return
    assert verb in ACTING, f"{verb} takes --json and has no schema"
    *steps, last = found
    check_object("result" if code == 0 else "error", last)
    for each in steps:
        check_object("warning" if "warning" in each else "step", each)


def verb_in(arguments: Sequence[str]) -> str:
    """The verb of a command line, a group's with the one in it."""
    words: list[str] = []
    command: click.Command = cli
    for word in arguments:
        if isinstance(command, click.Group) and (found := command.get_command(click.Context(command), word)):
            words, command = [*words, word], found
    if words == ["server"] and "start" in arguments:  # an argument, not a verb in a group
        words.append("start")
    return " ".join(words)


def closed(name: str) -> dict[str, Any]:
    """The schema `name` with all that it refers to, made to refuse fields that it does not name."""
    definitions = {key: _close(value, used=False) for key, value in SCHEMA["$defs"].items()}
    return {"$ref": f"#/$defs/{name}", "unevaluatedProperties": False, "$defs": definitions}


def _close(schema: dict[str, Any], *, used: bool = True) -> dict[str, Any]:
    """Refuse more fields where a schema is used; what is referred to may be a part of the whole."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {key: _close(value) for key, value in schema["properties"].items()}
    if "items" in schema:
        result["items"] = _close(schema["items"])
    if used and not result.keys().isdisjoint({"properties", "$ref"}):
        result["unevaluatedProperties"] = False
    return result


@lru_cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(closed(name), format_checker=_formats)
