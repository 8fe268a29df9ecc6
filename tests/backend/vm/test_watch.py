"""Keeping a copy up to date: real changes, real rsync, a real OpenSSH server that stands in for a machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import InvalidInput, NotRunning
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.ssh.known_hosts import trust
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm import watch
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.manager import Qemu
from podplane_tui.backend.vm.remembered import update_settings
from podplane_tui.backend.vm.watch import keep_synced
from tests.backend.ssh.sshd import Server, serve
from tests.conftest import missing
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

PATIENCE = 60.0


class Machine:
    """A VM whose guest is the OpenSSH server, up or down as the test says."""

    def __init__(self, root: Path, server: Server) -> None:
        self.server = server
        self.up = True
        self.number = 1
        self.files = VMFiles("amd64", "m", root / "data", root / "run", root / "state")
        manager = SimpleNamespace(
            files=self.files,
            vm_name="m",
            pid=self._pid,
            running=lambda: self.up,
            require_process=self._require_process,
        )
        self.context = Context(cast("Qemu", manager))
        self.files.identity.parent.mkdir(parents=True)
        self.files.identity.symlink_to(server.target.identity_file)
        update_settings(self.files, user=server.target.user)
        trust(self.files.known_hosts, self.files.stem, server.host_key)  # it is not the stand-in for QEMU that listens

    def _require_process(self) -> QemuProcess:
        if not self.up:
            raise NotRunning("m is not running", hint="start it first")
        nic = f"user,hostfwd=tcp:127.0.0.1:{self.server.target.port}-:22"
        return QemuProcess(self.number, "77", 0.0, ("qemu-system-x86_64", "-nic", nic), ())

    def _pid(self) -> int | None:
        return self.number if self.up else None


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if shutil.which("rsync") is None:
        missing("rsync is not installed")
    with serve() as server:
        yield Machine(tmp_path, server)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    (root / "first").write_text("first")
    return root


class Watched:
    """What a running watch has told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.errors: list[BaseException] = []

    def pushes(self) -> int:
        return sum(line.startswith("up to date") for line in self.lines)


@contextlib.contextmanager
def watching(machine: Machine, request: SyncRequest) -> Iterator[Watched]:
    """A watch for as long as the block lasts; at its end it has ended, with all that it started."""
    watched, cancel = Watched(), threading.Event()

    def run() -> None:
        try:
            keep_synced(machine.context, request, user="", control=Control(report=watched.lines.append, cancel=cancel))
        except BaseException as error:
            watched.errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield watched
    finally:
        cancel.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert watched.errors == []
    port = f"-p {machine.server.target.port}"
    clients = [p for p in psutil.process_iter(["name", "cmdline"]) if port in " ".join(p.info["cmdline"] or [])]
    assert psutil.wait_procs(clients, timeout=PATIENCE)[1] == []


def text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of changes that watches know, and have copied if they were to; but for the last of them."""
    known: set[str] = set()
    count = watch._Names.count

    def noting(names: watch._Names, changed: frozenset[Path]) -> bool:
        counts = count(names, changed)
        known.update(path.name for path in changed)
        return counts

    monkeypatch.setattr(watch._Names, "count", noting)
    return known


def copies(machine: Machine) -> int:
    """How many copies have begun in the machine."""
    return len(machine.server.sudo_log.read_text().splitlines())


def test_changes_arrive_and_nothing_is_deleted_unasked(machine: Machine, source: Path) -> None:
    copy = machine.server.home / "copy"
    with watching(machine, SyncRequest(f"{source}/", "copy")) as watched:
        wait_until(lambda: text(copy / "first") == "first", "the first copy")
        wait_until(watched.pushes, "the word that it is done")
        (source / "first").write_text("second")
        (source / "new folder").mkdir()
        (source / "new folder" / os.fsdecode(b"\xff\n-x")).write_text("odd")
        wait_until(lambda: text(copy / "first") == "second", "the change")
        wait_until(lambda: text(copy / "new folder" / os.fsdecode(b"\xff\n-x")) == "odd", "the new file")
        (source / "first").unlink()
        (source / "last").write_text("last")
        wait_until(lambda: text(copy / "last") == "last", "the last file")
        assert text(copy / "first") == "second"


def test_deletions_arrive_when_asked(machine: Machine, source: Path) -> None:
    copy = machine.server.home / "copy"
    (source / "other").touch()
    with watching(machine, SyncRequest(f"{source}/", "copy", delete=True)) as watched:
        wait_until(watched.pushes, "the first copy")
        (source / "first").unlink()
        wait_until(lambda: not (copy / "first").exists(), "the deletion")


def test_a_burst_is_one_copy_or_two(machine: Machine, source: Path, looked_at: set[str]) -> None:
    """It comes while a copy is under way, so that how long writing takes does not matter."""
    copy, held = machine.server.home / "copy", machine.server.home / "held"
    with watching(machine, SyncRequest(f"{source}/", "copy")) as watched:
        wait_until(watched.pushes, "the first copy")
        sudo = machine.server.programs / "sudo"
        working = sudo.read_text()
        sudo.write_text(working.replace("exec", f"while [ -e '{held}' ]; do sleep 0.02; done\nexec"))
        held.touch()
        before = copies(machine)
        (source / "first").write_text("second")
        wait_until(lambda: copies(machine) == before + 1, "a copy that has begun")
        for number in range(300):
            (source / f"file {number}").write_text(str(number))
        held.unlink()
        wait_until(lambda: all((copy / f"file {number}").exists() for number in range(300)), "all files")
        (source / "last").write_text("last")
        wait_until(lambda: "last" in looked_at, "a look at what came after it")
    assert copies(machine) - before - 1 <= 2 + 1


def test_what_is_left_out_asks_for_no_copy(machine: Machine, source: Path, looked_at: set[str]) -> None:
    (source / ".gitignore").write_text("*.log\n")
    copy = machine.server.home / "copy"
    request = SyncRequest(f"{source}/", "copy", excludes=("*.tmp",), gitignore=True)
    with watching(machine, request) as watched:
        wait_until(watched.pushes, "the first copy")
        wait_until(lambda: text(copy / ".gitignore"), "the first copy")
        before = copies(machine)
        for name in ("a.log", "b.tmp"):
            (source / name).write_text("4")
            wait_until(lambda name=name: name in looked_at, f"a look at {name}")  # type: ignore[misc]
        (source / "c").write_text("c")
        wait_until(lambda: text(copy / "c"), "what is not left out")
        assert copies(machine) == before + 1
        (source / ".gitignore").write_text("")
        wait_until(lambda: text(copy / "a.log") == "4", "what is not left out any more")
        assert not (copy / "b.tmp").exists()


def test_a_machine_that_goes_and_comes_back_is_waited_for(machine: Machine, source: Path) -> None:
    copy = machine.server.home / "copy"
    with watching(machine, SyncRequest(f"{source}/", "copy")) as watched:
        wait_until(watched.pushes, "the first copy")
        machine.up = False
        (source / "meanwhile").write_text("x")
        wait_until(lambda: any("waiting for the VM" in line for line in watched.lines), "the word that it waits")
        shutil.rmtree(copy)
        machine.number, machine.up = 2, True
        wait_until(lambda: text(copy / "meanwhile"), "the change")
        wait_until(lambda: text(copy / "first"), "what the machine had lost")
    assert sum("waiting for the VM" in line for line in watched.lines) == 1


def test_a_restarted_machine_gets_everything_again(machine: Machine, source: Path) -> None:
    copy = machine.server.home / "copy"
    with watching(machine, SyncRequest(f"{source}/", "copy")) as watched:
        wait_until(watched.pushes, "the first copy")
        shutil.rmtree(copy)
        machine.number = 2
        wait_until(lambda: text(copy / "first"), "the copy")


def test_a_copy_that_fails_is_told_and_the_watch_goes_on(machine: Machine, source: Path) -> None:
    copy = machine.server.home / "copy"
    with watching(machine, SyncRequest(f"{source}/", "copy")) as watched:
        wait_until(watched.pushes, "the first copy")
        sudo = machine.server.programs / "sudo"
        working = sudo.read_text()
        sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
        (source / "first").write_text("second")
        wait_until(lambda: any("let sudo ask for no password" in line for line in watched.lines), "the failure")
        sudo.write_text(working)
        (source / "other").write_text("")
        wait_until(lambda: text(copy / "first") == "second", "the change")


def test_a_single_file_is_watched_even_when_it_is_replaced(machine: Machine, source: Path) -> None:
    with watching(machine, SyncRequest(str(source / "first"), "file")) as watched:
        wait_until(watched.pushes, "the first copy")
        (source / "draft").write_text("replaced")
        (source / "draft").replace(source / "first")
        wait_until(lambda: text(machine.server.home / "file") == "replaced", "the change")


def test_a_tree_that_is_replaced_is_watched_on(machine: Machine, source: Path) -> None:
    copy = machine.server.home / "copy"
    with watching(machine, SyncRequest(f"{source}/", "copy")) as watched:
        wait_until(watched.pushes, "the first copy")
        shutil.rmtree(source)
        wait_until(lambda: any("is gone: waiting" in line for line in watched.lines), "the word that it is gone")
        source.mkdir()
        (source / "again").write_text("1")
        wait_until(lambda: text(copy / "again") == "1", "the new tree")
        (source / "again").write_text("22")
        wait_until(lambda: text(copy / "again") == "22", "a change in the new tree")


@pytest.mark.parametrize("delete", [False, True])
def test_nothing_to_watch_is_said(machine: Machine, tmp_path: Path, delete: bool) -> None:
    request = SyncRequest(f"{tmp_path}/none", "copy", delete=delete)
    with pytest.raises(InvalidInput, match=r"there is no .*none to watch"):
        keep_synced(machine.context, request, user="", control=Control())


def test_nothing_is_left_behind(
    machine: Machine, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "t"  # other tests, which run beside this one, have such folders in the usual one
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with watching(machine, SyncRequest(f"{source}/", "copy")) as watched:
        wait_until(watched.pushes, "the first copy")
        assert list(folder.iterdir())
    assert not list(folder.iterdir())


def test_links_in_a_circle_lead_nowhere(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InvalidInput, match="there is no"):
        keep_synced(machine.context, SyncRequest(str(tmp_path / "a"), "copy"), user="", control=Control())


_OPENED = """
import sys, threading
from pathlib import Path
from podplane_tui.backend.core.control import Control
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.backend.vm.watch import SharedConnection
user, port, key, alias, hosts, path = sys.argv[1:]
with SharedConnection(Path(path)) as shared:
    shared.open(SSHTarget("127.0.0.1", int(port), user, Path(key), alias, Path(hosts)), Control())
    print(shared.path.exists(), flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_the_shared_connection_goes_with_a_watch_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    with serve() as server:
        target, path = server.target, tmp_path / "ssh"
        arguments = [target.user, str(target.port), str(target.identity_file)]
        arguments += [target.host_key_alias, str(target.known_hosts), str(path)]
        with subprocess.Popen([sys.executable, "-c", _OPENED, *arguments], stdout=subprocess.PIPE, text=True) as watch:
            assert watch.stdout is not None
            assert watch.stdout.readline() == "True\n"
            clients = [p for p in psutil.process_iter(["cmdline"]) if str(path) in (p.info["cmdline"] or [])]
            client = next(p for p in clients if p.pid != watch.pid)
            watch.send_signal(number)
        left = psutil.wait_procs([client], timeout=PATIENCE)[1]
        for process in left:
            process.kill()
        assert left == []
