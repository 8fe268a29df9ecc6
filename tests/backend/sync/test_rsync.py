"""rsync's command line: the argument vector of a copy, and which rsync there is."""

import dataclasses
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.errors import InvalidInput, MissingProgram, Unsupported
from podplane_tui.backend.host import facts
from podplane_tui.backend.ssh.client import SSHTarget, batch_options
from podplane_tui.backend.sync.rsync import (
    Rsync,
    SyncRequest,
    _shell_word,
    absolute_source,
    check_source,
    find_rsync,
    rsync_arguments,
    version_text,
)

pytestmark = pytest.mark.slow


RSYNC = Rsync(Path("/usr/bin/rsync"), (3, 2, 7))


TARGET = SSHTarget("127.0.0.1", 2222, "debian", Path("/data/ssh/id_ed25519"), "a.amd64", Path("/state/a.amd64"))


def test_arguments_are_those_of_podplane_and_progress() -> None:
    request = SyncRequest("/srv/src", "/dst", chown="root:root", excludes=("*.o", ".git"))
    arguments = rsync_arguments(RSYNC, TARGET, request)
    assert arguments[:5] == ["rsync", "-av", "--info=progress2", "--no-inc-recursive", "-e"]
    shell = _split_as_rsync_does(arguments[5])
    assert shell == ["ssh", *batch_options(TARGET)]
    assert shell[1:3] == ["-o", "BatchMode=yes"]
    assert arguments[6:] == [
        *["--chown=root:root", "--exclude", "*.o", "--exclude", ".git"],
        *["--rsync-path", "sudo rsync", "/srv/src", "debian@127.0.0.1:/dst"],
    ]


def test_plain_arguments_have_nothing_that_was_not_asked_for() -> None:
    arguments = rsync_arguments(RSYNC, TARGET, SyncRequest("/src/", "dst"))
    assert arguments[6:] == ["--rsync-path", "sudo rsync", "/src/", "debian@127.0.0.1:dst"]


@pytest.mark.parametrize(("gitignore", "option"), [(False, "--delete"), (True, "--delete-after")])
def test_deleting_has_to_be_asked_for(gitignore: bool, option: str) -> None:
    request = SyncRequest("src/", "dst", delete=True, gitignore=gitignore)
    assert option in rsync_arguments(RSYNC, TARGET, request)
    assert ("--filter=:- .gitignore" in rsync_arguments(RSYNC, TARGET, request)) == gitignore
    asked_not = rsync_arguments(RSYNC, TARGET, dataclasses.replace(request, delete=False))
    assert not [argument for argument in asked_not if argument.startswith("--del")]


@pytest.mark.parametrize(
    ("version", "mode", "protection", "operand"),
    [
        ((3, 2, 7), ["-av", "--info=progress2", "--no-inc-recursive"], True, "a b"),
        ((3, 1), ["-av", "--info=progress2", "--no-inc-recursive"], True, "a b"),
        ((3, 0, 9), ["-av"], True, "a b"),
        ((2, 6, 9), ["-av"], False, "'a b'"),
        ((), ["-av"], False, "'a b'"),
    ],
)
def test_each_rsync_gets_what_it_knows(
    version: tuple[int, ...], mode: list[str], protection: bool, operand: str
) -> None:
    arguments = rsync_arguments(Rsync(RSYNC.path, version), TARGET, SyncRequest("s", "a b"))
    assert arguments[1 : arguments.index("-e")] == mode
    assert ("-s" in arguments) == protection
    assert arguments[-1] == f"debian@127.0.0.1:{operand}"


@pytest.mark.parametrize("name", ["/srv/src-1.0", "~/src", "a:b", "x@y+z,1%=_"])
def test_plain_operands_need_no_protection(name: str) -> None:
    assert "-s" not in rsync_arguments(RSYNC, TARGET, SyncRequest("s", name))


@pytest.mark.parametrize("name", ["`id`", "$(id)", "a b", "a;b", "a*", "é", "\udcff", "a'b", "a\\b", "{a,b}"])
def test_no_other_operand_is_left_to_the_far_shell(name: str) -> None:
    assert "-s" in rsync_arguments(RSYNC, TARGET, SyncRequest("s", name))
    assert "-s" in rsync_arguments(RSYNC, TARGET, SyncRequest("s", "d", chown=name))


def test_owner_needs_an_rsync_that_sets_it() -> None:
    with pytest.raises(InvalidInput, match=r"rsync \(3\.0\.9\) can't set an owner: install rsync 3\.1"):
        rsync_arguments(Rsync(RSYNC.path, (3, 0, 9)), TARGET, SyncRequest("s", "d", chown="root"))


@pytest.mark.parametrize(
    ("destination", "operand"), [("~", "."), ("~/", "."), ("~/a b", "a b"), ("~//-x", "./-x"), ("/~", "/~")]
)
def test_home_is_where_rsync_starts(destination: str, operand: str) -> None:
    assert rsync_arguments(RSYNC, TARGET, SyncRequest("s", destination))[-1] == f"debian@127.0.0.1:{operand}"


@pytest.mark.parametrize(
    ("given_source", "operand"),
    [
        *[("-x", "/srv/-x"), ("--help/", "/srv/--help/"), ("a:b", "/srv/a:b"), ("::m", "/srv/::m")],
        *[("a/b:c", "/srv/a/b:c"), ("/a:b", "/a:b")],
    ],
)
def test_source_is_neither_option_nor_host(monkeypatch: pytest.MonkeyPatch, given_source: str, operand: str) -> None:
    monkeypatch.chdir("/srv")
    assert rsync_arguments(RSYNC, TARGET, SyncRequest(given_source, "d"))[-2] == operand


def test_destination_is_no_option() -> None:
    assert rsync_arguments(RSYNC, TARGET, SyncRequest("s", "-x"))[-1] == "debian@127.0.0.1:./-x"


@pytest.mark.parametrize(
    ("given_source", "destination", "words"),
    [
        ("", "d", "source and a destination"),
        ("s", "", "source and a destination"),
        ("a\0b", "d", "NUL byte"),
        ("s", "a\nb", "line break"),
    ],
)
def test_operand_that_can_not_be_passed_on_is_refused(given_source: str, destination: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        rsync_arguments(RSYNC, TARGET, SyncRequest(given_source, destination))


def _split_as_rsync_does(command: str) -> list[str]:
    """rsync's own splitting of `-e`: both quotes, a doubled one stands for itself, no backslash."""
    words: list[str] = []
    word, quote, position = "", "", 0
    begun = False
    while position < len(command):
        character = command[position]
        if quote:
            if character == quote and command[position + 1 : position + 2] == quote:
                word += quote
                position += 1
            elif character == quote:
                quote = ""
            else:
                word += character
        elif character in "'\"":
            quote, begun = character, True
        elif character == " ":
            words, word, begun = [*words, word] if begun else words, "", False
        else:
            word, begun = word + character, True
        position += 1
    return [*words, word] if begun else words


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_remote_shell_survives_the_splitting_of_rsync(words: list[str]) -> None:
    assert _split_as_rsync_does(" ".join(_shell_word(word) for word in words)) == words


def test_an_rsync_that_does_not_answer_in_time_is_not_taken_for_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "rsync"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(facts, "VERSION_PATIENCE", 0.05)
    with pytest.raises(Unsupported, match="try again"):
        find_rsync()


def be_rsync(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program of this name, a shell script, into PATH alone."""
    program = tmp_path / "rsync"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


@pytest.mark.parametrize(
    ("words", "version", "text"),
    [
        ("rsync  version 3.2.7  protocol version 31", (3, 2, 7), "3.2.7"),
        ("rsync  version 3.4.1.20260101 protocol version 32", (3, 4, 1), "3.4.1"),
        ("openrsync: protocol version 29", (), "of an unknown version"),
        ("openrsync: protocol version 29\\nrsync version 2.6.9 compatible", (2, 6, 9), "2.6.9"),
        ("", (), "of an unknown version"),
    ],
)
def test_the_version_is_what_rsync_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, version: tuple[int, ...], text: str
) -> None:
    program = be_rsync(f"printf '{words}'", tmp_path, monkeypatch)
    rsync = find_rsync()
    assert rsync == Rsync(program, version)
    assert version_text(rsync) == text


def test_a_host_without_rsync_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match="rsync is not installed: install"):
        find_rsync()


@pytest.mark.parametrize(
    ("given_source", "absolute"),
    [
        ("a", "{}/a"),
        ("a/", "{}/a/"),
        ("a//", "{}/a/"),
        ("./a/../b", "{}/b"),
        ("a/.", "{}/a/"),
        ("a/..", "{}/"),
        (".", "{}/"),
        ("a/b.", "{}/a/b."),
        ("/a/", "/a/"),
        ("/", "/"),
        ("-v", "{}/-v"),
    ],
)
def test_a_source_means_the_same_in_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_source: str, absolute: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_source(given_source) == absolute.format(tmp_path)


def test_there_has_to_be_something_to_copy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("", "file", "link"):
        check_source(f"{tmp_path}/{name}")
    for name, reason in (("none", "No such file"), ("file/", "Not a directory"), ("a\0b", "(lstat: )?embedded null")):
        with pytest.raises(InvalidInput, match=f"can't be copied: {reason}.*; check the path"):
            check_source(f"{tmp_path}/{name}")


@pytest.mark.parametrize(
    "request_", [SyncRequest("s", "d", chown="a\0b"), SyncRequest("s", "d", excludes=("*.o", "a\0b"))]
)
def test_a_nul_byte_is_refused_wherever_it_stands(request_: SyncRequest) -> None:
    with pytest.raises(InvalidInput, match=r"'a\\x00b' has a NUL byte"):
        rsync_arguments(RSYNC, TARGET, request_)


def test_a_shared_connection_and_a_dry_run_are_asked_for() -> None:
    request = SyncRequest("s", "d")
    arguments = rsync_arguments(RSYNC, TARGET, request, dry_run=True, control_socket=Path("/tmp/it's"))
    assert arguments[1:4] == ["-an", "-i", "-e"]
    assert _split_as_rsync_does(arguments[4])[:3] == ["ssh", "-S", "/tmp/it's"]
    old = rsync_arguments(Rsync(RSYNC.path, (2, 6, 9)), TARGET, request, dry_run=True)
    assert old[1:3] == ["-avn", "-e"]
