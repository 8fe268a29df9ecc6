"""What tests share: the guests, and a workspace that leaves neither files nor virtual machines behind."""

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import hypothesis
import psutil
import pytest

from tests.base_directories import BaseDirectories
from tests.guest import tiny
from tests.guest.packages import Unavailable
from tests.stand_ins import python_as


def missing(reason: str, *, linux_only: bool = False) -> NoReturn:
    """Skip the test because of what this machine lacks; under CI=true, where nothing may be lacking, fail it.

    What `.ci/setup` can install on Linux only may always be lacking elsewhere.
    """
    if os.environ.get("CI") == "true" and not (linux_only and sys.platform != "linux"):
        pytest.fail(reason)
    pytest.skip(reason)


LEFT_OUT = ("faults", "installs")
"""The markers of tests that run only when `-m` names their marker: each has a make target."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for cycles neither while the tests are collected nor, later, in what is there by then: it stays anyway."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is `LEFT_OUT`, and give the tests with VMs to two workers: each VM takes a processor."""
    unasked = [marker for marker in LEFT_OUT if marker not in config.option.markexpr]
    out = [item for item in items if any(item.get_closest_marker(marker) for marker in unasked)]
    if out:
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=out)
    for item in items:
        if item.get_closest_marker("vm") or item.get_closest_marker("tmux"):
            item.add_marker(pytest.mark.xdist_group("debian" if "debian" in item.path.parts else "vm"))


hypothesis.settings.register_profile("patient", deadline=None)  # how long an example takes is the machine's affair
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _default_signals() -> None:
    """Undo what nohup and background shells do to what they start: our children inherit it, and are sent signals."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """An empty directory with a path short enough for sockets in it, wherever the test runner keeps its own."""
    with tempfile.TemporaryDirectory(prefix="pt-", dir="/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep recordings out of the state directory of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    """Hold what the tests start to what `filterwarnings` holds the tests to, but for streams left open at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", "error,ignore::ResourceWarning")
        yield


@pytest.fixture(scope="session")
def require_qemu() -> None:
    """For tests that run virtual machines."""
    _require("qemu-system-x86_64", "qemu-img")


@pytest.fixture(scope="session")
def require_qemu_arm64() -> None:
    """For tests that run virtual machines of arm64, on any host."""
    _require("qemu-system-aarch64", "qemu-img")


def _require(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            missing(f"{program} is not installed")


@pytest.fixture(scope="session")
def tiny_guest(require_qemu: None) -> tiny.TinyGuest:
    """A Linux guest that reaches a root shell on the serial port in about 5 s."""
    return _built(tiny.TINY)


@pytest.fixture(scope="session")
def tiny_ssh_guest(require_qemu: None) -> tiny.TinyGuest:
    """The same with network, SSH server, rsync and NoCloud seed, in about 8 s."""
    return _built(tiny.TINY_SSH)


@pytest.fixture(scope="session")
def tiny_ssh_guest_arm64(require_qemu_arm64: None) -> tiny.TinyGuest:
    """The latter for arm64."""
    return _built(tiny.TINY_SSH, tiny.ARM64)


def _built(variant: tiny.Variant, arch: tiny.Architecture = tiny.AMD64) -> tiny.TinyGuest:
    try:
        return tiny.build(variant, arch)
    except Unavailable as error:
        missing(str(error), linux_only=True)


def suspend(pid: int) -> None:
    """Suspend our child `pid`, and wait until it is: the signal only asks, and a busy machine obeys it late."""
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


@contextlib.contextmanager
def deep_tree(root: Path) -> Iterator[Path]:
    """Make folders in folders, more than calls may nest, and give the path of a file to make in the last of them."""
    deepest = root.joinpath(*["d"] * sys.getrecursionlimit())
    folder = root
    folder.mkdir(parents=True)
    for part in deepest.relative_to(root).parts:
        folder = folder / part
        folder.mkdir()
    try:
        yield deepest / "file"
    finally:
        subprocess.run(["rm", "-rf", root], check=True)  # Python's own way would nest too deep


@dataclass(frozen=True, slots=True)
class Workspace(BaseDirectories):
    """Directories of one test, with names short enough for socket paths."""

    def qemu_processes(self) -> list[psutil.Process]:
        """Return the running QEMU processes one of whose arguments names a file in here."""
        prefix = f"{self.root}/"
        found = []
        for process in psutil.process_iter(["name", "cmdline"]):
            name, arguments = process.info["name"] or "", process.info["cmdline"] or []
            if name.startswith("qemu-system") and any(prefix in argument for argument in arguments):
                found.append(process)
        return found


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Empty data and runtime directories; afterwards they are removed and every QEMU that uses them is ended."""
    root = Path(tempfile.mkdtemp(prefix="pt-", dir="/tmp"))
    workspace = Workspace(root)
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, workspace.environment[name])
    try:
        workspace.data.mkdir(parents=True)
        workspace.runtime.mkdir(parents=True)
        yield workspace
    finally:
        processes = workspace.qemu_processes()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=10)
        shutil.rmtree(root)


@pytest.fixture
def podplane(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in for podplane, first in PATH, in the workspace's environment. What it starts is ended afterwards."""
    programs = workspace.root / "programs"
    programs.mkdir()
    here = Path(__file__).parent
    program = programs / "podplane"
    program.write_text(f"#!{sys.executable}\n{(here / 'podplane.py').read_text()}")
    program.chmod(0o755)
    python_as(programs / "qemu-system-x86_64")
    (programs / "stand_in.py").write_text((here / "faults" / "stand_in.py").read_text())
    # Behind the real programs, which the stand-in for QEMU must not hide.
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{programs}")
    for name, value in workspace.environment.items():
        if name.startswith("XDG_") or name == "HOME":
            monkeypatch.setenv(name, value)
    try:
        yield program
    finally:
        prefix = f"{workspace.root}/"
        for process in psutil.process_iter(["cmdline"]):
            if (
                any(prefix in f"{argument}/" for argument in process.info["cmdline"] or [])
                and process.pid != os.getpid()
            ):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
