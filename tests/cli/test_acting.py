"""What all verbs that do something have in common: help from the table, refusals, questions, JSON lines."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest

from podplane_tui.backend.vm.verbs import VERBS, Verb
from podplane_tui.cli.commands import VERBS as COMMANDS
from podplane_tui.cli.commands import cli
from tests.cli.support import Call, make_disk
from tests.conftest import Workspace

NAMES = {Verb.CONFIGURE: None, Verb.WATCH: None, Verb.SERVER: None, Verb.SNAPSHOT: None}
"""Verbs of the table that the command line has under another name, or as an option, with words of their own."""

READING = {"console", "logs", "shell", "serve", "demo", "completion"}
"""Verbs whose output is for people, or not ours."""


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", command.commands[each]) for each in command.commands)
        else:
            yield name, command


def test_the_help_of_a_verb_is_that_of_the_table() -> None:
    found = dict(commands())
    for verb, entry in VERBS.items():
        if verb not in NAMES:
            assert (found[verb].help or "").startswith(f"{entry.help}.\n")


def test_every_verb_that_does_something_takes_json() -> None:
    without = {name for name, command in commands() if not any(each.name == "as_json" for each in command.params)}
    assert without <= READING
    assert not without & {str(verb) for verb in Verb}


def test_a_verbs_own_options_come_first() -> None:
    names = [parameter.name for parameter in dict(commands())["stop"].params]
    assert names[:3] == ["timeout", "force", "remove"]
    assert set(names[3:]) == {
        "cluster_id",
        "data_dir",
        "runtime_dir",
        "state_dir",
        "arch",
        "insecure_directories",
        "as_json",
    }


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("require_qemu")
def test_steps_and_the_result_are_json_lines(call: Call) -> None:
    made = call("create", "--id", "dev", "--image", "empty", "--disk-size", "16M", "--arch", "amd64", "--json")
    assert (made.returncode, made.stderr) == (0, "")
    *steps, last = lines(made.stdout)
    assert steps == [{"schema": 1, "step": "making the disk"}]
    result = last["result"]
    assert (result["verb"], result["id"], result["arch"]) == ("create", "dev", "amd64")
    assert result["message"] == f"made {result['path']}"
    deleted = call("delete", "--id", "dev", "--arch", "amd64", "--json", "--yes")
    assert deleted.returncode == 0
    assert result["path"] in lines(deleted.stdout)[-1]["result"]["paths"]


def test_an_error_is_a_json_line_with_its_two_parts(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    for words, code, error in (
        (["stop"], 1, {"problem": "default is not running", "hint": "", "type": "NotRunning"}),
        (["pause"], 1, {"problem": "default is stopped", "hint": "start it first", "type": "NotRunning"}),
    ):
        result = call(*words, "--json")
        assert (result.returncode, result.stderr) == (code, "")
        assert lines(result.stdout)[-1] == {"schema": 1, "error": error}
    nobody = call("delete", "--json")
    assert nobody.returncode == 2
    assert lines(nobody.stdout)[-1]["error"]["type"] == "InvalidInput"
    assert lines(call("pause", "--json", "--id", "nope").stdout)[-1]["error"]["type"] == "VMNotFound"


def test_the_reason_is_that_of_the_dashboard(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    assert call("pause").stderr == "podplane-tui: default is stopped: start it first\n"
    assert call("stop").stderr == "podplane-tui: default is not running\n"
    assert "there is no VM nope" in call("stop", "--id", "nope").stderr


def test_nobody_is_asked_in_json(workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    make_disk(workspace)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert "--yes" in lines(call("delete", "--json").stdout)[-1]["error"]["problem"]
