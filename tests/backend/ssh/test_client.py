"""SSH against a real OpenSSH server, and against servers that fail in every way a booting machine does."""

import contextlib
import dataclasses
import io
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import paramiko
import psutil
import pytest
from paramiko.common import AUTH_FAILED

from podplane_tui.backend.core import socket_watch
from podplane_tui.backend.core.control import Control, ShellOptions
from podplane_tui.backend.core.errors import (
    Cancelled,
    CommandFailed,
    CommandTimedOut,
    ConnectionLost,
    InvalidInput,
    KeyRefused,
    MissingProgram,
    ShellError,
    StillBooting,
)
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh.client import (
    SSHTarget,
    batch_options,
    connect,
    ensure_identity,
    run,
    run_shared,
    ssh_arguments,
    ssh_command_line,
    ssh_options,
)
from podplane_tui.backend.ssh.known_hosts import read_host_keys, trust
from podplane_tui.backend.sync.copy import run_sync
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.watch import SharedConnection
from tests.backend.console.terminal_child import run_on_terminal
from tests.backend.core.test_socket_watch import full
from tests.backend.ssh.sshd import Server, free_port, serve
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture
def target(server: Server) -> SSHTarget:
    return server.target


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key that no server knows."""
    path = tmp_path_factory.mktemp("key") / "id_ed25519"
    ensure_identity(path)
    return path


# Running commands


def test_output_of_both_streams_is_returned(target: SSHTarget) -> None:
    output = run(target, "echo out; echo error >&2")
    assert output is not None
    assert sorted(output.split()) == [b"error", b"out"]


def test_words_arrive_as_they_are(target: SSHTarget) -> None:
    words = ["a b", "", "it's", '"q"', "$HOME", "`id`", "*", "-n", "--", "new\nline", "\\", "é", "\udcff"]
    output = run(target, ["printf", "%s|", *words])
    assert output == b"".join(os.fsencode(word) + b"|" for word in words)


def test_string_is_for_the_shell_there(target: SSHTarget) -> None:
    assert run(target, "for i in 1 2; do echo $i; done | tac") == b"2\n1\n"


def test_command_that_begins_with_a_dash_is_no_option_of_the_shell(target: SSHTarget) -> None:
    with pytest.raises(CommandFailed, match="not found") as caught:
        run(target, ["-c", "id"])
    assert caught.value.exit_code == 127


@pytest.mark.parametrize("command", ["", "  ", [], "a\0b"])
def test_no_command_is_refused(target: SSHTarget, command: str | list[str]) -> None:
    with pytest.raises(InvalidInput, match="the command is empty or has a NUL byte"):
        run(target, command)


def test_standard_input_is_empty(target: SSHTarget) -> None:
    assert run(target, "cat; echo done") == b"done\n"


def test_exit_code_and_last_words(target: SSHTarget) -> None:
    with pytest.raises(CommandFailed, match="code 7") as caught:
        run(target, r"echo first; printf 'last\033[31m \a words\n\n'; exit 7")
    assert caught.value.exit_code == 7
    assert caught.value.output == b"first\nlast\x1b[31m \x07 words\n\n"
    assert (caught.value.problem, caught.value.hint) == (r"the command exited with code 7: last \x07 words", "")


def test_command_killed_by_a_signal(target: SSHTarget) -> None:
    with pytest.raises(CommandFailed, match="code 255") as caught:
        run(target, "kill -9 $$")
    assert caught.value.exit_code == 255


def test_streams_are_kept_apart(target: SSHTarget) -> None:
    out, error = io.BytesIO(), io.BytesIO()
    assert run(target, "echo out; echo error >&2", ShellOptions(stdout=out, stderr=error)) is None
    assert (out.getvalue(), error.getvalue()) == (b"out\n", b"error\n")


def test_output_without_a_stream_is_dropped_when_the_other_has_one(target: SSHTarget) -> None:
    error = io.BytesIO()
    assert run(target, "echo out; echo error >&2", ShellOptions(stderr=error)) is None
    assert error.getvalue() == b"error\n"


def test_exit_code_with_streams(target: SSHTarget) -> None:
    with pytest.raises(CommandFailed, match="code 3") as caught:
        run(target, "echo out; exit 3", ShellOptions(stdout=io.BytesIO()))
    assert (caught.value.exit_code, caught.value.output) == (3, b"")


class _Counter(io.RawIOBase):
    def __init__(self) -> None:
        self.total = 0

    def write(self, data: object, /) -> int:
        assert isinstance(data, bytes)
        self.total += len(data)
        return len(data)


def test_streamed_output_is_never_buffered_whole(target: SSHTarget) -> None:
    counter = _Counter()
    tracemalloc.start()
    try:
        run(target, "head -c 32000000 /dev/zero", ShellOptions(stdout=counter))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counter.total == 32_000_000
    assert peak < 16_000_000


def test_large_output_on_both_streams_at_once(target: SSHTarget) -> None:
    out, error = io.BytesIO(), io.BytesIO()
    command = "head -c 3000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait"
    run(target, command, ShellOptions(stdout=out, stderr=error))
    assert (len(out.getvalue()), len(error.getvalue())) == (3_000_000, 3_000_000)


# Giving up


def test_timeout_ends_the_wait(target: SSHTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    now, receive = 0.0, paramiko.Channel.recv

    def receive_late(channel: paramiko.Channel, size: int) -> bytes:
        nonlocal now
        data = receive(channel, size)
        now += 601
        return data

    monkeypatch.setattr(socket_watch, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(paramiko.Channel, "recv", receive_late)
    with pytest.raises(CommandFailed, match="did not end within 600 s, and may still be running") as caught:
        run(target, "echo begun; exec sleep 86400", ShellOptions(timeout=600))
    assert (caught.value.exit_code, caught.value.output) == (ssh.TIMED_OUT, b"begun\n")


def test_command_within_its_timeout_is_left_alone(target: SSHTarget) -> None:
    assert run(target, "echo done", ShellOptions(timeout=60)) == b"done\n"


class _Cancelling(io.RawIOBase):
    def __init__(self, control: Control) -> None:
        self.control = control

    def write(self, _data: object, /) -> int:
        self.control.cancel.set()
        return 0


def test_cancel_ends_the_wait(target: SSHTarget) -> None:
    control = Control()
    options = ShellOptions(stdout=_Cancelling(control))  # type: ignore[arg-type]
    with pytest.raises(Cancelled, match="command was cancelled"):
        run(target, "echo begun; exec sleep 86400", options, control=control)


def test_cancelled_before_it_begins(target: SSHTarget, server: Server) -> None:
    control = Control()
    control.cancel.set()
    with pytest.raises(Cancelled, match="command was cancelled"):
        run(target, ["touch", str(server.home / "never")], control=control)
    assert not (server.home / "never").exists()


def test_cancel_while_the_server_is_silent(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = Control()
    monkeypatch.setattr(ssh, "CONNECT_TIMEOUT", 3600.0)
    with (
        _listener(lambda _connection: control.cancel.set()) as port,
        pytest.raises(Cancelled, match="command was cancelled"),
    ):
        run(_local(port, key), "true", ShellOptions(), control=control)


def test_cancel_while_it_can_not_be_connected_to(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A QEMU that stands still accepts nothing, and the system drops what its queue has no room for."""
    control = Control()
    monkeypatch.setattr(ssh, "CONNECT_TIMEOUT", 3600.0)
    threading.Timer(0.5, control.cancel.set).start()
    with full() as port, pytest.raises(Cancelled, match="command was cancelled"):
        run(_local(port, key), "true", ShellOptions(), control=control)


@pytest.fixture
def shared(target: SSHTarget) -> Iterator[Path]:
    """The socket of a connection that is shared."""
    with (
        tempfile.TemporaryDirectory(prefix="pt-", dir="/tmp") as folder,
        SharedConnection(Path(folder) / "ssh") as connection,
    ):
        connection.open(target, Control())
        assert connection.path is not None
        yield connection.path


def test_a_shared_connection_is_used_and_done_without(target: SSHTarget, shared: Path, tmp_path: Path) -> None:
    nobody = dataclasses.replace(target, port=free_port())  # logging in would fail
    words = ["printf", "%s|", "a b", "$HOME", "'"]
    assert run_shared(nobody, words, shared, timeout=PATIENCE, control=Control()) == b"a b|$HOME|'|"
    assert run_shared(target, ["echo", "1"], tmp_path / "none", timeout=PATIENCE, control=Control()) == b"1\n"
    with pytest.raises(ConnectionLost, match="the connection to the VM was lost"):
        run_shared(nobody, ["true"], tmp_path / "none", timeout=PATIENCE, control=Control())
    with pytest.raises(CommandFailed, match="exited with code 3") as caught:
        run_shared(target, ["sh", "-c", "echo 1; exit 3"], shared, timeout=PATIENCE, control=Control())
    assert (caught.value.exit_code, caught.value.output) == (3, b"1\n")


def test_a_shared_command_is_given_up(target: SSHTarget, shared: Path) -> None:
    with pytest.raises(CommandTimedOut, match=r"did not end within 0\.1 s"):
        run_shared(target, ["sleep", "60"], shared, timeout=0.1, control=Control())
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled, match="the command was cancelled"):
        run_shared(target, ["sleep", "60"], shared, timeout=PATIENCE, control=Control(cancel=cancel))


def test_no_threads_are_left(target: SSHTarget) -> None:
    before = set(threading.enumerate())
    run(target, "true")
    with pytest.raises(CommandTimedOut, match="did not end within"):
        run(target, "exec sleep 86400", ShellOptions(timeout=1))
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert set(threading.enumerate()) <= before


# Failures that tell what to do


def _local(port: int, key: Path) -> SSHTarget:
    return SSHTarget("127.0.0.1", port, "debian", key, "a.amd64", key.with_name("known_hosts"))


@contextlib.contextmanager
def _listener(serve_one: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server whose connections `serve_one` handles, each in a thread, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in connections:
            connection.close()


def _stay_silent(_connection: socket.socket) -> None:
    """What QEMU's user network does while nobody listens in the guest yet, for a moment."""


def _hang_up(connection: socket.socket) -> None:
    connection.close()


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def _banner_only(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    connection.recv(1024)
    connection.close()


def _web_server(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 200)


class _ParamikoServer(paramiko.ServerInterface):
    """Somebody else's SSH server, which ends each login as told."""

    def __init__(self, transport: paramiko.Transport, behaviour: str) -> None:
        self.transport = transport
        self.behaviour = behaviour

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def get_banner(self) -> tuple[str | None, str | None]:
        if self.behaviour == "nologin":
            return "System is booting up. Unprivileged users are not permitted to log in yet.\r\n", "en-US"
        return None, None

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        if self.behaviour == "drop":
            self.transport.close()
        return AUTH_FAILED


def _paramiko_server(behaviour: str) -> Callable[[socket.socket], None]:
    host_key = paramiko.ECDSAKey.generate()

    def serve_one(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.set_log_channel("podplane_tui.ssh")
        transport.add_server_key(host_key)
        with contextlib.suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=_ParamikoServer(transport, behaviour))

    return serve_one


def test_refused_connection_is_still_booting(key: Path) -> None:
    with pytest.raises(StillBooting, match=r"\(Connection refused\).*try again"):
        connect(_local(free_port(), key))


@pytest.mark.parametrize("serve_one", [_hang_up, _reset, _stay_silent, _banner_only])
def test_server_that_does_not_talk_is_still_booting(key: Path, serve_one: Callable[[socket.socket], None]) -> None:
    with _listener(serve_one) as port, pytest.raises(StillBooting, match="may still be booting"):
        connect(_local(port, key), timeout=1.0)


@pytest.mark.parametrize("behaviour", ["nologin", "drop"])
def test_server_that_lets_nobody_in_yet_is_still_booting(key: Path, behaviour: str) -> None:
    with _listener(_paramiko_server(behaviour)) as port, pytest.raises(StillBooting, match="does not answer yet"):
        connect(_local(port, key))


def test_refused_key_is_said_so(key: Path) -> None:
    with _listener(_paramiko_server("refuse")) as port, pytest.raises(KeyRefused, match=r"refuses the key .*: check"):
        connect(_local(port, key))


def test_refused_key_by_openssh(target: SSHTarget, key: Path) -> None:
    with pytest.raises(KeyRefused, match=rf"port {target.port} refuses the key {key}:"):
        run(dataclasses.replace(target, identity_file=key), "true")


def test_web_server_is_not_still_booting(key: Path) -> None:
    with _listener(_web_server) as port, pytest.raises(ShellError, match="does not speak") as caught:
        connect(_local(port, key))
    assert not isinstance(caught.value, StillBooting)


def test_connection_that_breaks_off_in_the_middle(target: SSHTarget) -> None:
    with pytest.raises(ShellError, match="was lost"):
        run(target, "echo hi; kill -9 $PPID; sleep 60")


def test_missing_key_is_said_so(target: SSHTarget, tmp_path: Path) -> None:
    with pytest.raises(ShellError, match="is missing"):
        run(dataclasses.replace(target, identity_file=tmp_path / "none"), "true")


@pytest.mark.parametrize("suffix", ["", ".pub", "-cert.pub"])
def test_key_that_is_a_fifo_is_not_waited_for(target: SSHTarget, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(target.identity_file.read_bytes())
    path.with_name(path.name + suffix).unlink(missing_ok=True)
    os.mkfifo(path.with_name(path.name + suffix))
    odd = dataclasses.replace(target, identity_file=path)
    with SharedConnection(tmp_path / "shared") as shared:
        for use in (
            lambda: run(odd, "true"),
            lambda: ssh.interactive(odd),
            lambda: run_sync(odd, SyncRequest(str(path), "there")),
            lambda: shared.open(odd, Control()),
        ):
            with pytest.raises(ShellError, match=f"/key{suffix} can't be read: not a regular file"):
                use()


@pytest.mark.parametrize("passphrase", ["", "secret"])
def test_unusable_key_is_said_so(target: SSHTarget, tmp_path: Path, passphrase: str) -> None:
    path = tmp_path / "key"
    if passphrase:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    else:
        path.write_text("no key\n")
    with pytest.raises(ShellError, match="not a private key, or has a passphrase"):
        run(dataclasses.replace(target, identity_file=path), "true")


def test_failures_print_nothing(key: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for serve_one, words, timeout in (
        (_hang_up, "does not answer yet", 1.0),
        (_web_server, "does not speak SSH", 60.0),
    ):
        with _listener(serve_one) as port, pytest.raises(ShellError, match=words):
            connect(_local(port, key), timeout=timeout)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("host", "port", "user", "alias", "words"),
    [
        ("127.0.0.1", 22, "-oProxyCommand=id", "a", "user name '-oProxyCommand=id'"),
        ("127.0.0.1", 22, "", "a", "user name ''"),
        ("127.0.0.1", 22, "a b", "a", "user name 'a b'"),
        ("127.0.0.1", 22, "a@b", "a", "user name 'a@b'"),
        ("-oProxyCommand=id", 22, "debian", "a", "host '-oProxyCommand=id'"),
        ("", 22, "debian", "a", "host ''"),
        ("127.0.0.1", 0, "debian", "a", "port 0"),
        ("127.0.0.1", 65536, "debian", "a", "port 65536"),
        ("127.0.0.1", 22, "debian", "", "host key alias ''"),
        ("127.0.0.1", 22, "debian", "a b", "host key alias 'a b'"),
    ],
)
def test_what_would_be_an_option_is_no_target(host: str, port: int, user: str, alias: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"invalid {words}"):
        SSHTarget(host, port, user, Path("key"), alias, Path("known_hosts"))


# OpenSSH


def test_arguments_of_openssh(tmp_path: Path) -> None:
    target = SSHTarget("127.0.0.1", 2222, "debian", Path("/d/ssh/id_ed25519"), "a.amd64", tmp_path / "hosts")
    arguments = ssh_arguments(target)
    assert arguments[:7] == ["ssh", "-F", "none", "-p", "2222", "-i", "/d/ssh/id_ed25519"]
    assert arguments[-2:] == ["--", "debian@127.0.0.1"]
    assert set(arguments[7:-2:2]) == {"-o"}
    assert arguments[8:-2:2] == [
        *["IdentitiesOnly=yes", "PreferredAuthentications=publickey", "ConnectTimeout=15", "LogLevel=ERROR"],
        *["GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no", "HostKeyAlias=a.amd64"],
        *["StrictHostKeyChecking=accept-new", f'UserKnownHostsFile="{tmp_path}/hosts"', "HashKnownHosts=no"],
        *["ForwardAgent=no", "IdentityAgent=none", "SendEnv=LANG LC_*"],
    ]


def test_own_options_come_behind_what_has_to_be_and_before_what_is_usual(tmp_path: Path) -> None:
    target = _local(2222, tmp_path / "key")
    usual = ["-o", "ForwardAgent=no", "-o", "IdentityAgent=none", "-o", "SendEnv=LANG LC_*"]
    required = ssh_options(target)[: -len(usual)]
    own = dataclasses.replace(target, options=("ServerAliveInterval=15", "ForwardAgent=yes"))
    chosen = ["-o", "ServerAliveInterval=15", "-o", "ForwardAgent=yes", "-o", "SendEnv=LANG LC_*"]
    assert ssh_options(target) == [*required, *usual]
    assert ssh_options(own) == [*required, *chosen]
    batch = ["BatchMode=yes", "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no"]
    assert batch_options(own) == [*(word for each in batch for word in ("-o", each)), *required, *chosen]


def test_a_command_line_to_copy_is_quoted_absolute_and_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = SSHTarget("127.0.0.1", 2222, "debian", Path("my key"), "a.amd64", Path("it's hosts"))
    words = shlex.split(ssh_command_line(target))
    assert words == ["ssh", *ssh_options(target, first_use="ask"), "--", "debian@127.0.0.1"]
    assert words[6] == f"{tmp_path}/my key"
    assert "StrictHostKeyChecking=ask" in words
    assert f'UserKnownHostsFile="{tmp_path}/it\'s hosts"' in words
    trust(target.known_hosts, "a.amd64", "ssh-ed25519 AAAA")
    assert "StrictHostKeyChecking=yes" in shlex.split(ssh_command_line(target))


@pytest.mark.parametrize("name", ["50%done", "${HOME}"])
def test_key_that_ssh_would_expand_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="data directory"):
        ssh_arguments(dataclasses.replace(_local(2222, Path("/key")), identity_file=Path("/") / name / "key"))


def test_openssh_runs_the_arguments(target: SSHTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = tmp_path / "-a 'key'"
    moved.write_bytes(target.identity_file.read_bytes())
    moved.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    relative = dataclasses.replace(target, identity_file=Path(moved.name))
    arguments = [*ssh_arguments(relative), shlex.join(["printf", "%s|", "a b", "-x", "$HOME"])]
    result = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert result.stdout == b"a b|-x|$HOME|"
    assert result.stderr == b""


def _interactive_program(target: SSHTarget) -> list[str]:
    code = f"""
import sys
from pathlib import Path
from podplane_tui.backend.ssh.client import SSHTarget, interactive
words = {[target.host, target.port, target.user, str(target.identity_file), str(target.known_hosts)]!r}
host, port, user, key, hosts = words
sys.exit(interactive(SSHTarget(host, port, user, Path(key), {target.host_key_alias!r}, Path(hosts))))
"""
    return [sys.executable, "-c", code]


def test_interactive_shell_has_the_terminal_and_gives_its_exit_code(target: SSHTarget) -> None:
    with run_on_terminal(_interactive_program(target)) as child:
        child.type(b"tty; echo $((40 + 2))\r")
        child.expect(b"/dev/pts/")
        child.expect(b"42\r\n")
        child.type(b"exit 5\r")
        assert child.end() == 5


def test_interactive_shell_on_first_use_proves_the_key(target: SSHTarget, tmp_path: Path) -> None:
    first = dataclasses.replace(target, known_hosts=tmp_path / "hosts")
    with run_on_terminal(_interactive_program(first)) as child:
        child.type(b"exit 5\r")
        assert child.end() == 5
    known = read_host_keys(first.known_hosts)
    assert (len(known.keys), known.verified, known.proven) == (1, False, True)


def test_interactive_shell_that_can_not_connect_is_255(key: Path) -> None:
    with run_on_terminal(_interactive_program(_local(free_port(), key))) as child:
        child.expect(b"Connection refused")
        assert child.end() == 255


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_ssh_ends_with_its_caller_and_the_terminal_is_itself_again(target: SSHTarget, number: signal.Signals) -> None:
    with run_on_terminal(_interactive_program(target)) as child:
        child.type(b"echo in''side\r")
        child.expect(b"inside\r\n")
        (ssh_process,) = psutil.Process(child.process.pid).children()
        child.process.send_signal(number)
        assert child.end() == -number
        assert child.attributes() == child.found
        assert not ssh_process.is_running()


def test_suspended_ssh_suspends_its_caller(target: SSHTarget) -> None:
    with run_on_terminal(["bash", "--norc", "--noprofile", "-i"]) as child:
        child.expect(b"bash-")
        child.type(shlex.join(_interactive_program(target)).encode().replace(b"\n", b"\x16\n") + b"\r")
        child.type(b"echo in''side\r")
        child.expect(b"inside\r\n")
        child.type(b"\r~\x1a")
        child.expect(b"Stopped")
        child.type(b"echo out''side; fg\r")
        child.expect(b"outside\r\n")
        child.type(b"echo back''again\r")
        child.expect(b"backagain\r\n")
        child.type(b"exit 6\r")
        child.expect(b"bash-", after=child.expect(b"logout"))  # bash drops what is typed before its prompt
        child.type(b"echo code=$?\r")
        child.expect(b"code=6\r\n")


def test_missing_ssh_is_said_so(target: SSHTarget, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match="ssh is not installed: install"):
        ssh.interactive(target)
