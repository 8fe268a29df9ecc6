"""Host keys: trusted on first use, refused when changed, kept in their file; by paramiko and OpenSSH alike."""

import dataclasses
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import ShellOptions
from podplane_tui.backend.core.errors import HostKeyChanged, InvalidInput
from podplane_tui.backend.core.paths import VMFiles, lock_beside
from podplane_tui.backend.recording import host_keys
from podplane_tui.backend.recording.host_keys import learn
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh import known_hosts
from podplane_tui.backend.ssh.client import SSHTarget, connect, ssh_arguments
from podplane_tui.backend.ssh.known_hosts import HostKeys, forget, other_keys, prove, read_host_keys, trust
from tests.backend.core.test_file_lock import during
from tests.backend.recording.support import append, key, recording, shown
from tests.backend.ssh.sshd import Server, serve


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    return VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "state")


def test_what_is_no_known_hosts_file_is_passed_over(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    files.known_hosts.write_bytes(b"\xff\n\n# nothing\none two\n# console read: what x\n")
    assert read_host_keys(files.known_hosts) == HostKeys()
    learn(files, recording(files, shown(key(1))))
    assert read_host_keys(files.known_hosts).keys == (key(1),)


def test_arguments_of_openssh_follow_what_is_known(files: VMFiles) -> None:
    target = SSHTarget("127.0.0.1", 22, "debian", Path("/key"), files.stem, files.known_hosts)
    assert "StrictHostKeyChecking=accept-new" in ssh_arguments(target)
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(1))
    assert "StrictHostKeyChecking=yes" in ssh_arguments(target)
    assert f'UserKnownHostsFile="{files.known_hosts}"' in ssh_arguments(target)
    with pytest.raises(InvalidInput, match="state directory"):
        ssh_arguments(dataclasses.replace(target, known_hosts=Path('/a"b/hosts')))


def test_a_key_that_is_trusted_takes_nothing_from_the_consoles(files: VMFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dashboard reads the console's keys while a command line trusts one, each in its process."""
    path = recording(files, shown(key(1)))
    other = during(monkeypatch, known_hosts, lambda: learn(files, path))
    trust(files.known_hosts, files.stem, key(2))
    other.join()
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True)
    trust(files.known_hosts, files.stem, key(2))
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True)


def test_a_login_that_is_noted_takes_nothing_from_the_consoles(files: VMFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(files.known_hosts, files.stem, key(1))
    path = recording(files, shown(key(1)))
    other = during(monkeypatch, known_hosts, lambda: learn(files, path))
    prove(files.known_hosts, (key(1),))
    other.join()
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True, proven=True)


def test_keys_that_are_forgotten_meanwhile_do_not_come_back(files: VMFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(files.known_hosts, files.stem, key(1))
    path = recording(files, shown(key(2)))
    other = during(monkeypatch, known_hosts, lambda: forget(files, path))
    learn(files, path)
    other.join()
    assert read_host_keys(files.known_hosts) == HostKeys()
    assert not lock_beside(files.known_hosts).exists()


def test_keys_that_are_forgotten_while_they_are_read_do_not_come_back(
    files: VMFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recording(files, shown(key(1)))
    read_now, reads = host_keys._shown_behind, list[int]()

    def read(recording: Path, offset: int) -> object:
        reads.append(offset)
        found = read_now(recording, offset)
        if len(reads) == 1:
            forget(files, path)
        return found

    monkeypatch.setattr(host_keys, "_shown_behind", read)
    learn(files, path)
    assert reads == [0, path.stat().st_size]
    assert read_host_keys(files.known_hosts) == HostKeys()


# Against a real server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture
def target(server: Server, tmp_path: Path) -> SSHTarget:
    """The server, and a file in a directory with a space in its name."""
    known = tmp_path / "own state" / "podplane-local-a.amd64"
    known.parent.mkdir()
    return dataclasses.replace(server.target, host_key_alias=known.name, known_hosts=known)


def openssh(target: SSHTarget) -> "subprocess.CompletedProcess[str]":
    arguments = [*ssh_arguments(target), "echo", "reached"]
    return subprocess.run(arguments, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def known_to(target: SSHTarget) -> HostKeys:
    return read_host_keys(target.known_hosts)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["paramiko", "openssh"])
def test_first_use_is_trusted_and_a_change_refused_by_both(target: SSHTarget, first: str) -> None:
    if first == "paramiko":
        connect(target).close()
    else:
        assert openssh(target).stdout == "reached\n"
        ssh.note_login(target, HostKeys())
    assert len(known_to(target).keys) == 1
    assert not known_to(target).verified
    assert known_to(target).proven
    connect(target).close()
    assert openssh(target).stdout == "reached\n"
    assert len(known_to(target).keys) == 1
    target.known_hosts.write_text(f"{target.host_key_alias} {_other_key()}\n")
    with pytest.raises(HostKeyChanged, match=r"when first reached.*--forget-host-key"):
        connect(target)
    result = openssh(target)
    assert (result.returncode, result.stdout) == (255, "")
    target.known_hosts.unlink()
    connect(target).close()


@pytest.mark.slow
def test_key_of_another_type_is_a_change_too(target: SSHTarget) -> None:
    """A server that has none of the known types must not count as never seen."""
    target.known_hosts.write_text(f"{target.host_key_alias} ecdsa-sha2-nistp256 {_ecdsa()}\n")
    with pytest.raises(HostKeyChanged, match=rf"port {target.port} answers with the host key"):
        connect(target)
    assert openssh(target).returncode == 255


@pytest.mark.slow
def test_keys_of_the_console_are_verified_by_both(server: Server, target: SSHTarget, tmp_path: Path) -> None:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "own state")
    public = server.host_key
    learn(files, recording(files, shown(public)))
    target = dataclasses.replace(target, host_key_alias=files.stem, known_hosts=files.known_hosts)
    connect(target).close()
    assert openssh(target).stdout == "reached\n"
    assert known_to(target) == HostKeys((public,), verified=True, proven=True)


@pytest.mark.slow
def test_a_changed_key_names_where_the_console_has_shown_another(
    server: Server, target: SSHTarget, tmp_path: Path
) -> None:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run", tmp_path / "own state")
    target = dataclasses.replace(target, host_key_alias=files.stem, known_hosts=files.known_hosts)
    path = recording(files, shown(key(1)))
    learn(files, path)
    with pytest.raises(HostKeyChanged, match=r"its console has shown \S+ \S+: check"):
        connect(target)
    append(path, shown(server.host_key))
    learn(files, path)
    others = other_keys(files.known_hosts)
    assert others is not None
    words = f"; its console has shown another one since ({others.fingerprint}, {path.name} up to byte "
    with pytest.raises(HostKeyChanged, match=re.escape(words)):
        connect(target)


@pytest.mark.slow
def test_input_reaches_the_command(server: Server) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo\n")
    os.close(writer)
    assert ssh.run(server.target, "wc -l", ShellOptions(stdin=reader)) == b"2\n"
    os.close(reader)


def _other_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def _ecdsa() -> str:
    import paramiko

    return paramiko.ECDSAKey.generate().get_base64()
