"""podplane's local server: what proves that it runs, and its log."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from podplane_tui.backend.runtime.local_server import MAX_LOG_STEP, LogTail, is_server_command, read_local_server


@pytest.mark.parametrize(
    ("arguments", "runs"),
    [
        (["/usr/bin/podplane", "local", "server", "--background"], True),
        (["podplane", "--verbose", "local", "server"], True),
        (["/bin/sh", "/opt/podplane", "local", "server"], True),
        (["podplane", "local", "start"], False),
        (["podplane"], False),
        (["vi", "local", "server"], False),
        (["grep", "-r", "podplane", "local", "server"], False),
        ([], False),
    ],
)
def test_the_command_line_tells_the_server(arguments: list[str], runs: bool) -> None:
    assert is_server_command(arguments) is runs


def test_a_live_process_of_that_number_is_not_enough(tmp_path: Path) -> None:
    path = tmp_path / "local-server.json"
    path.write_text(json.dumps({"pid": os.getpid(), "data": {"http_port": "4080"}}))
    server = read_local_server(tmp_path)
    assert (server.running, server.pid, server.http_port) == (False, None, None)
    assert f"process {os.getpid()} is" in str(server.problem)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"pid":0}', b'{"pid":1,"data":{"http_port":1}}', b"\0\x1b[31m"]
)
def test_whatever_stands_in_the_file_it_is_a_value(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "local-server.json").write_bytes(content)
    server = read_local_server(tmp_path)
    assert not server.running
    assert server.problem


def test_no_file_and_a_gone_process_are_no_problem(tmp_path: Path) -> None:
    nothing = read_local_server(tmp_path)
    assert nothing.problem is None
    (tmp_path / "local-server.json").write_text('{"pid":2147483647,"data":null}')
    assert read_local_server(tmp_path) == nothing


@pytest.mark.parametrize(
    "log", ["/etc/passwd", "../x.log", "/etc/x.log", "a\0b", "{}/sub/x.log", "{}/../x.log", "{}/id"]
)
def test_only_a_log_in_the_runtime_directory_is_one(tmp_path: Path, log: str) -> None:
    file = {"pid": 2147483647, "data": {"log_file": log.format(tmp_path)}}
    (tmp_path / "local-server.json").write_text(json.dumps(file))
    assert read_local_server(tmp_path).log == tmp_path / "local-server.log"


def test_the_log_is_followed_however_it_changes(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    tail = LogTail(log)
    with pytest.raises(FileNotFoundError, match=r"x.log"):
        tail.read()
    log.write_bytes(b"one\n\x1b]0;owned\x07tw")
    assert (tail.read(), tail.remainder()) == (("one",), "tw")
    with log.open("ab") as file:
        file.write(b"o\n")
    assert (tail.read(), tail.remainder()) == (("two",), "")
    assert tail.read() == ()
    log.write_bytes(b"new\n")  # shorter: begun anew
    assert tail.read() == ("new",)
    other = tmp_path / "other"
    other.write_bytes(b"replaced\n")
    other.replace(log)
    assert tail.read() == ("replaced",)
    with log.open("ab") as file:
        file.write(b"x" * MAX_LOG_STEP * 2 + b"\n" + b"y" * MAX_LOG_STEP + b"\nlast\n")
    assert tail.read() == ("last",)
    assert tail.read() == ()


def test_a_log_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "x.log").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic link"):
        LogTail(tmp_path / "x.log").read()
