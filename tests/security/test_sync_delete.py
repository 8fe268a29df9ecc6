"""`sync --delete` on real parts: a lost source deletes nothing, nor does anything in the guest's system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CommandFailed, InvalidInput, SourceLost
from podplane_tui.backend.sync.copy import preview_sync, run_sync
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.sync.source import Seen, emptied
from podplane_tui.backend.vm.watch import keep_synced
from tests.backend.ssh.sshd import Server, serve
from tests.backend.vm.test_watch import Machine, machine, text  # noqa: F401 - a fixture among them
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow


class Watch:
    """A watch in a thread: its lines, its questions and how it ended."""

    def __init__(self, vm: Machine, request: SyncRequest, ask: Callable[[str], bool] | None = None) -> None:
        self.lines: list[str] = []
        self.errors: list[BaseException] = []
        self.control = Control(report=self.lines.append, ask=ask)
        self._machine, self._request = vm, request
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            keep_synced(self._machine.context, self._request, user="", control=self.control)
        except BaseException as error:
            self.errors.append(error)

    def up_to_date(self) -> int:
        return sum(line.startswith("up to date") for line in self.lines)


@contextmanager
def watching(
    machine: Machine,  # noqa: F811
    request: SyncRequest,
    ask: Callable[[str], bool] | None = None,
) -> Iterator[Watch]:
    watch = Watch(machine, request, ask)
    watch.thread.start()
    try:
        wait_until(lambda: watch.up_to_date() or watch.errors, "the first copy", seen=lambda: watch.lines)
        yield watch
    finally:
        watch.control.cancel.set()
        watch.thread.join(PATIENCE)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    for name in ("first", "second"):
        (root / name).write_text(name)
    return root


def ended(watch: Watch, why: str) -> None:
    wait_until(lambda: watch.errors, "its end", seen=lambda: watch.lines)
    error = watch.errors[0]
    assert isinstance(error, SourceLost), error
    assert why in error.problem
    assert error.hint == "check the source, and start the watch again"


@pytest.mark.usefixtures("patient")
def test_an_unmounted_source_deletes_nothing(machine: Machine, source: Path) -> None:  # noqa: F811
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "none", source], check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        (source / "precious").write_text("1")
        copy = machine.server.home / "copy"
        with watching(machine, SyncRequest(f"{source}/", "copy", delete=True)) as watch:
            assert text(copy / "precious") == "1"
            subprocess.run(["umount", source], check=True)
            ended(watch, f"nothing is mounted on {source} any more")
        assert text(copy / "precious") == "1"
    finally:
        subprocess.run(["umount", source], check=False, capture_output=True)


@pytest.mark.usefixtures("patient")
def test_what_is_mounted_over_a_part_of_the_source_deletes_nothing(
    machine: Machine,  # noqa: F811
    source: Path,
) -> None:
    (source / "part").mkdir()
    (source / "part" / "precious").write_text("1")
    copy = machine.server.home / "copy"
    with watching(machine, SyncRequest(f"{source}/", "copy", delete=True)) as watch:
        mount = ["mount", "-t", "tmpfs", "none", str(source / "part")]
        if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
            pytest.skip("nothing can be mounted here")
        try:
            (source / "third").write_text("3")
            ended(watch, f"something else is mounted on {source}/part now")
        finally:
            subprocess.run(["umount", source / "part"], check=True)
    assert text(copy / "part" / "precious") == "1"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_replaced_source_that_stays_empty_deletes_nothing(
    machine: Machine,  # noqa: F811
    source: Path,
    slash: str,
) -> None:
    copy = machine.server.home / "copy" / ("" if slash else "source")
    with watching(machine, SyncRequest(f"{source}{slash}", "copy", delete=True)) as watch:
        source.rename(source.with_name("moved"))
        source.mkdir()
        ended(watch, "is empty now")
    assert text(copy / "first") == "first"


@pytest.mark.usefixtures("patient")
def test_a_source_of_another_place_deletes_nothing(machine: Machine, source: Path) -> None:  # noqa: F811
    link = source.with_name("link")
    link.symlink_to("source")
    with watching(machine, SyncRequest(f"{link}/", "copy", delete=True)) as watch:
        (source.with_name("other")).mkdir()
        (source.with_name("other") / "third").write_text("3")
        link.unlink()
        link.symlink_to("other")
        (source / "more").write_text("4")
        ended(watch, "is another directory now")
    assert text(machine.server.home / "copy" / "first") == "first"


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the source was empty, at each look of a watch."""
    seen: list[bool] = []

    def noting(before: Seen, now: Seen) -> str:
        seen.append(now.empty)
        return emptied(before, now)

    monkeypatch.setattr("podplane_tui.backend.vm.watch.emptied", noting)
    return seen


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that gives an empty directory more time than any test takes."""
    monkeypatch.setattr("podplane_tui.backend.vm.watch.SETTLING", 10 * PATIENCE)


@pytest.mark.usefixtures("patient")
def test_builds_go_on_unasked(machine: Machine, source: Path, looks: list[bool]) -> None:  # noqa: F811
    """They empty the directory or make it again, and give the files new names: nobody is there to be asked."""
    copy = machine.server.home / "copy"
    for number in range(8):
        (source / f"app-{number}.old.js").touch()
    with watching(machine, SyncRequest(f"{source}/", "copy", delete=True)) as watch:
        for again in (False, True):
            if again:
                shutil.rmtree(source)
                source.mkdir()
            else:
                for entry in source.iterdir():
                    entry.unlink()
            looks.clear()
            wait_until(lambda: True in looks or watch.errors, "a look at the empty directory", seen=lambda: watch.lines)
            for number in range(8):
                (source / f"app-{number}.new{again}.js").touch()
            wanted = {entry.name for entry in source.iterdir()}
            wait_until(
                lambda wanted=wanted: {entry.name for entry in copy.iterdir()} == wanted or watch.errors,  # type: ignore[misc]
                "the new build",
                seen=lambda: watch.lines,
            )
            assert not watch.errors
        assert not any("paused" in line for line in watch.lines)


@pytest.mark.usefixtures("patient")
def test_waiting_for_a_build_can_be_cancelled(machine: Machine, source: Path, looks: list[bool]) -> None:  # noqa: F811
    copy = machine.server.home / "copy"
    with watching(machine, SyncRequest(f"{source}/", "copy", delete=True)) as watch:
        for entry in source.iterdir():
            entry.unlink()
        wait_until(lambda: True in looks or watch.errors, "a look at the empty directory", seen=lambda: watch.lines)
    assert not watch.thread.is_alive()
    assert not watch.errors
    assert text(copy / "first") == "first"


def commands(server: Server, program: str) -> int:
    """How often the guest has run the program as root."""
    return sum(line.split()[0] == program for line in server.sudo_log.read_text().splitlines())


def test_an_emptied_source_asks_and_the_answer_counts(machine: Machine, source: Path) -> None:  # noqa: F811
    copy = machine.server.home / "copy"
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return True

    with watching(machine, SyncRequest(f"{source}/", "copy", delete=True), ask) as watch:
        for name in ("first", "second"):
            (source / name).unlink()
        wait_until(lambda: not (copy / "first").exists(), "the deletion that was agreed to", seen=lambda: watch.lines)
        (source / "third").write_text("3")
        wait_until(lambda: text(copy / "third") == "3", "the watch to go on", seen=lambda: watch.lines)
    assert len(asked) == 1
    assert f"{source}/ is empty now" in asked[0]
    assert not watch.errors


def test_a_source_that_is_replaced_while_rsync_begins_is_not_the_one_it_reads(
    machine: Machine,  # noqa: F811
    source: Path,
) -> None:
    """Between the comparison and what rsync reads nothing can take the directory's place."""
    copy, held = machine.server.home / "copy", machine.server.home / "held"
    sudo = machine.server.programs / "sudo"
    working = sudo.read_text()
    with watching(machine, SyncRequest(f"{source}/", "copy", delete=True)) as watch:
        hold = f"case $1 in rsync) while [ -e '{held}' ]; do sleep 0.02; done;; esac"
        sudo.write_text(working.replace("exec", f"{hold}\nexec"))
        held.touch()
        copies = commands(machine.server, "rsync")
        (source / "third").write_text("3")
        wait_until(lambda: commands(machine.server, "rsync") > copies, "a copy that has begun")
        source.rename(source.with_name("moved"))
        source.mkdir()
        held.unlink()
        ended(watch, "is empty now")
    assert text(copy / "first") == "first"


_LIMITED = """
import sys, threading
from pathlib import Path
from podplane_tui.backend.core.control import Control
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.watch import keep_synced
from tests.backend.ssh.sshd import Server
from tests.backend.vm.test_watch import Machine
user, port, key, home, root, source = sys.argv[1:]
target = SSHTarget("127.0.0.1", int(port), user, Path(key), "guest", Path(root) / "known_hosts")
machine = Machine(Path(root), Server(target, Path(home), Path(home), Path(home) / "log"))
say = lambda line: print(line, flush=True)
keep_synced(machine.context, SyncRequest(f"{source}/", "copy"), user="", control=Control(report=say))
"""


@pytest.mark.parametrize(("setting", "value"), [("max_inotify_watches", 10), ("max_inotify_instances", 1)])
def test_at_the_limit_of_inotify_no_change_is_missed(tmp_path: Path, source: Path, setting: str, value: int) -> None:
    """watchfiles drops the error, and then sees 9 of 30 directories."""
    if subprocess.run(["unshare", "-Ur", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")
    for number in range(30):
        (source / f"d{number}").mkdir()
    shell = f'echo {value} >/proc/sys/user/{setting} || exit 77; exec "$@"'
    with serve() as server:
        arguments = [server.target.user, str(server.target.port), str(server.target.identity_file), str(server.home)]
        command = ["unshare", "-Ur", "sh", "-c", shell, "-", sys.executable, "-c", _LIMITED]
        lines: list[str] = []
        with subprocess.Popen(
            [*command, *arguments, str(tmp_path / "m"), str(source)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")))  # type: ignore[union-attr]
            reader.start()
            try:
                wait_until(
                    lambda: process.poll() is not None or any("up to date" in line for line in lines),
                    "the first copy",
                    seen=lambda: lines,
                )
                told = next(line for line in lines if "limit of inotify" in line)
                assert f"(user.{setting} = {value}): polling for changes instead" in told
                assert f"raise it with: sudo sysctl user.{setting}=" in told
                for number in range(30):
                    (source / f"d{number}" / "x").write_text("1")
                copy = server.home / "copy"
                wait_until(
                    lambda: all(text(copy / f"d{number}" / "x") == "1" for number in range(30)),
                    "all changes",
                    seen=lambda: lines,
                )
            finally:
                process.kill()
        reader.join()


def test_a_long_tmpdir_works(
    machine: Machine,  # noqa: F811
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = tmp_path / ("t" * 100) / ("t" * 100)
    long.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with watching(machine, SyncRequest(f"{source}/", "copy")) as watch:
        assert watch.errors == []
        assert text(machine.server.home / "copy" / "first") == "first"
        port = f"-p {machine.server.target.port}"
        masters = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
        assert any(" -M -S " in line and port in line for line in masters)


# -- directories of the guest's system --------------------------------------------------------------------------------


@pytest.fixture
def guarded() -> Iterator[Server]:
    """A server on which nothing is ever deleted: its `sudo` runs what asks for a path alone."""
    with serve() as server:
        sudo = server.programs / "sudo"
        asked = 'case $1 in sh) ;; *) echo "refused by the test" >&2; exit 9;; esac\n'
        sudo.write_text(sudo.read_text().replace("exec", f"{asked}exec"))
        yield server


def ran_rsync(server: Server) -> bool:
    return server.sudo_log.exists() and "rsync" in server.sudo_log.read_text()


@pytest.mark.parametrize(
    ("slash", "destination"),
    [
        *(
            ("/", path)
            for path in ("/", "//", "/etc", "/etc/", "/opt/../etc/.", "/usr/bin", "~", ".", "../..", "~root")
        ),
        *(("/", path) for path in ("/etc/apt", "/etc/nginx/conf.d", ".ssh", "~root/.ssh", "/var/lib/kubelet")),
        *((("", path)) for path in ("/", "/usr/..")),
    ],
)
def test_the_guests_system_is_refused(
    guarded: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slash: str, destination: str
) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path)
    request = SyncRequest(f"etc{slash}", destination, delete=True)
    with pytest.raises(InvalidInput, match=r"--delete can't remove files of the VM's system in .*use --force"):
        run_sync(guarded.target, request)
    assert not ran_rsync(guarded)


def test_a_link_in_the_guest_that_leads_to_its_system_is_refused(guarded: Server, source: Path) -> None:
    link = guarded.home / "app"
    link.symlink_to("/etc")
    for destination in (str(link), "app", f"{link}/"):
        request = SyncRequest(f"{source}/", destination, delete=True)
        with pytest.raises(InvalidInput, match="the VM's system in /etc: "):
            run_sync(guarded.target, request)
        assert not ran_rsync(guarded)
    forced = SyncRequest(f"{source}/", str(link), delete=True, force=True)
    with pytest.raises(CommandFailed, match="refused by the test"):
        run_sync(guarded.target, forced)
    with pytest.raises(CommandFailed, match="refused by the test"):
        run_sync(guarded.target, SyncRequest(f"{source}/", str(link)))  # which deletes nothing


@pytest.mark.parametrize("shared", [True, False])
def test_a_link_that_the_guest_makes_while_it_is_copied_to_is_seen(
    machine: Machine,  # noqa: F811
    source: Path,
    shared: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each copy asks where it would delete, over the connection that the copies share."""
    if not shared:
        monkeypatch.setattr("podplane_tui.backend.vm.watch.socket_path_limit", lambda: 1)
    server = machine.server
    copy = server.home / "copy"
    with watching(machine, SyncRequest(f"{source}/", "copy", delete=True)) as watch:
        (source / "third").write_text("3")
        wait_until(lambda: text(copy / "third") == "3", "a second copy", seen=lambda: watch.lines)
        sudo = server.programs / "sudo"
        asked = "case $1 in sh) ;; *) exit 9;; esac\n"
        sudo.write_text(sudo.read_text().replace("exec", f"{asked}exec"))  # nothing of this host's is ever deleted
        copies = commands(server, "rsync")
        copy.rename(copy.with_name("moved"))
        copy.symlink_to("/etc")
        (source / "fourth").write_text("4")
        wait_until(lambda: watch.errors or commands(server, "rsync") > copies, "its end", seen=lambda: watch.lines)
    assert commands(server, "rsync") == copies
    assert isinstance(watch.errors[0], InvalidInput)
    assert "remove files of the VM's system in /etc" in watch.errors[0].problem


_REFUSALS = {
    "sudo runs nothing": ("sudo", "exit 1"),
    "sudo says it in other words": ("sudo", "echo Ausf\u00fchrung verweigert; exit 1"),
    "sudo prints what readlink would": ("sudo", "echo /srv/app; exit 1"),
    "there is no readlink": ("readlink", "exit 127"),
    "readlink fails where something is": ("readlink", "exit 1"),
}


@pytest.mark.parametrize(("program", "script"), _REFUSALS.values(), ids=_REFUSALS)
def test_a_guest_that_can_not_tell_is_refused(guarded: Server, source: Path, program: str, script: str) -> None:
    """What does not run is not taken for a directory that is not there: sudo ends with 1 as readlink does."""
    (guarded.home / "app").symlink_to("/etc")
    file = guarded.programs / program
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)
    with pytest.raises(InvalidInput, match=r"it can't be told where app leads in the VM: .*--force"):
        run_sync(guarded.target, SyncRequest(f"{source}/", "app", delete=True))


def test_where_nothing_is_nothing_is_refused(guarded: Server, source: Path) -> None:
    (guarded.home / "dangling").symlink_to("/nowhere/at/all")
    for destination in ("missing/app", "dangling", "/nowhere/app", "-e"):
        with pytest.raises(CommandFailed, match="refused by the test"):
            run_sync(guarded.target, SyncRequest(f"{source}/", destination, delete=True))


def test_a_preview_names_the_system_and_deletes_nothing(source: Path) -> None:
    with serve() as server:
        (server.home / "app").symlink_to("/etc")
        preview = preview_sync(server.target, SyncRequest(f"{source}/", "app", delete=True))
        assert preview.system == "/etc"
        assert Path("/etc/passwd").exists()


def test_directories_of_ones_own_are_copied_to_as_before(source: Path) -> None:
    with serve() as server:
        (server.home / "app").mkdir()
        (server.home / "app" / "old").touch()
        run_sync(server.target, SyncRequest(f"{source}/", "app", delete=True))
        assert not (server.home / "app" / "old").exists()
        run_sync(server.target, SyncRequest(f"{source}/", "new", delete=True))
        assert text(server.home / "new" / "first") == "first"
