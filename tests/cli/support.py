"""What the command line's tests share: the program run in several ways, its terminal, and a VM's disk."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

import podplane_tui.cli
from podplane_tui.backend.core.files import private_directory
from podplane_tui.backend.core.paths import VMFiles
from tests.backend.qemu.support import listen_on
from tests.cli.json_schema import check_output
from tests.conftest import Workspace
from tests.stand_ins import python_as

PROGRAM = (sys.executable, "-m", "podplane_tui")
"""The program, as the tests run it."""

ESCAPES = "\x1b]0;owned\x07\x1b[31mred\x1b[0m\r\n\u202egnp"


def run(
    workspace: Workspace, *arguments: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The real program in the workspace, without a terminal."""
    result = subprocess.run(
        [*PROGRAM, *arguments],
        env={**workspace.environment, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    check_output(arguments, result.returncode, result.stdout)
    return result


class Call:
    """The same without a process of its own, for the many cases in which that makes no difference."""

    def __init__(self, workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
        self._workspace = workspace
        self._capfd = capfd

    def __call__(
        self, *arguments: str, environ: dict[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self._workspace.environment, **(environ or {})}.items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
            self._capfd.readouterr()
            try:
                code = podplane_tui.cli.run(arguments)
            finally:
                gc.enable()  # opening the dashboard turns it off, for a process of its own
        output = self._capfd.readouterr()
        check_output(arguments, code, output.out)
        return subprocess.CompletedProcess(arguments, code, output.out, output.err)


class Terminal:
    """The program on a terminal of its own; `text` is what it has shown."""

    def __init__(self, workspace: Workspace, *arguments: str, program: Sequence[str] = PROGRAM) -> None:
        self.text = ""
        self._searched = 0
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.execve(program[0], [*program, *arguments], {**workspace.environment, "TERM": "xterm"})  # noqa: S606

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait_for(self, pattern: str, *, timeout: float = 60) -> re.Match[str]:
        """Read until `pattern` matches after the end of the match before it."""
        deadline = time.monotonic() + timeout
        while not (match := re.compile(pattern, re.MULTILINE).search(self.text, self._searched)):
            assert self._read(deadline), f"no {pattern!r} on the terminal: …{self.text[-2000:]!r}"
        self._searched = match.end()
        return match

    def drain(self) -> None:
        """Read what there is, for a moment."""
        self._read(time.monotonic() + 0.1)

    def end(self, *, timeout: float = 60) -> int:
        """Read to the end and give the exit code."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, deadline: float) -> bool:
        readable, _, _ = select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # how Linux tells that the other side is closed
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


def assert_refused(result: subprocess.CompletedProcess[str], code: int, word: str, *words: str) -> None:
    """Exit code `code`, nothing on stdout, one line on stderr that holds the words, and no traceback."""
    assert (result.returncode, result.stdout) == (code, ""), result
    assert result.stderr.startswith("podplane-tui: "), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.rstrip("\n").isprintable(), result.stderr
    for each in (word, *words):
        assert each in result.stderr, result.stderr


def make_disk(workspace: Workspace, cluster_id: str = "default", *, arch: str = "amd64") -> Path:
    path = workspace.data / "vms" / f"podplane-local-{cluster_id}.{arch}.image.qcow2"
    path.parent.mkdir(exist_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "1G"], check=True)
    return path


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def assert_needs_a_running_vm(workspace: Workspace, call: Call, verb: str, why: str = "default is stopped") -> None:
    """A stopped VM is no place for the verb: it is refused and changes nothing."""
    make_disk(workspace)
    before = files_below(workspace.data)
    assert_refused(call(verb), 1, why)
    assert files_below(workspace.data) == before


class LiveVM:
    """A process that looks like the QEMU of the default cluster's VM; `asked` is what its control socket was told.

    `run_state` is what it answers with, and obeys `stop` and `cont`.
    """

    _OBEYED: ClassVar = {"stop": "paused", "cont": "running"}

    def __init__(self, workspace: Workspace) -> None:
        files = VMFiles("amd64", "default", workspace.data, workspace.runtime)
        make_disk(workspace)
        private_directory(files.pid_dir)
        program = python_as(workspace.root / "programs" / "qemu-system-x86_64")
        self.asked: list[str] = []
        self.run_state = "running"
        self._control = socket.socket(socket.AF_UNIX)
        self._control.bind(str(files.qmp))
        handle = self._control.fileno()
        code = f"import os; {listen_on([handle])}; os.open({str(files.image)!r}, os.O_RDWR); print('ready', flush=True)"
        disk, control = f"file={files.image},if=virtio,format=qcow2", f"unix:{files.qmp},server=on,wait=off"
        command = [str(program), "-I", "-S", "-c", f"{code}; input()", "-drive", disk, "-qmp", control]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, pass_fds=[handle])
        self.pid = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._control.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), client, client.makefile("rw") as stream:
                print('{"QMP": {"version": {"qemu": {"major": 9, "minor": 0, "micro": 0}}}}', file=stream, flush=True)
                while line := stream.readline():
                    self.asked.append(command := json.loads(line)["execute"])
                    self.run_state = self._OBEYED.get(command, self.run_state)
                    answer = {"status": self.run_state} if command == "query-status" else {}
                    print(json.dumps({"return": answer}), file=stream, flush=True)

    def end(self) -> None:
        """End it, and wait for that."""
        self._process.kill()
        self._process.communicate()
