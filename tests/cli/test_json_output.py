"""JSON output: how it is printed, that every verb that prints it has a schema, and that its page names every field."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from podplane_tui import backend
from podplane_tui.backend.boot.compare import Change
from podplane_tui.backend.boot.rules import FailureKind, StageName
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.status import Phase, Ports, State
from podplane_tui.backend.doctor import Status
from podplane_tui.cli.commands import VERBS, cli
from podplane_tui.cli.json_output import json_line, print_document
from tests.cli.json_schema import (
    ACTING,
    DOCUMENTS,
    SCHEMA,
    SCHEMA_FILE,
    STREAMS,
    check_lines,
    check_object,
    check_output,
    closed,
)
from tests.paths import ROOT

DEFINITIONS: dict[str, dict[str, Any]] = SCHEMA["$defs"]

PAGE = SCHEMA_FILE.with_name("json_output.md").read_text()

# -- printing ---------------------------------------------------------------------------------------------------------

HOSTILE = "\x00\x1b]0;owned\x07\n\r\t\x7f\x9b31m\u202e\u2028\udcffé"


def test_the_schema_comes_first_in_documents_and_lines(capfd: pytest.CaptureFixture[str]) -> None:
    print_document({"b": 1, "a": [2]})
    assert capfd.readouterr().out == '{\n  "schema": 1,\n  "b": 1,\n  "a": [\n    2\n  ]\n}\n'
    assert json_line({"b": 1, "a": [2]}) == '{"schema": 1, "b": 1, "a": [2]}'


def test_hostile_text_is_printable_ascii_and_comes_back_whole() -> None:
    line = json_line({HOSTILE: HOSTILE})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"schema": 1, HOSTILE: HOSTILE}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_not_printed(capfd: pytest.CaptureFixture[str], number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_document({"x": number})
    assert capfd.readouterr().out == ""


# -- schemas ----------------------------------------------------------------------------------------------------------


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every verb by its words, those in groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_verb_with_json_has_a_schema() -> None:
    found = {verb for verb, each in commands() if any("--json" in parameter.opts for parameter in each.params)}
    assert len(found) >= 8
    assert found <= DOCUMENTS.keys() | STREAMS.keys() | ACTING
    assert DOCUMENTS.keys() | STREAMS.keys() <= found
    assert {*DOCUMENTS.values(), *STREAMS.values(), "step", "warning", "result", "error"} == {
        name for name, schema in DEFINITIONS.items() if "schema" in schema.get("properties", {})
    }


def test_the_root_is_any_of_the_objects_that_are_printed() -> None:
    names = [each["$ref"].removeprefix("#/$defs/") for each in SCHEMA["anyOf"]]
    assert names == [name for name, schema in DEFINITIONS.items() if "schema" in schema.get("properties", {})]


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFINITIONS)
def test_schemas_are_valid_and_can_be_closed(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator.check_schema(closed(name))


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields of an object, with those of the one that it extends."""
    extended = DEFINITIONS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    return {**extended.get("properties", {}), **schema.get("properties", {})}


def example(schema: dict[str, Any]) -> Any:
    """Something that the schema describes, every array with an item and nothing null."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if fields := properties(schema):
        return {name: example(field) for name, field in fields.items()}
    if "$ref" in schema:
        return example(DEFINITIONS[schema["$ref"].rpartition("/")[2]])
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "array":
        return [example(schema["items"])]
    text = "2026-01-31T12:00:00Z" if "format" in schema else "text"
    return {"string": text, "integer": 1, "number": 1.5, "boolean": True}[kind]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a value, the outermost first."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


def is_refused(name: str, value: object) -> bool:
    try:
        check_object(name, value)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("name", [name for name, schema in DEFINITIONS.items() if properties(schema)])
def test_a_field_too_many_or_too_few_is_found_wherever_it_is(name: str) -> None:
    value = example(DEFINITIONS[name])
    check_object(name, value)
    count = sum(1 for _ in objects(value))
    for number in range(count):
        wrong = example(DEFINITIONS[name])
        list(objects(wrong))[number]["undocumented"] = 1
        assert is_refused(name, wrong), (name, wrong)
    assert is_refused(name, {key: field for key, field in value.items() if key != next(iter(value))})


@pytest.mark.parametrize("time", ["2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00+00:00", "soon", 1])
def test_a_time_of_another_form_is_found(time: object) -> None:
    assert is_refused("watch", {**example(DEFINITIONS["watch"]), "at": time})


@pytest.mark.parametrize(
    ("arguments", "code", "stdout", "error", "words"),
    [
        (["list", "--json"], 0, "", ValueError, "Expecting value"),
        (["list", "--json"], 0, "[]\n", AssertionError, "is not of type 'object'"),
        (["list", "--json"], 0, '{"schema": 2, "vms": []}\n', AssertionError, "schema: 1 was expected"),
        (["list", "--json"], 0, '{"schema": 1, "vms": [], "more": 1}\n', AssertionError, "'more' was unexpected"),
        (["list", "--json"], 0, '{"schema": 1, "vms": ["\x7f"]}\n', AssertionError, "\x7f"),
        (["list", "--json"], 1, "", ValueError, "Expecting value"),
        (
            ["list", "--json"],
            0,
            '{"schema": 1, "error": {"problem": "no", "hint": "", "type": "VMError"}}\n',
            AssertionError,
            "'vms' is a required property",
        ),
        (["start", "--json"], 0, '{"schema": 1, "step": "starting"}\n', AssertionError, "'result' is a required"),
        (
            ["start", "--json"],
            1,
            '{"schema": 1, "result": {"verb": "start", "id": "dev", "arch": "amd64"}}\n',
            AssertionError,
            "'error' is a required property",
        ),
        (["console", "--json"], 0, '{"schema": 1, "step": "attaching"}\n', AssertionError, "has no schema"),
    ],
)
def test_output_that_breaks_the_promise_is_found(
    arguments: list[str], code: int, stdout: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        check_output(arguments, code, stdout)


def test_the_lines_of_a_verb_that_acts() -> None:
    step = '{"schema": 1, "step": "making the disk"}'
    result = (
        '{"schema": 1, "result": {"verb": "start", "id": "dev", "arch": "amd64", "message": "It runs.", "pid": 123, '
        '"ports": {"ssh": 2222, "kubernetes_api": null, "traefik_dashboard": 1, "registry": 2, "traefik_https": 3}}}'
    )
    error = '{"schema": 1, "error": {"problem": "it runs", "hint": "", "type": "AlreadyRunning"}}'
    check_lines("start", 0, [step, step, result])
    check_lines("start", 1, [step, error])
    check_lines("watch", 1, [error])
    check_output(["list", "--json"], 1, error)
    check_output(["list", "--json"], 2, "")


def values(enum: type[StrEnum]) -> list[str]:
    return [each.value for each in enum]


def at(name: str, *path: str) -> dict[str, Any]:
    """The schema of a field; an array's is that of its items."""
    schema = DEFINITIONS[name]
    for step in path:
        schema = schema["properties"][step]
        schema = schema.get("items", schema)
    return schema


@pytest.mark.parametrize(
    ("schema", "enum"),
    [
        (at("vm", "state"), State),
        (at("vm", "readiness", "phases", "name"), Phase),
        (at("doctor", "checks", "status"), Status),
        (at("stage_name"), StageName),
        (at("boot", "failures", "kind"), FailureKind),
        (at("boot", "changes", "change"), Change),
    ],
    ids=["states", "phases", "checks", "stages", "failures", "changes"],
)
def test_lists_of_values_are_those_of_the_backend(schema: dict[str, Any], enum: type[StrEnum]) -> None:
    assert schema["enum"] == values(enum)


def test_what_is_waited_for_is_a_phase_or_null() -> None:
    assert at("vm", "readiness", "waiting_for")["enum"] == [*values(Phase), None]


def test_ports_are_those_of_the_backend() -> None:
    assert list(DEFINITIONS["ports"]["properties"]) == list(Ports._fields)


def errors(error: type[VMError] = VMError) -> Iterator[str]:
    """The names in the tree of errors, each before those below it."""
    yield error.__name__
    for each in error.__subclasses__():
        if each.__module__.startswith("podplane_tui."):
            yield from errors(each)


def test_types_of_errors_are_the_tree_and_public() -> None:
    names = at("error", "error", "type")["enum"]
    assert sorted(names) == sorted(errors())
    assert set(names) <= set(backend.__all__)


# -- the page ---------------------------------------------------------------------------------------------------------

_FIELD_TABLE = re.compile(r"\| field \| type \| meaning \|\n\|---\|---\|---\|\n((?:\|.*\|\n)+)")
_ROW = re.compile(r"\| `([^`]+)` \| (.+?) \| (.+) \|")


def sections() -> dict[str, str]:
    """The sections of the page that are about a schema."""
    parts = re.split(r"^## `(\w+)`$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(section: str) -> list[tuple[str, str, str]]:
    """Field, type and meaning of each row in a section's tables of fields."""
    found = []
    for table in _FIELD_TABLE.findall(section):
        for line in table.splitlines():
            match = _ROW.fullmatch(line)
            assert match is not None, line
            found.append((match[1], match[2], match[3]))
    return found


def type_words(schema: dict[str, Any]) -> str:
    """A type as the page writes it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{name})"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = ["time" if "format" in schema and kind == "string" else kind for kind in kinds]
    if "items" in schema:
        words[0] = f"array of {type_words(schema['items'])}"
    return " or ".join(words)


def fields(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every field of a schema, those of objects in it after it: path, type and schema. Not those of what it extends."""
    for name, field in schema.get("properties", {}).items():
        optional = "" if name in schema["required"] else "optional "
        yield f"{prefix}{name}", f"{optional}{type_words(field)}", field
        yield from fields(field, f"{prefix}{name}.")
        yield from fields(field.get("items", {}), f"{prefix}{name}[].")


def test_the_page_has_a_section_for_each_schema() -> None:
    assert sorted(sections()) == sorted(DEFINITIONS)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_page_names_exactly_the_fields_of_the_schema(name: str) -> None:
    told = [(path, kind) for path, kind, _ in rows(sections()[name])]
    assert told == [(path, kind) for path, kind, _ in fields(DEFINITIONS[name])]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_page_names_the_values_that_a_field_can_have(name: str) -> None:
    section = sections()[name]
    meanings = {path: meaning for path, _, meaning in rows(section)}
    for path, _, field in fields(DEFINITIONS[name]):
        told = section if path == "error.type" else meanings[path]
        for value in field.get("enum", []):
            assert value is None or f"`{value}`" in told, (path, value)
    for value in DEFINITIONS[name].get("enum", []):
        assert f"`{value}`" in section


def test_the_page_lists_the_types_of_errors_as_they_are_related() -> None:
    table = sections()["error"].partition("| type | meaning |\n|---|---|\n")[2]
    listed = re.findall(r"^\| (- )?`(\w+)` \| .+ \|$", table, re.MULTILINE)
    assert [name for _, name in listed] == at("error", "error", "type")["enum"]
    parent = "VMError"
    for indented, name in listed:
        above = getattr(backend, name).__mro__[1].__name__
        assert above == (parent if indented else "VMError") or name == "VMError"
        parent = parent if indented else name


def test_links_of_the_page_lead_to_its_sections() -> None:
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= set(sections())


def test_the_page_names_the_verbs_that_print_documents() -> None:
    overview = PAGE.partition("\n## ")[0]
    for verb in DOCUMENTS.keys() | STREAMS.keys():
        assert f"`{verb}`" in overview
    assert all(verb.split()[0] in VERBS for verb in ACTING)


def test_the_readme_leads_to_the_page() -> None:
    (link,) = set(re.findall(r"\]\(([^)]*json_output\.md)\)", (ROOT / "README.md").read_text()))
    assert (ROOT / link).read_text() == PAGE
    assert Path(link) == Path("podplane_tui/cli/json_output.md")
