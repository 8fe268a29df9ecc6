"""Launching, with programs of QEMU's name that do what the test needs. The real QEMU is in tests/e2e."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CorruptFile, InvalidInput, StartFailed, VMNotFound
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.qemu.process import look
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.vm.launch import Launch, launching
from tests.backend.vm.support import be_qemu
from tests.stand_ins import python_as

pytestmark = pytest.mark.usefixtures("require_qemu")


def nothing() -> None:
    """What is done at a moment when there is nothing to do."""


def launch(
    files: VMFiles,
    spec: Launch,
    control: Control,
    *,
    meanwhile: Callable[[], object] = nothing,
    commit: Callable[[], object] = nothing,
) -> None:
    """A launch with something to do while QEMU starts, and when it has answered."""
    with launching(files, spec, control) as starting:
        meanwhile()
        starting.await_answer()
        commit()


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run")
    files.image_dir.mkdir(parents=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", files.image, "1G"], check=True)
    return files


def test_qemu_begins_when_its_pid_file_is_on_disk(
    files: VMFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_qemu(f"echo $$; cat {files.pid_file}; exit 5", tmp_path, monkeypatch)
    with pytest.raises(StartFailed, match="exit code 5") as caught:
        launch(files, Launch(network=False), Control())
    pid, _, rest = str(caught.value).partition("): ")[2].partition(" ")
    recorded = PIDFile.parse(files.pid_file, rest.rpartition("; ")[0].encode())
    assert recorded.pid == int(pid)


def test_a_commit_that_fails_takes_everything_back(
    files: VMFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(path.name for path in files.image_dir.iterdir())

    def commit() -> None:
        assert json.loads(files.pid_file.read_bytes())["pid"] > 0
        raise OSError(28, "No space left on device")

    with pytest.raises(StartFailed, match="No space left on device; free some space"):
        launch(files, Launch(network=False, memory="64M"), Control(), commit=commit)
    assert sorted(path.name for path in files.image_dir.iterdir()) == before
    assert list(files.pid_dir.iterdir()) == []


@pytest.mark.parametrize("names_it", [True, False])
def test_a_start_that_fails_leaves_the_machine_that_podplane_started_meanwhile(
    files: VMFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names_it: bool
) -> None:
    be_qemu("exit 1", tmp_path, monkeypatch)
    with contextlib.ExitStack() as stack:
        theirs = stack.enter_context(socket.socket(socket.AF_UNIX))

        def podplane_starts() -> None:
            theirs.bind(str(files.console))
            program = python_as(tmp_path / "theirs" / "qemu-system-x86_64")
            command = [str(program), "-I", "-S", "-c", "input()", "-hda", str(files.image)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE)
            stack.enter_context(process)
            stack.callback(process.kill)
            while look(process.pid) is None:  # the system tells of its arguments a little after its start
                assert process.poll() is None
            if names_it:
                files.pid_file.write_text(f'{{"pid": {process.pid}}}')

        with pytest.raises(StartFailed, match="ended at once"):
            launch(files, Launch(network=False), Control(), meanwhile=podplane_starts)
        assert files.console.exists()
        assert files.pid_file.exists() == names_it


def test_what_is_checked_before_anything_is_written(files: VMFiles) -> None:
    for spec, words in (
        (Launch(cpus="0"), "number of CPUs '0'"),
        (Launch(memory="lots"), "memory size 'lots'"),
        (Launch(accelerator="magic"), "accelerator 'magic'"),
    ):
        with pytest.raises(InvalidInput, match=f"invalid {words}"):
            launch(files, spec, Control())
    files.pid_dir.mkdir(parents=True)
    files.console.touch()
    with pytest.raises(CorruptFile, match="repair"):
        launch(files, Launch(), Control())
    files.image.unlink()
    with pytest.raises(VMNotFound, match="podplane-local-a has no disk"):
        launch(files, Launch(), Control())
    assert list(files.image_dir.iterdir()) == []
