"""rsync into a real OpenSSH server that stands in for a machine."""

import dataclasses
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import (
    Cancelled,
    CommandFailed,
    InvalidInput,
    KeyRefused,
    MissingProgram,
    StillBooting,
    Unsupported,
)
from podplane_tui.backend.host import facts
from podplane_tui.backend.ssh.client import SSHTarget, ensure_identity
from podplane_tui.backend.sync.copy import preview_sync, run_sync
from podplane_tui.backend.sync.output import Change, ChangeKind
from podplane_tui.backend.sync.rsync import Rsync, SyncRequest, _shell_word, find_rsync, rsync_arguments
from tests.backend.ssh.sshd import Server, free_port, serve
from tests.conftest import missing

pytestmark = pytest.mark.slow

RSYNC = Rsync(Path("/usr/bin/rsync"), (3, 2, 7))
TARGET = SSHTarget("127.0.0.1", 2222, "debian", Path("/data/ssh/id_ed25519"))
NAMES = [
    b"plain",
    b"two  words",
    b"it's",
    b'"quoted"',
    b"-v",
    b"--delete",
    b"new\nline",
    b"\xff\xfe",
    b"a:b",
    b"\x1b[31m",
]


@pytest.fixture
def server() -> Iterator[Server]:
    if shutil.which("rsync") is None:
        missing("rsync is not installed")
    with serve() as running:
        yield running


_TELLS_VERSION = "[ \"$1\" != --version ] || exec echo 'rsync  version 3.2.7'\n"


def _tree(root: Path) -> dict[str, bytes | None]:
    """Every path below `root` with its content, None for a folder."""
    return {str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in root.rglob("*")}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    for folder in (root, root / "- sub 'folder'"):
        folder.mkdir()
        for name in NAMES:
            (folder / os.fsdecode(name)).write_bytes(name * 3)
    return root


# The argument vector


def test_arguments_are_those_of_podplane_and_progress() -> None:
    request = SyncRequest("src", "/dst", chown="root:root", excludes=("*.o", ".git"))
    arguments = rsync_arguments(RSYNC, TARGET, request)
    assert arguments[:5] == ["rsync", "-av", "--info=progress2", "--no-inc-recursive", "-e"]
    assert arguments[5].startswith("ssh -p 2222 -i /data/ssh/id_ed25519 -o ")
    assert arguments[6:] == [
        *["--chown=root:root", "--exclude", "*.o", "--exclude", ".git"],
        *["--rsync-path", "sudo rsync", "src", "debian@127.0.0.1:/dst"],
    ]


def test_plain_arguments_have_nothing_that_was_not_asked_for() -> None:
    arguments = rsync_arguments(RSYNC, TARGET, SyncRequest("src/", "dst"))
    assert arguments[6:] == ["--rsync-path", "sudo rsync", "src/", "debian@127.0.0.1:dst"]


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
    [("-x", "./-x"), ("--help", "./--help"), ("a:b", "./a:b"), ("::m", "./::m"), ("a/b:c", "a/b:c"), ("/a:b", "/a:b")],
)
def test_source_is_neither_option_nor_host(given_source: str, operand: str) -> None:
    assert rsync_arguments(RSYNC, TARGET, SyncRequest(given_source, "d"))[-2] == operand


def test_destination_is_no_option() -> None:
    assert rsync_arguments(RSYNC, TARGET, SyncRequest("s", "-x"))[-1] == "debian@127.0.0.1:./-x"


@pytest.mark.parametrize(("given_source", "destination"), [("", "d"), ("s", ""), ("a\0b", "d"), ("s", "a\nb")])
def test_operand_that_can_not_be_passed_on_is_refused(given_source: str, destination: str) -> None:
    with pytest.raises(InvalidInput):
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


# The real thing


def test_names_of_every_kind_arrive(server: Server, source: Path) -> None:
    run_sync(server.target, SyncRequest(f"{source}/", "copy"))
    assert _tree(server.home / "copy") == _tree(source)
    assert server.sudo_log.read_text().startswith("rsync --server ")


@pytest.mark.parametrize("name", ["-x", "a:b", 'two  words it\'s "q" $HOME `id` ;id & * ? [a] \\ ~ é \udcff'])
def test_source_and_destination_of_every_kind(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    Path(name, "file").write_text("content")
    run_sync(server.target, SyncRequest(name, name))
    assert _tree(server.home / name) == {name: None, f"{name}/file": b"content"}


@pytest.mark.parametrize("folder", ["two  words", "it's \"q\" 'q' ''"])
def test_key_path_survives_the_splitting_of_rsync(server: Server, source: Path, tmp_path: Path, folder: str) -> None:
    key = tmp_path / folder / "id_ed25519"
    key.parent.mkdir()
    shutil.copy2(server.target.identity_file, key)
    run_sync(dataclasses.replace(server.target, identity_file=key), SyncRequest(f"{source}/", "copy"))
    assert _tree(server.home / "copy") == _tree(source)


def test_excludes_stay_here(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "source"
    for name in ("keep", "-skip", "two words", "a.o"):
        (root / name).mkdir(parents=True)
        (root / name / "file").write_text("")
    run_sync(server.target, SyncRequest(f"{root}/", "copy", excludes=("-skip", "two words", "*.o")))
    assert [entry.name for entry in (server.home / "copy").iterdir()] == ["keep"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_is_set(server: Server, source: Path) -> None:
    run_sync(server.target, SyncRequest(f"{source}/plain", "file", chown="1234:2345"))
    found = (server.home / "file").stat()
    assert (found.st_uid, found.st_gid) == (1234, 2345)


def test_lines_are_reported_and_written_made_printable(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a\x1b]0;title\x07").write_text("")
    (tmp_path / "two  words").write_text("")
    lines: list[str] = []
    run_sync(server.target, SyncRequest(f"{tmp_path}/", "copy"), control=Control(report=lines.append))
    assert "two  words" in lines
    assert any(line.startswith("total size is 0") for line in lines)
    assert all(line.isprintable() for line in lines)


def test_progress_is_told(server: Server, source: Path) -> None:
    shown: list[Progress] = []
    (source / "large").write_bytes(os.urandom(2**20))
    run_sync(server.target, SyncRequest(f"{source}/", "copy"), control=Control(progress=shown.append))
    size = sum(len(content or b"") for content in _tree(source).values())
    assert shown[-1].done == size
    assert shown[-1].files == shown[-1].files_total == len(_tree(source)) + 1  # the folder itself is one
    assert shown[-1].fraction == 1


def test_preview_tells_and_does_nothing(server: Server, source: Path) -> None:
    request = SyncRequest(f"{source}/", "copy", delete=True)
    run_sync(server.target, request)
    before = _tree(server.home / "copy")
    (source / "plain").write_text("changed")
    (source / "new").write_text("")
    (source / "a:b").unlink()
    preview = preview_sync(server.target, request)
    assert preview.deletions == (Change(ChangeKind.DELETED, "a:b"),)
    found = {change.path: change.kind for change in preview.changes}
    assert found["plain"] is ChangeKind.CHANGED
    assert found["new"] is ChangeKind.NEW
    assert [preview.counts[kind] for kind in (ChangeKind.NEW, ChangeKind.CHANGED, ChangeKind.DELETED)] == [1, 1, 1]
    assert _tree(server.home / "copy") == before


def test_only_so_many_changes_are_kept(server: Server, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podplane_tui.backend.sync.copy.MAX_CHANGES", 3)
    preview = preview_sync(server.target, SyncRequest(f"{source}/", "copy"))
    assert len(preview.changes) == 3
    assert preview.counts[ChangeKind.NEW] == len(_tree(source)) + 1


@pytest.mark.parametrize("delete", [False, True])
def test_what_is_not_here_goes_only_when_asked(server: Server, source: Path, delete: bool) -> None:
    run_sync(server.target, SyncRequest(f"{source}/", "copy"))
    (server.home / "copy" / "old").write_text("")
    run_sync(server.target, SyncRequest(f"{source}/", "copy", delete=delete))
    assert (server.home / "copy" / "old").exists() == (not delete)


def test_gitignore_files_are_followed(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "source"
    (root / "sub").mkdir(parents=True)
    (root / ".gitignore").write_text("*.log\n")
    (root / "sub" / ".gitignore").write_text("/build\n")
    for name in ("a", "a.log", "sub/b.log", "sub/build", "build"):
        (root / name).write_text(name)
    run_sync(server.target, SyncRequest(f"{root}/", "copy", gitignore=True))
    assert set(_tree(server.home / "copy")) == {".gitignore", "a", "build", "sub", "sub/.gitignore"}
    (server.home / "copy" / "kept.log").write_text("what is ignored is not deleted")
    (server.home / "copy" / "old").write_text("")
    run_sync(server.target, SyncRequest(f"{root}/", "copy", gitignore=True, delete=True))
    assert {"kept.log", "a"} <= set(_tree(server.home / "copy"))
    assert not (server.home / "copy" / "old").exists()


def test_link_out_of_the_tree_arrives_as_a_link(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "source"
    root.mkdir()
    (tmp_path / "secret").write_text("stays here")
    (root / "link").symlink_to("../secret")
    (root / "nowhere").symlink_to("/no/such/file")
    run_sync(server.target, SyncRequest(f"{root}/", "copy"))
    assert (server.home / "copy" / "link").readlink() == Path("../secret")
    assert (server.home / "copy" / "nowhere").readlink() == Path("/no/such/file")
    assert not (server.home / "secret").exists()


# Other rsyncs: programs that call themselves what they stand for and refuse what that does not know

_STAND_IN = """#!/bin/sh
if [ "$1" = --version ]; then
    echo '{version}'
    exit
fi
bare=--old-args
for argument; do
    case $argument in
    {unknown}) echo "rsync: $argument: unknown option" >&2; exit 1 ;;
    -s) bare=-s ;;
    esac
done
exec {rsync} $bare "$@"
"""
_OTHERS = {
    "3.1.3": ("rsync  version 3.1.3  protocol version 31", "--none"),
    "3.0.9": ("rsync  version 3.0.9  protocol version 30", "--info=*|--chown=*"),
    "openrsync": (
        "openrsync: protocol version 29\nrsync version 2.6.9 compatible",
        "--info=*|--chown=*|-[is]|--no-inc-recursive",
    ),
}


@pytest.fixture(params=_OTHERS)
def other_rsync(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the rsync that is first in PATH. Operands reach the far side's shell bare, unless -s is given."""
    version, unknown = _OTHERS[request.param]
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "rsync"
    program.write_text(_STAND_IN.format(version=version, unknown=unknown, rsync=shutil.which("rsync")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return str(request.param)


def test_other_rsyncs_copy(server: Server, source: Path, other_rsync: str) -> None:
    shown: list[Progress] = []
    lines: list[str] = []
    name = "two  words it's $HOME `id` ;id & \\ ~"
    control = Control(report=lines.append, progress=shown.append)
    run_sync(server.target, SyncRequest(f"{source}/", name, excludes=("*b",)), control=control)
    expected = {path: content for path, content in _tree(source).items() if not path.endswith("b")}
    assert _tree(server.home / name) == expected
    assert "plain" in lines
    assert bool(shown) == (other_rsync == "3.1.3")


def test_other_rsyncs_preview(server: Server, source: Path, other_rsync: str) -> None:
    request = SyncRequest(f"{source}/", "copy", delete=True)
    run_sync(server.target, request)
    (server.home / "copy" / "old").write_text("")
    (source / "new").write_text("")
    preview = preview_sync(server.target, request)
    assert preview.deletions == (Change(ChangeKind.DELETED, "old"),)
    assert "new" in [change.path for change in preview.changes]
    assert not (server.home / "copy" / "new").exists()


@pytest.mark.parametrize("other_rsync", ["3.0.9", "openrsync"], indirect=True)
def test_other_rsyncs_set_no_owner(server: Server, source: Path, other_rsync: str) -> None:
    with pytest.raises(InvalidInput, match="can't set an owner: install"):
        run_sync(server.target, SyncRequest(f"{source}/", "copy", chown="root"))


# What goes wrong


def test_missing_source_is_said_in_one_line(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"link_stat .*none.* failed: No such file") as caught:
        run_sync(server.target, SyncRequest(str(tmp_path / "none"), "copy"))
    assert caught.value.exit_code == 23
    assert str(caught.value).isprintable()


def test_destination_without_parent(server: Server, source: Path) -> None:
    # Whether rsync's own words arrive before it ends is rsync's luck.
    with pytest.raises(CommandFailed, match=r"No such file or directory|check that the destination's folder") as caught:
        run_sync(server.target, SyncRequest(f"{source}/", "no/such/parent"))
    assert caught.value.exit_code not in {0, 255}


def test_machine_without_rsync(server: Server, source: Path) -> None:
    program = server.programs / "rsync"
    program.write_text("#!/bin/sh\necho 'sudo: rsync: command not found' >&2\nexit 127\n")
    program.chmod(0o755)
    with pytest.raises(CommandFailed, match="sudo: rsync: command not found"):
        run_sync(server.target, SyncRequest(f"{source}/", "copy"))


def test_machine_whose_sudo_wants_a_password(server: Server, source: Path) -> None:
    (server.programs / "sudo").write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    with pytest.raises(CommandFailed, match="sudo: a password is required"):
        run_sync(server.target, SyncRequest(f"{source}/", "copy"))


def test_machine_that_is_not_there_yet(server: Server, source: Path) -> None:
    with pytest.raises(StillBooting, match="try again"):
        run_sync(dataclasses.replace(server.target, port=free_port()), SyncRequest(f"{source}/", "copy"))


def test_machine_that_refuses_the_key(server: Server, source: Path, tmp_path: Path) -> None:
    ensure_identity(tmp_path / "key")
    with pytest.raises(KeyRefused):
        run_sync(dataclasses.replace(server.target, identity_file=tmp_path / "key"), SyncRequest(f"{source}/", "copy"))


@pytest.mark.parametrize("program", ["rsync", "ssh"])
def test_missing_program_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server, program: str
) -> None:
    other = "ssh" if program == "rsync" else "rsync"
    found = shutil.which(other)
    assert found is not None
    (tmp_path / other).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match=f"{program} is not installed: install"):
        run_sync(server.target, SyncRequest(str(tmp_path), "copy"))


def _processes(target: SSHTarget) -> list[psutil.Process]:
    """The clients that lead to `target`, whose port is its own."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] in {"rsync", "ssh"} and str(target.port) in " ".join(process.info["cmdline"] or []):
            found.append(process)
    return found


def test_cancel_ends_rsync_and_its_ssh(server: Server, source: Path) -> None:
    begun = server.home / "begun"
    os.mkfifo(begun)
    (server.programs / "rsync").write_text(f"#!/bin/sh\necho yes >'{begun}'\nexec sleep 86400\n")
    (server.programs / "rsync").chmod(0o755)
    control = Control()
    with ThreadPoolExecutor() as pool:
        future = pool.submit(run_sync, server.target, SyncRequest(f"{source}/", "copy"), control=control)
        assert begun.read_text() == "yes\n"  # waits until the machine's side runs
        assert {process.name() for process in _processes(server.target)} == {"rsync", "ssh"}
        control.cancel.set()
        with pytest.raises(Cancelled):
            future.result()
    psutil.wait_procs(_processes(server.target))


def test_cancelled_before_it_begins(server: Server, source: Path) -> None:
    control = Control()
    control.cancel.set()
    with pytest.raises(Cancelled, match="nothing was copied"):
        run_sync(server.target, SyncRequest(f"{source}/", "copy"), control=control)
    assert not server.sudo_log.exists()


def test_output_that_fails_ends_rsync(server: Server, source: Path) -> None:
    def broken(_line: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_sync(server.target, SyncRequest(f"{source}/", "copy"), control=Control(report=broken))
    psutil.wait_procs(_processes(server.target))


def test_rsync_that_ignores_sigterm_is_ended(
    server: Server, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, begun = tmp_path / "programs", tmp_path / "begun"
    programs.mkdir()
    os.mkfifo(begun)
    stubborn = programs / "rsync"
    stubborn.write_text(f"#!/bin/sh\n{_TELLS_VERSION}trap '' TERM\necho yes >'{begun}'\nwhile :; do sleep 60; done\n")
    stubborn.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr("podplane_tui.backend.sync.copy._GRACE", 0.5)
    control = Control()
    with ThreadPoolExecutor() as pool:
        future = pool.submit(run_sync, server.target, SyncRequest(f"{source}/", "copy"), control=control)
        assert begun.read_text() == "yes\n"
        control.cancel.set()
        with pytest.raises(Cancelled):
            future.result()
    assert not [
        process for process in psutil.process_iter(["cmdline"]) if str(stubborn) in (process.info["cmdline"] or [])
    ]
