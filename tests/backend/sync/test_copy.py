"""rsync into a real OpenSSH server that stands in for a machine."""

import dataclasses
import errno
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import (
    Cancelled,
    CommandFailed,
    InvalidInput,
    KeyRefused,
    MissingProgram,
    StillBooting,
)
from podplane_tui.backend.ssh.client import SSHTarget, ensure_identity
from podplane_tui.backend.sync.copy import preview_sync, run_sync
from podplane_tui.backend.sync.output import Change, ChangeKind
from podplane_tui.backend.sync.rsync import SyncRequest
from tests.backend.ssh.sshd import Server, free_port, serve
from tests.conftest import missing

pytestmark = pytest.mark.slow

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
    with pytest.raises(CommandFailed, match=r"No such file or directory|destination's directory") as caught:
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
    with pytest.raises(KeyRefused, match=f"refuses the key {tmp_path}/key"):
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
        with pytest.raises(Cancelled, match="sync was cancelled"):
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
        raise BrokenPipeError(errno.EPIPE, "nobody reads it")

    with pytest.raises(BrokenPipeError, match="nobody reads it"):
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
    monkeypatch.setattr("podplane_tui.backend.host.child._GRACE", 0.5)
    control = Control()
    with ThreadPoolExecutor() as pool:
        future = pool.submit(run_sync, server.target, SyncRequest(f"{source}/", "copy"), control=control)
        assert begun.read_text() == "yes\n"
        control.cancel.set()
        with pytest.raises(Cancelled, match="sync was cancelled"):
            future.result()
    assert not [
        process for process in psutil.process_iter(["cmdline"]) if str(stubborn) in (process.info["cmdline"] or [])
    ]
