"""SSH to a machine: commands over paramiko, an interactive shell through OpenSSH, and the key that both use.

Both check host keys against the same file, see `known_hosts`, and pass on the locale. `ssh_options` gives the options
to every command line of OpenSSH; paramiko reads no configuration, nor the options of ours.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import re
import selectors
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import TYPE_CHECKING, BinaryIO

from podplane_tui.backend.core.control import Control, ShellOptions
from podplane_tui.backend.core.errors import (
    Cancelled,
    CommandFailed,
    CommandTimedOut,
    ConnectionLost,
    CorruptFile,
    HostKeyChanged,
    InvalidInput,
    KeyRefused,
    ShellError,
    StillBooting,
)
from podplane_tui.backend.core.files import os_error_as
from podplane_tui.backend.core.socket_watch import SocketWatch
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.child import attend
from podplane_tui.backend.host.facts import require_program
from podplane_tui.backend.ssh.identity import ensure_identity, load_identity, require_identity
from podplane_tui.backend.ssh.known_hosts import HostKeys, other_keys, prove, read_host_keys, trust
from podplane_tui.backend.ssh.options import locale_of, usual_options

if TYPE_CHECKING:
    import paramiko

__all__ = [
    "CONNECT_TIMEOUT",
    "DEFAULT_USER",
    "FAILED",
    "LOGIN_TIMEOUT",
    "TIMED_OUT",
    "SSHTarget",
    "batch_options",
    "connect",
    "ensure_identity",
    "interactive",
    "note_login",
    "open_shell",
    "run",
    "run_shared",
    "ssh_arguments",
    "ssh_command_line",
    "ssh_options",
]

DEFAULT_USER = "debian"
CONNECT_TIMEOUT = 15.0
"""Seconds until a VM that says nothing counts as still booting: emulated, on a busy host, it takes more than five."""

LOGIN_TIMEOUT = 30.0
"""Seconds that the key exchange, and then the login, may take: an emulated machine is slow at both."""

TIMED_OUT = 124
"""The exit code of a command that was given up after its timeout, as coreutils' `timeout` has it."""

FAILED = 255
"""The exit code of OpenSSH for its own failure, and for a command that a signal has ended."""

_LOST = "the connection to the VM was lost"
_AFTER_LOSS = "check whether the VM is running"
WHILE_BOOTING = "try again in a moment: the VM may still be booting"
"""What to do while SSH does not answer."""
_PORT_OF_NAME = 22
"""The port with which paramiko looks host keys up under the mere name, as OpenSSH does for an alias."""

_CHUNK = 64 * 1024
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LOG = "podplane_tui.ssh"
logging.getLogger(_LOG).addHandler(logging.NullHandler())  # or paramiko's errors end up on the terminal


@dataclass(frozen=True, slots=True)
class SSHTarget:
    """Where and as whom to log in. `host_key_alias` is the name under which host keys are known: ports change.

    `known_hosts` is the file of the host keys known of the VM, in a directory that exists. While it has none, the
    first key that is met is kept: whoever makes a target sees to it that it is the VM's own. `options` are those
    of our configuration, for OpenSSH, as `check_options` gives them.

    Raises `InvalidInput` for a user, host, port or alias that can't be one: they become operands of programs.
    """

    host: str
    port: int
    user: str
    identity_file: Path
    host_key_alias: str
    known_hosts: Path
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _USER.fullmatch(self.user):
            raise InvalidInput(f"invalid user name {self.user[:40]!r}", hint="use letters, digits, '.', '_' and '-'")
        if not _HOST.fullmatch(self.host):
            raise InvalidInput(f"invalid host {self.host[:40]!r}", hint="use a host name or an IPv4 address")
        if not _HOST.fullmatch(self.host_key_alias):
            raise InvalidInput(f"invalid host key alias {self.host_key_alias[:40]!r}", hint="use the VM's name")
        if not 1 <= self.port <= 65535:
            raise InvalidInput(f"invalid port {self.port}", hint="use 1 to 65535")


def ssh_options(target: SSHTarget, *, first_use: str = "accept-new") -> list[str]:
    """OpenSSH's options for `target`, without the program, the user and the host. Paths in them are absolute.

    `first_use` is what `StrictHostKeyChecking` is while no key is known. OpenSSH takes the first value that it is given
    for an option: what has to be so comes first.
    """
    settings = [
        "IdentitiesOnly=yes",
        "PreferredAuthentications=publickey",
        f"ConnectTimeout={CONNECT_TIMEOUT:.0f}",
        "LogLevel=ERROR",
        *_host_key_settings(target, first_use),
        *target.options,
        *usual_options(target.options),
    ]
    identity = _operand(target.identity_file, "data", "%", "${")
    options = ["-F", "none", "-p", str(target.port), "-i", identity]
    for setting in settings:
        options += ["-o", setting]
    return options


def batch_options(target: SSHTarget) -> list[str]:
    """The same for an ssh that a program talks through: it never asks, and forwards nothing that a shell's may."""
    settings = ("BatchMode=yes", "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no")
    return [*(word for setting in settings for word in ("-o", setting)), *ssh_options(target)]


def _operand(path: Path, directory: str, *special: str) -> str:
    """`path` for an option in which ssh expands what is `special`. Raises `InvalidInput` when any of it is there."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - links are kept, and nothing is asked of the disk
    if any(each in absolute for each in special):
        raise InvalidInput(
            f"ssh can't use the file {absolute}",
            hint=f"choose a {directory} directory without {' and '.join(special)} in its name",
        )
    return absolute


def _host_key_settings(target: SSHTarget, first_use: str) -> list[str]:
    checking = "yes" if read_host_keys(target.known_hosts).keys else first_use
    # The option takes several files, so one with a space in its name is quoted.
    file = _operand(target.known_hosts, "state", "%", "${", '"')
    return [
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        f"HostKeyAlias={target.host_key_alias}",
        f"StrictHostKeyChecking={checking}",
        f'UserKnownHostsFile="{file}"',
        "HashKnownHosts=no",
    ]


def ssh_arguments(target: SSHTarget) -> list[str]:
    """The argument vector of OpenSSH for an interactive shell."""
    return ["ssh", *ssh_options(target), "--", f"{target.user}@{target.host}"]


def ssh_command_line(target: SSHTarget) -> str:
    """The same for a shell to read, in any directory and at any time.

    Another VM may have the port by then, so a key is taken on trust only by whoever is asked.
    """
    return shlex.join(["ssh", *ssh_options(target, first_use="ask"), "--", f"{target.user}@{target.host}"])


def _remote_line(command: Sequence[str] | str) -> str:
    """What the shell over there gets as the operand of its `-c`: never an option."""
    line = command if isinstance(command, str) else shlex.join(command)
    return f" {line}" if line.startswith("-") else line


def interactive(target: SSHTarget) -> int:
    """Give the calling terminal to OpenSSH and return its exit code: that of the remote shell, 255 for its own failure.

    `connect` tells why, after a 255. Raises `MissingProgram` when there is no ssh, `ShellError` when there is no key.
    """
    program = require_program("ssh")
    require_identity(target.identity_file)
    known = read_host_keys(target.known_hosts)
    with _ended_with_us() as begun:
        child = os.posix_spawn(program, ssh_arguments(target), os.environ)
        begun(child)
        while True:
            try:
                _, status = os.waitpid(child, os.WUNTRACED)
            except KeyboardInterrupt:
                continue  # Ctrl-C went to ssh as well, which decides what it means
            if not os.WIFSTOPPED(status):
                begun(0)
                code = os.waitstatus_to_exitcode(status)
                if 0 <= code < FAILED:
                    note_login(target, known)
                return code if code >= 0 else 128 - code
            os.kill(os.getpid(), signal.SIGSTOP)  # ssh suspended itself (~^Z): the calling shell has to see it in us


@contextlib.contextmanager
def _ended_with_us() -> Iterator[Callable[[int], None]]:
    """Let a signal that ends us end the child first whose PID what this gives is told (0 for none).

    Otherwise it would keep the terminal, raw.

    Signals are the main thread's: in others the child is on its own.
    """
    child, received = 0, 0

    def pass_on(number: int, _frame: object = None) -> None:
        nonlocal received
        received = number
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    def begun(pid: int) -> None:
        nonlocal child
        child = pid
        if received:
            pass_on(received)

    if current_thread() is not main_thread():
        yield begun
        return
    ending = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    previous = {
        number: signal.signal(number, pass_on) for number in ending if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield begun
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if received:
            os.kill(os.getpid(), received)


def connect(target: SSHTarget, timeout: float = CONNECT_TIMEOUT) -> paramiko.SSHClient:
    """A connection that is logged in. `timeout` is in seconds, for the machine's first words; the login has its own.

    Raises `StillBooting` when SSH does not answer, `KeyRefused` when it does not let us in, `HostKeyChanged` when it is
    not known to be the machine's, else `ShellError`.
    """
    with SocketWatch(Event()) as watch:
        connection = _dial(target, timeout, watch)
    return _log_in(target, connection, timeout)


def open_shell(client: paramiko.SSHClient, columns: int, lines: int) -> paramiko.Channel:
    """An interactive shell of a logged-in client, on a terminal of that size. Raises `ShellError`."""
    import paramiko  # noqa: PLC0415 - as below

    transport = client.get_transport()
    if transport is None:
        raise ConnectionLost(_LOST, hint=_AFTER_LOSS)
    try:
        channel = transport.open_session(timeout=LOGIN_TIMEOUT)
        channel.get_pty("xterm-256color", columns, lines)
        _pass_locale_on(channel)
        channel.invoke_shell()
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _refusal("the guest opens no shell", error) from error
    return channel


def _pass_locale_on(channel: paramiko.Channel) -> None:
    """Ask the server to set the locale of what will run. It gives no answer: refusing is no error."""
    for name, value in locale_of(os.environ).items():
        channel.set_environment_variable(name, os.fsencode(value))


def _dial(target: SSHTarget, timeout: float, watch: SocketWatch) -> socket.socket:
    try:
        return watch.connect(target.host, target.port, timeout=timeout)
    except (ConnectionError, TimeoutError) as error:
        raise _still_booting(target, error.strerror or str(error)) from error
    except OSError as error:
        raise os_error_as(ShellError, f"{target.host} port {target.port} can't be reached", error) from error


def _log_in(target: SSHTarget, connection: socket.socket, timeout: float) -> paramiko.SSHClient:
    import paramiko  # noqa: PLC0415 - takes a third of a second, which only a connection should cost

    class Accept(paramiko.MissingHostKeyPolicy):
        def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
            """Accept a first key, which `_trust` keeps, and none where keys are known that paramiko can't compare."""
            if known.keys:
                raise _changed(target, key, known.keys[0], known)

    known, name = read_host_keys(target.known_hosts), target.host_key_alias
    client = paramiko.SSHClient()
    client.set_log_channel(_LOG)
    client.set_missing_host_key_policy(Accept())
    try:
        for kind, _, encoded in (key.partition(" ") for key in known.keys):
            with contextlib.suppress(paramiko.SSHException, paramiko.pkey.UnknownKeyType):
                key = paramiko.PKey.from_type_string(kind, base64.b64decode(encoded))
                client.get_host_keys().add(name, kind, key)
        client.connect(
            name,
            _PORT_OF_NAME,
            target.user,
            pkey=load_identity(target.identity_file),
            sock=connection,
            timeout=LOGIN_TIMEOUT,
            banner_timeout=timeout,
            auth_timeout=LOGIN_TIMEOUT,
            allow_agent=False,
            look_for_keys=False,
        )
        if not known.keys:
            _trust(target.known_hosts, name, client)
        note_login(target, known)
    except BaseException as error:
        transport = client.get_transport()
        notice = transport.get_banner() if transport is not None else None
        client.close()
        connection.close()
        if isinstance(error, paramiko.BadHostKeyException):
            raise _changed(target, error.key, _shown(error.expected_key), known) from error
        if isinstance(error, (paramiko.SSHException, EOFError, OSError)):
            raise _explained(target, error, notice or b"") from error
        raise
    return client


def _trust(known_hosts: Path, name: str, client: paramiko.SSHClient) -> None:
    """Keep the key of a machine that let us in. A side matter: what can't be kept is asked again the next time."""
    transport = client.get_transport()
    if transport is not None:
        key = transport.get_remote_server_key()
        with contextlib.suppress(OSError, CorruptFile):
            trust(known_hosts, name, f"{key.get_name()} {key.get_base64()}")


def note_login(target: SSHTarget, before: HostKeys) -> None:
    """Note that a login succeeded, with the host keys known `before` or, on first use, the one trusted by it.

    A side matter, as in `_trust`.
    """
    if not before.proven:
        with contextlib.suppress(OSError, CorruptFile):
            prove(target.known_hosts, before.keys)


def _changed(target: SSHTarget, key: paramiko.PKey, expected: str, known: HostKeys) -> HostKeyChanged:
    source = "its console has shown" if known.verified else "it had when first reached"
    others = other_keys(target.known_hosts)
    later = "" if others is None else f"; its console has shown another one since ({others.told})"
    return HostKeyChanged(
        f"{target.host} port {target.port} answers with the host key {_shown(key)}, but {source}"
        f" {one_line(expected, limit=120)}{later}",
        hint="check which program listens there, or, if you have recreated the VM or its keys, forget the old ones with"
        " podplane-tui shell --forget-host-key",
    )


def _shown(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _explained(target: SSHTarget, error: Exception, notice: bytes) -> ShellError:
    """What a failed login means. `notice` is what the machine said before it, such as pam_nologin's lines."""
    import paramiko  # noqa: PLC0415 - as above

    text = str(error) or type(error).__name__
    if isinstance(error, paramiko.AuthenticationException):
        if b"booting up" in notice:
            return _still_booting(target, "it lets nobody in yet")
        # paramiko has this one class for "no", for silence and for a connection that breaks off
        if "timeout" not in text.lower() and "EOF" not in text:
            return KeyRefused(
                f"{target.user}@{target.host} port {target.port} refuses the key {target.identity_file}",
                hint="check the user name, and that the VM was created with this key",
            )
    if "Indecipherable" in text or isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return ShellError(
            f"{target.host} port {target.port} does not speak SSH as expected: {one_line(text, limit=120)}",
            hint="check which program listens there",
        )
    return _still_booting(target, "it says nothing" if "protocol banner" in text else text)


def _refusal(problem: str, error: Exception) -> ShellError:
    """What a guest that had let us in refuses. Without a word it was not the guest: the connection broke off."""
    words = one_line(str(error), limit=120)
    if not words:
        return ConnectionLost(f"{problem}: {_LOST}", hint=_AFTER_LOSS)
    return ShellError(f"{problem}: {words}", hint="check the configuration of the guest's SSH server")


def _still_booting(target: SSHTarget, why: str) -> StillBooting:
    return StillBooting(
        f"SSH on {target.host} port {target.port} does not answer yet ({one_line(why, limit=120)})",
        hint=WHILE_BOOTING,
    )


def run(
    target: SSHTarget,
    command: Sequence[str] | str,
    options: ShellOptions | None = None,
    *,
    control: Control | None = None,
) -> bytes | None:
    """Run `command` over there: words, which arrive as they are, or one string for the shell there to read.

    Its standard input is that of `options`, else empty. Returns its combined output; with a stream in `options`, output
    goes there as it comes, what has no stream is dropped, and None is returned. Raises `CommandFailed` with the exit
    code (124 after the timeout), `Cancelled`, and what `connect` raises. A command given up may go on over there.
    """
    options, control = options or ShellOptions(), control or Control()
    line = _remote_line(command)
    if not line.strip() or "\0" in line:
        raise InvalidInput("the command is empty or has a NUL byte", hint="give a command without NUL bytes")
    reach = CONNECT_TIMEOUT if options.timeout is None else min(CONNECT_TIMEOUT, options.timeout)
    collected = bytearray()
    with SocketWatch(control.cancel, options.timeout) as watch:
        try:
            connection = _dial(target, reach, watch)
            client = _log_in(target, connection, reach)
            with client:
                exit_code = _execute(client, line, options, collected)
        except ShellError:
            _check(watch, control, options.timeout, bytes(collected))
            raise
        _check(watch, control, options.timeout, bytes(collected))
    if exit_code != 0:
        last = one_line(bytes(collected).rstrip().rpartition(b"\n")[2], limit=200)
        raise CommandFailed(
            f"the command exited with code {exit_code}" + (f": {last}" if last else ""),
            exit_code=exit_code,
            output=bytes(collected),
        )
    return None if options.stdout or options.stderr else bytes(collected)


def run_shared(
    target: SSHTarget, command: Sequence[str], control_socket: Path, *, timeout: float, control: Control
) -> bytes:
    """What `command` prints over there, run by OpenSSH over the connection of `control_socket`: nobody logs in for it.

    A connection that is not there any more is done without. Raises `CommandFailed` with the exit code (124 after the
    timeout), `Cancelled`, and `ConnectionLost` when OpenSSH fails. A command given up may go on over there.
    """
    ssh = ["ssh", "-S", os.path.abspath(control_socket), *batch_options(target)]  # noqa: PTH100
    program = require_program("ssh")
    end, output = time.monotonic() + timeout, bytearray()
    # A session of its own: ssh finds no terminal to ask on.
    with subprocess.Popen(
        [*ssh, "--", f"{target.user}@{target.host}", _remote_line(command)],
        executable=program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - asked for above
        readers = {process.stdout: output.extend}
        complete = attend(process, readers, lambda: control.cancel.is_set() or time.monotonic() >= end)
    if not complete and control.cancel.is_set():
        raise Cancelled("the command was cancelled", hint="it may still be running in the guest")
    if not complete:
        raise _timed_out(timeout, b"")
    if process.returncode == FAILED:
        raise ConnectionLost(_LOST, hint=_AFTER_LOSS)
    if process.returncode != 0:
        raise CommandFailed(
            f"the command exited with code {process.returncode}",
            exit_code=process.returncode,
            output=bytes(output),
            hint="check that the VM has this command",
        )
    return bytes(output)


def _execute(client: paramiko.SSHClient, line: str, options: ShellOptions, collected: bytearray) -> int:
    """Run `line`, with its output going where `options` say, or into `collected`; give back the exit code."""
    import paramiko  # noqa: PLC0415 - as above

    transport = client.get_transport()
    if transport is None:
        raise ConnectionLost(_LOST, hint=_AFTER_LOSS)
    combined = options.stdout is None and options.stderr is None
    try:
        channel = transport.open_session(timeout=LOGIN_TIMEOUT)
        channel.set_combine_stderr(combined)
        _pass_locale_on(channel)
        channel.exec_command(os.fsencode(line))
        if options.stdin is None:
            channel.shutdown_write()
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _refusal("the guest does not run commands", error) from error
    if options.stdin is not None:
        Thread(target=_feed, args=(options.stdin, channel), name="ssh-input", daemon=True).start()
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while True:
            ended = channel.eof_received or channel.closed  # asked first: what has come by now is read below
            moved = False
            if channel.recv_ready():
                moved = True
                data = channel.recv(_CHUNK)
                collected.extend(data) if combined else _pass_on(data, options.stdout)
            if channel.recv_stderr_ready():
                moved = True
                _pass_on(channel.recv_stderr(_CHUNK), options.stderr)
            if not moved and ended:
                break
            if not moved:
                selector.select()
    code = channel.recv_exit_status()
    if code >= 0:
        return code
    if not transport.is_active():
        raise ConnectionLost(_LOST, hint=_AFTER_LOSS)
    return FAILED  # ended by a signal


def _feed(source: int, channel: paramiko.Channel) -> None:
    """Send all there is to read, as fast as the machine takes it, then the end."""
    with contextlib.suppress(OSError, EOFError):  # nobody reads it any more, or nothing more can be read
        while data := os.read(source, _CHUNK):
            channel.sendall(data)
    with contextlib.suppress(OSError, EOFError):
        channel.shutdown_write()


def _pass_on(data: bytes, stream: BinaryIO | None) -> None:
    if stream is not None:
        stream.write(data)
        stream.flush()


def _check(watch: SocketWatch, control: Control, timeout: float | None, output: bytes) -> None:
    """Raise `Cancelled`, or `CommandFailed` with `output`, when the connection was cut off."""
    if not watch.cut:
        return
    if control.cancel.is_set():
        raise Cancelled("the command was cancelled", hint="it may still be running in the guest")
    raise _timed_out(timeout, output)


def _timed_out(timeout: float | None, output: bytes) -> CommandTimedOut:
    return CommandTimedOut(
        f"the command did not end within {timeout:g} s, and may still be running in the guest",
        hint="allow it more time",
        exit_code=TIMED_OUT,
        output=output,
    )
