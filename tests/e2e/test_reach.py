"""Shell, sync and console of a real machine: the tiny guest with SSH, started as every machine is."""

import contextlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend import Cluster, StartSpec
from podplane_tui.backend.core.control import Control, ShellOptions, StopTimeouts
from podplane_tui.backend.core.errors import Cancelled, CommandFailed, NotRunning, ShellError, StillBooting, VMError
from podplane_tui.backend.qemu.arguments import DirectBootOptions
from podplane_tui.backend.ssh.client import SSHTarget, connect, run
from podplane_tui.backend.sync.copy import run_sync
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.create import EMPTY_DISK
from tests.backend.console.terminal_child import run_on_terminal
from tests.guest.tiny import TinyGuest
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]

BOOT_LIMIT = 120.0
AT_ONCE = StopTimeouts(powerdown=0.0)
NAMES = [b"plain", b"two  words", b"it's", b'"q"', b"-v", b"new\nline", b"\xff\xfe", b"a:b", b"\x1b[31m", b"$HOME"]


@contextlib.contextmanager
def _machine(guest: TinyGuest) -> Iterator[Cluster]:
    root = Path(tempfile.mkdtemp(prefix="pt-", dir="/tmp"))
    # Each VM of this name with what is remembered of it alone: their host keys are not the same.
    cluster = Cluster(
        data_dir=root / "data", runtime_dir=root / "run", state_dir=root / "state", cluster_id="reach", arch="amd64"
    )
    try:
        cluster.create(EMPTY_DISK)
        boot = DirectBootOptions(str(guest.kernel), str(guest.initramfs), guest.cmdline)
        cluster.start(StartSpec(cpus="1", memory="256M", accelerator="tcg", boot=boot))
        yield cluster
    finally:
        with contextlib.suppress(NotRunning):
            cluster.stop(timeouts=AT_ONCE)
        shutil.rmtree(root)


def _wait_for_ssh(target: SSHTarget) -> int:
    """Ask until the guest lets us in; give back how often it was still booting. Any other answer is an error."""
    deadline = time.monotonic() + BOOT_LIMIT
    refusals = 0
    while True:
        try:
            connect(target, timeout=2.0).close()
        except StillBooting:
            assert time.monotonic() < deadline, "the guest never let us in"
            refusals += 1
            time.sleep(0.2)  # an interval between questions, as any caller leaves
        else:
            return refusals


@pytest.fixture(scope="module")
def cluster(tiny_ssh_guest: TinyGuest) -> Iterator[Cluster]:
    with _machine(tiny_ssh_guest) as machine:
        assert _wait_for_ssh(machine.ssh_target()) > 0  # asked from the first moment, so some came too early
        yield machine


@pytest.fixture
def target(cluster: Cluster) -> SSHTarget:
    return cluster.ssh_target()


def test_guest_took_name_and_key_from_the_seed(target: SSHTarget) -> None:
    assert run(target, "hostname; whoami") == b"reach\ndebian\n"


def test_words_streams_and_exit_code(target: SSHTarget) -> None:
    assert run(target, ["printf", "%s|", "a b", "it's", "$HOME", "new\nline"]) == b"a b|it's|$HOME|new\nline|"
    out, error = io.BytesIO(), io.BytesIO()
    with pytest.raises(CommandFailed, match="code 9") as caught:
        run(target, "echo out; echo error >&2; exit 9", ShellOptions(stdout=out, stderr=error))
    assert (caught.value.exit_code, out.getvalue(), error.getvalue()) == (9, b"out\n", b"error\n")


def test_timeout(target: SSHTarget) -> None:
    with pytest.raises(CommandFailed, match="did not end within"):
        run(target, "sleep 86400", ShellOptions(timeout=2.0))


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _files_there(target: SSHTarget, folder: str) -> dict[str, bytes]:
    """The files below a folder of the guest, as its `tar` packs them."""
    packed = run(target, ["sudo", "tar", "-C", folder, "-cf", "-", "."])
    assert packed is not None
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed), encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                found[member.name.removeprefix("./")] = file.read()
    return found


def test_sync_of_names_of_every_kind_as_root(target: SSHTarget, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "- sub"):
        folder.mkdir(exist_ok=True)
        for name in NAMES:
            (folder / os.fsdecode(name)).write_bytes(name * 100)
    (tmp_path / "left.out").write_text("")
    lines: list[str] = []
    folder_there = "/root/two words 'q'"  # only root may write there
    request = SyncRequest(f"{tmp_path}/", folder_there, excludes=("*.out",))
    run_sync(target, request, control=Control(report=lines.append))
    (tmp_path / "left.out").unlink()
    assert _files_there(target, folder_there) == _files(tmp_path)
    assert "plain" in lines
    with pytest.raises(CommandFailed, match="Permission denied"):
        run(target, ["ls", folder_there])  # as ourselves we may not even look


def test_sync_sets_the_owner(target: SSHTarget, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run_sync(target, SyncRequest(str(tmp_path / "file"), "/tmp/owned", chown="1000:1000"))
    assert run(target, ["stat", "-c", "%u:%g", "/tmp/owned"]) == b"1000:1000\n"


def _clients(target: SSHTarget) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] in {"rsync", "ssh"} and f"-p {target.port}" in " ".join(process.info["cmdline"] or []):
            found.append(process)
    return found


def _large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    with path.open("wb") as file:
        for _ in range(100):
            file.write(os.urandom(2**20))
    return path


def test_cancelled_sync_ends_on_both_sides(cluster: Cluster, target: SSHTarget, tmp_path: Path) -> None:
    control = Control()

    def report(line: str) -> None:
        if line == "large":
            cluster.pause()  # then it stays in the middle, however fast it is
            control.cancel.set()

    steered, request = Control(report=report, cancel=control.cancel), SyncRequest(str(_large(tmp_path)), "/tmp/large")
    with pytest.raises(Cancelled, match="sync was cancelled"):
        run_sync(target, request, control=steered)
    psutil.wait_procs(_clients(target))
    cluster.resume()
    assert run(target, "while pidof rsync >/dev/null; do sleep 0.1; done; ls /tmp") is not None


_CONSOLE = """
import sys
from pathlib import Path
from podplane_tui.backend.console.relay import attach
print("over:", attach(Path(sys.argv[1]), int(sys.argv[2]), input_fd=0, output_fd=1), flush=True)
"""


def test_console_twice(cluster: Cluster) -> None:
    for number in (1, 2):
        with run_on_terminal(
            [sys.executable, "-c", _CONSOLE, str(cluster.files.console), str(cluster.qemu.pid())]
        ) as child:
            settings = child.found
            child.type(b"\r")
            child.expect(b"# ")
            child.type(b"echo answer $((%d + 41))\r" % number)
            child.expect(b"answer %d\r\n" % (number + 41))
            child.type(b"\x1d")
            child.expect(b"over: detached")
            assert child.attributes() == settings
            assert child.end() == 0


def test_console_with_a_stuck_terminal_does_not_stop_the_guest(cluster: Cluster, target: SSHTarget) -> None:
    with run_on_terminal(
        [sys.executable, "-c", _CONSOLE, str(cluster.files.console), str(cluster.qemu.pid())]
    ) as child:
        child.type(b"\r")
        child.expect(b"# ")
        child.type(b"flood 20000; touch /tmp/flooded\r")  # 640 kB, and from here on nobody reads the terminal
        assert run(target, "until [ -e /tmp/flooded ]; do sleep 0.1; done", ShellOptions(timeout=BOOT_LIMIT)) == b""
        child.type(b"\x1d")
        child.expect(b"over: detached")


def test_machine_that_stops_in_the_middle(tiny_ssh_guest: TinyGuest, tmp_path: Path) -> None:
    large = _large(tmp_path)
    begun, copying = threading.Event(), threading.Event()

    class Begun(io.BytesIO):
        def write(self, _data: object, /) -> int:
            begun.set()
            return 0

    def report(line: str) -> None:
        if line == "large":
            machine.pause()  # as above
            copying.set()

    with _machine(tiny_ssh_guest) as machine, ThreadPoolExecutor() as pool:
        target = machine.ssh_target()
        _wait_for_ssh(target)
        command = pool.submit(run, target, "echo begun; sleep 86400", ShellOptions(stdout=Begun()))
        while not begun.wait(0.1):
            assert not command.done()
        copy = pool.submit(machine.sync, SyncRequest(str(large), "/tmp/large"), control=Control(report=report))
        while not copying.wait(0.1):
            assert not copy.done()
        machine.stop(timeouts=AT_ONCE)
        for future, kind in ((command, ShellError), (copy, NotRunning)):
            error = future.exception()
            assert isinstance(error, kind), error
            assert isinstance(error, VMError)
            assert str(error).isprintable()
        psutil.wait_procs(_clients(target))


def test_watch_survives_a_restart(tiny_ssh_guest: TinyGuest, tmp_path: Path) -> None:
    (tmp_path / "first").write_text("1")
    lines: list[str] = []
    cancel = threading.Event()

    def told(text: str) -> bool:
        return any(text in line for line in lines)

    def until(condition: Callable[[], object], what: str) -> None:
        wait_until(condition, what, seconds=BOOT_LIMIT, seen=lambda: lines)

    with _machine(tiny_ssh_guest) as machine, ThreadPoolExecutor() as pool:
        control = Control(report=lines.append, cancel=cancel)
        other = Cluster.of(machine.files)
        future = pool.submit(other.watch_sync, SyncRequest(f"{tmp_path}/", "/tmp/watched"), control=control)
        try:
            until(lambda: told("up to date"), "the first copy")
            lines.clear()
            machine.restart(timeouts=AT_ONCE)
            (tmp_path / "second").write_text("2")
            until(lambda: told("up to date"), "the copy after the restart")
            assert _files_there(machine.ssh_target(), "/tmp/watched") == _files(tmp_path)  # /tmp was lost meanwhile
        finally:
            cancel.set()
        future.result()
