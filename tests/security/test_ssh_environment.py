"""What a user's `~/.ssh/config`, `~/.popt` and variables could change of a login or a copy: real ssh, rsync and sshd.

OpenSSH takes the home directory from the user database, whatever HOME says. So the ssh of these tests runs where other
files are mounted over that directory and over the system's configuration.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import HostKeyChanged
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh.client import SSHTarget, ssh_arguments, ssh_command_line
from podplane_tui.backend.ssh.known_hosts import read_host_keys, trust
from podplane_tui.backend.sync.copy import preview_sync, run_sync
from podplane_tui.backend.sync.rsync import SyncRequest
from tests.backend.ssh.sshd import Server, serve
from tests.conftest import missing

pytestmark = pytest.mark.slow

UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--"]
"""Namespaces in which we are root."""

IN_NAMESPACE = """#!/bin/sh
exec {unshare} sh -c '
mount --bind "$0" {home} && mount --bind "$0/.ssh/config" /etc/ssh/ssh_config && exec {ssh} "$@"' {files} "$@"
"""

RELAY = "exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3 & cat >&3"
"""What leads a connection to another server, for bash: it stands between single quotes."""


@pytest.fixture(scope="module")
def a1() -> Iterator[Server]:
    with _server() as server:
        yield server


@pytest.fixture(scope="module")
def a2() -> Iterator[Server]:
    with _server() as server:
        yield server


@contextlib.contextmanager
def _server() -> Iterator[Server]:
    if shutil.which("rsync") is None:
        missing("rsync is not installed")
    with serve() as server:
        yield server


@pytest.fixture
def target(a1: Server, tmp_path: Path) -> SSHTarget:
    """The first server, of which no key is known."""
    return replace(a1.target, known_hosts=tmp_path / "known_hosts")


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A folder of three files, for rsync; the copy of an earlier test is gone."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "é"):
        (folder / name).write_text(name)
    return f"{folder}/"


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is `~/.ssh/config` and `/etc/ssh/ssh_config` for the ssh that is now first in PATH. It is empty."""
    real = shutil.which("ssh")
    if real is None or shutil.which("unshare") is None:
        missing("ssh or unshare is not installed", linux_only=True)
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        missing("this system does not let us make mount namespaces", linux_only=True)
    home, programs = tmp_path / "hostile", tmp_path / "programs"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    programs.mkdir()
    config = home / ".ssh" / "config"
    config.touch(mode=0o600)
    wrapper = programs / "ssh"
    words = {"unshare": shlex.join(UNSHARE), "home": pwd.getpwuid(0).pw_dir, "ssh": real, "files": home}
    wrapper.write_text(IN_NAMESPACE.format(**words))
    wrapper.chmod(0o755)
    monkeypatch.setenv("LC_OWN", "ours")
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return config


def told(command: list[str] | str) -> tuple[int, str]:
    """The exit code of a command, or of a line for the shell, and what it said."""
    arguments = ["/bin/sh", "-c", command] if isinstance(command, str) else command
    result = subprocess.run(
        arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )
    return result.returncode, result.stdout + result.stderr


def arrived(server: Server, folder: str) -> set[str]:
    """The files in that folder of the server, which are removed."""
    path = server.home / folder
    found = {entry.name for entry in path.iterdir()} if path.exists() else set()
    shutil.rmtree(path, ignore_errors=True)
    return found


SETTINGS = {
    "ProxyCommand": "ProxyCommand touch {marker}",
    "ProxyJump": "ProxyJump nowhere.invalid",
    "HostName": "HostName nowhere.invalid",
    "RemoteCommand": "RemoteCommand echo hostile",
    "RequestTTY": "RequestTTY force",
    "SessionType": "SessionType none",
    "BindAddress": "BindAddress 192.0.2.1",
    "AddressFamily": "AddressFamily inet6",
    "KnownHostsCommand": "KnownHostsCommand /bin/false",
    "LocalForward": "ExitOnForwardFailure yes\nLocalForward 127.0.0.1:{taken} 127.0.0.1:22",
    "LocalCommand": "PermitLocalCommand yes\nLocalCommand touch {marker}",
    "Match": 'Match exec "touch {marker}"',
    "SetEnv": "SetEnv LC_HOSTILE=yes",
    "Ciphers": "Ciphers none-such",
    "HostKeyAlgorithms": "HostKeyAlgorithms ssh-rsa",
    "PubkeyAcceptedAlgorithms": "PubkeyAcceptedAlgorithms ssh-rsa",
    "syntax": "NoSuchOption yes",
    "SendEnv": "SendEnv -LC_*",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_of_openssh_changes_a_login_a_copy_or_the_copied_command(
    a1: Server, target: SSHTarget, hostile: Path, source: str, name: str
) -> None:
    marker = hostile.with_name("marker")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        setting = SETTINGS[name].format(marker=marker, taken=busy.getsockname()[1])
        hostile.write_text(f"{setting}\n")
        remote = "echo reached $LC_OWN $LC_HOSTILE"
        assert told([*ssh_arguments(target), remote]) == (0, "reached ours\n")
        assert told(f"{ssh_command_line(target)} {shlex.quote(remote)}") == (0, "reached ours\n")
        run_sync(target, SyncRequest(source, "copy"))
    assert arrived(a1, "copy") == {"a.txt", "b.txt", "é"}
    assert not marker.exists()


def test_a_copy_to_a_vm_of_unknown_key_is_not_led_to_another(
    a1: Server, a2: Server, target: SSHTarget, hostile: Path, source: str
) -> None:
    """As `sync --id a1` once copied into a2."""
    hostile.write_text(f"ProxyCommand bash -c '{RELAY.format(port=a2.target.port)}'\n")
    shutil.copy(a1.home.parent / "authorized_keys", a2.home.parent)
    assert (
        "reached"
        in told(["ssh", "-i", str(target.identity_file), "-oStrictHostKeyChecking=no", "h", "echo reached"])[1]
    )
    run_sync(target, SyncRequest(source, "copy"))
    assert arrived(a1, "copy") == {"a.txt", "b.txt", "é"}
    assert arrived(a2, "copy") == set()
    assert read_host_keys(target.known_hosts).keys == (a1.host_key,)


def test_a_silent_ssh_agent_is_not_asked(
    a1: Server, target: SSHTarget, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "socket"))
        silent.listen()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "socket"))
        assert told([*ssh_arguments(target), "echo reached; echo $SSH_AUTH_SOCK"]) == (0, "reached\n\n")
        run_sync(target, SyncRequest(source, "copy"))
    assert len(arrived(a1, "copy")) == 3


def test_the_locale_is_passed_on_by_both(target: SSHTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LANG": "xx_XX.UTF-8", "LC_OWN": "\udcffé"}.items():
        monkeypatch.setenv(name, value)
    command = ["printf", "%s", "$LANG $LC_OWN"]
    line = f'{command[0]} {command[1]} "{command[2]}"'
    expected = b"xx_XX.UTF-8 \xff\xc3\xa9"
    assert subprocess.run([*ssh_arguments(target), line], capture_output=True, check=True).stdout == expected
    assert ssh.run(target, line) == expected
    client = ssh.connect(target)
    with client, contextlib.closing(ssh.open_shell(client, 80, 24)) as shell:
        shell.sendall(f"{line}; exit\n".encode())
        said = b""
        while data := shell.recv(4096):
            said += data
    assert expected in said


def test_options_of_our_configuration_hold_for_shells_and_not_for_what_a_copy_forwards(
    a1: Server, target: SSHTarget, source: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        forward = f"LocalForward=127.0.0.1:{busy.getsockname()[1]} 127.0.0.1:22"
        own = replace(target, options=("SetEnv=LC_OWN=ours", forward))
        code, words = told([*ssh_arguments(own), "echo $LC_OWN"])
        assert (code, "in use" in words, "ours" in words) == (0, True, True)
        lines: list[str] = []
        run_sync(own, SyncRequest(source, "copy"), control=Control(report=lines.append))
        assert not [line for line in lines if "in use" in line]
    assert len(arrived(a1, "copy")) == 3


def test_the_copied_command_checks_the_host_key(a1: Server, a2: Server, target: SSHTarget) -> None:
    line = f"{ssh_command_line(target)} echo reached"
    code, words = told(line)
    assert (code, "reached" in words) == (255, False)  # nobody can be asked whether the key is the VM's
    assert not target.known_hosts.exists()
    trust(target.known_hosts, target.host_key_alias, a2.host_key)
    line = f"cd / && {ssh_command_line(target)} echo reached"
    code, words = told(line)
    assert (code, "reached" in words, "verification failed" in words) == (255, False, True)
    with pytest.raises(HostKeyChanged, match="answers with the host key"):
        ssh.connect(target)
    target.known_hosts.write_text(f"{target.host_key_alias} {a1.host_key}\n")
    assert told(line) == (0, "reached\n")


def test_a_known_key_that_can_not_be_compared_lets_no_other_in(target: SSHTarget) -> None:
    trust(target.known_hosts, target.host_key_alias, "ssh-none AAAA")
    with pytest.raises(HostKeyChanged, match="but it had when first reached ssh-none AAAA"):
        ssh.connect(target)
    assert told([*ssh_arguments(target), "echo reached"])[0] == 255


VARIABLES = {
    "RSYNC_CHECKSUM_LIST": "none-such",
    "RSYNC_ICONV": "UTF-8,UTF-16",
    "RSYNC_MAX_ALLOC": "1",
    "RSYNC_OLD_ARGS": "1",
    "RSYNC_PARTIAL_DIR": "left-behind",
    "RSYNC_RSH": "false",
    "RSYNC_PROTECT_ARGS": "0",
}
"""Those that change a copy over ssh."""


def test_no_alias_and_no_variable_changes_a_copy(
    a1: Server, target: SSHTarget, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    aliases = [f"rsync alias {option} {option} --exclude=*.txt\n" for option in ("-a", "-e", "-s", "--rsync-path")]
    (home / ".popt").write_text("".join(aliases) + "rsync alias --version --help\n")
    monkeypatch.setenv("HOME", str(home))
    run_sync(target, SyncRequest(source, "two words"))
    assert arrived(a1, "two words") == {"a.txt", "b.txt", "é"}
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    assert len(preview_sync(target, SyncRequest(source, "two words")).changes) == 4
    run_sync(target, SyncRequest(source, "two words"))
    assert arrived(a1, "two words") == {"a.txt", "b.txt", "é"}
