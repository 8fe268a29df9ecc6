"""`server`: podplane's local server, for people and as JSON, its start and its log."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.support import Call, assert_refused, files_below
from tests.conftest import Workspace


def test_a_server_that_does_not_run(workspace: Workspace, call: Call) -> None:
    for arguments in (["server"], ["server", "status"]):
        result = call(*arguments)
        assert (result.returncode, result.stdout, result.stderr) == (0, "the local server is not running\n", "")
    told = json.loads(call("server", "--json").stdout)
    assert (told["running"], told["pid"], told["problems"]) == (False, None, [])
    assert files_below(workspace.root) == ["data", "data/podplane", "run", "run/podplane"]


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "local-server.json"), ('{"pid": OURS, "data": null}', "process OURS is ")],
)
def test_what_is_wrong_with_it_is_said(workspace: Workspace, call: Call, content: str, words: str) -> None:
    content, words = (text.replace("OURS", str(os.getpid())) for text in (content, words))
    (workspace.runtime / "local-server.json").write_text(content)
    result = call("server")
    assert result.returncode == 0
    assert result.stdout.startswith("the local server is not running: ")
    assert words in result.stdout
    (problem,) = json.loads(call("server", "--json").stdout)["problems"]
    assert words in problem["problem"]


@pytest.mark.parametrize("action", [[], ["status"], ["start"]])
def test_only_a_log_can_be_followed(workspace: Workspace, call: Call, action: list[str]) -> None:
    assert_refused(call("server", *action, "--follow"), 2, "server log --follow")
    assert files_below(workspace.runtime) == []


def test_it_can_not_be_stopped_from_here(call: Call) -> None:
    assert_refused(call("server", "stop"), 2, "status", "start", "log")


def test_a_log_is_no_json(call: Call) -> None:
    result = call("server", "log", "--json")
    assert (result.returncode, result.stderr) == (2, "")
    assert "--json works with status and start" in json.loads(result.stdout)["error"]["problem"]


def test_without_a_log_it_was_not_started_yet(workspace: Workspace, call: Call) -> None:
    for options in ([], ["--follow"]):
        assert_refused(call("server", "log", *options), 1, str(workspace.runtime), "start the local server first")


def test_the_log_is_printed_in_plain_lines_with_the_one_that_has_no_end(workspace: Workspace, call: Call) -> None:
    (workspace.runtime / "local-server.log").write_bytes(b"one\n\x1b[32mtwo\x1b[0m\x07\n\xff\nunfinished")
    result = call("server", "log")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "one\ntwo\\x07\n\\xff\nunfinished\n"
    (workspace.runtime / "local-server.log").write_bytes(b"")
    assert call("server", "log").stdout == ""


@pytest.mark.usefixtures("podplane")
def test_it_is_started_by_podplane_and_told_where_it_listens(workspace: Workspace, call: Call) -> None:
    path = {"PATH": os.environ["PATH"]}
    result = call("server", "start", environ=path)
    assert result.returncode == 0, result
    told = json.loads(call("server", "start", "--json", environ=path).stdout.splitlines()[-1])["result"]["server"]
    assert {"schema": 1, **told} == json.loads(call("server", "--json").stdout)
    assert (told["running"], told["http_port"], told["https_port"]) == (True, 40081, 40443)
    where = f"process {told['pid']}, ports: http 40081, https 40443, ingress 4433"
    assert result.stdout == f"the local server is running as {where}\n"
    assert call("server", "log").stdout.endswith("listening on https://127.0.0.1:40443\n")


@pytest.mark.usefixtures("podplane")
def test_a_start_that_fails_tells_podplanes_words(call: Call) -> None:
    environ = {"PATH": os.environ["PATH"], "PODPLANE_STAND_IN": "fail"}
    assert_refused(call("server", "start", environ=environ), 1, "mkcert is not installed")


def test_without_podplane_it_can_not_be_started(call: Call) -> None:
    assert_refused(call("server", "start", environ={"PATH": "/nonexistent"}), 1, "podplane", "not installed")
