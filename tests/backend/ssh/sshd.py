"""A real OpenSSH server on loopback for tests: this user, keys of its own, and a `sudo` that needs no password."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.ssh.client import SSHTarget, ensure_identity
from tests.conftest import missing

ALIAS = "podplane-local-sshd.amd64"
"""The name under which the server's key is known. It is not known at first."""

_SUDO = """#!/bin/sh
cd "{home}" || exit 1
echo "$@" >>"{log}"
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Server:
    """`home` is where `sudo` runs its commands, `sudo_log` what it was asked to run, `programs` first in PATH."""

    target: SSHTarget
    home: Path
    programs: Path
    sudo_log: Path

    @property
    def host_key(self) -> str:
        """As `trust` takes it."""
        return " ".join((self.home.parent / "host_key.pub").read_text().split()[:2])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serve(*, command: str = "", port: int | None = None) -> Iterator[Server]:
    """Run the server for as long as the block lasts. With `command`, that is what runs whatever is asked for.

    Without `port` it has a free one.
    """
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing("sshd is not installed (Debian's package is openssh-server)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd run by root insists on it
    root = Path(tempfile.mkdtemp(prefix="pt-sshd-", dir="/tmp"))
    home, programs, log = root / "home", root / "programs", root / "sudo.log"
    home.mkdir()
    programs.mkdir()
    sudo = programs / "sudo"
    sudo.write_text(_SUDO.format(home=home, log=log))
    sudo.chmod(0o755)
    key = root / "key"
    (root / "authorized_keys").write_text(ensure_identity(key) + "\n")
    ensure_identity(root / "host_key")
    port = port or free_port()
    config = root / "sshd_config"
    config.write_text(
        f"""\
ListenAddress 127.0.0.1
Port {port}
HostKey {root}/host_key
AuthorizedKeysFile {root}/authorized_keys
PidFile none
StrictModes no
UsePAM no
AcceptEnv LANG LC_*
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
PrintMotd no
SetEnv PATH={programs}:{os.environ["PATH"]} HISTFILE=/dev/null
{f"ForceCommand {command}" if command else ""}
"""
    )
    try:
        with subprocess.Popen([program, "-D", "-e", "-f", config], stderr=subprocess.PIPE) as process:
            try:
                _wait_until_listening(process)
                target = SSHTarget("127.0.0.1", port, getpass.getuser(), key, ALIAS, root / "known_hosts")
                yield Server(target, home, programs, log)
            finally:
                process.terminate()
    finally:
        shutil.rmtree(root)


def _wait_until_listening(process: subprocess.Popen[bytes]) -> None:
    words = b""
    while b"Server listening" not in words:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line, f"sshd ended: {words.decode()}"
        words += line
