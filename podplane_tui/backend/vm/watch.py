"""Keeping a copy in a VM up to date: every change here is pushed there with rsync, for as long as it is wanted.

Before each push that may delete, the source is compared with what was pushed last: an unmounted or replaced directory
would empty the copy, so the watch pauses and asks. A directory that is only empty is given the time that builds need to
fill it again.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import (
    Cancelled,
    CommandFailed,
    InvalidInput,
    NotRunning,
    ShellError,
    SourceLost,
    Unsupported,
)
from podplane_tui.backend.core.paths import socket_path_limit
from podplane_tui.backend.host.facts import require_program
from podplane_tui.backend.host.inotify import Limit, Probe
from podplane_tui.backend.ssh.client import SSHTarget, batch_options, note_login
from podplane_tui.backend.ssh.identity import require_identity
from podplane_tui.backend.ssh.known_hosts import read_host_keys
from podplane_tui.backend.sync.environment import rsync_environment
from podplane_tui.backend.sync.output import names
from podplane_tui.backend.sync.rsync import SyncRequest, absolute_source, copies_contents, filter_arguments
from podplane_tui.backend.sync.source import SETTLING, OpenSource, Seen, emptied, is_missing, loss, open_source, see
from podplane_tui.backend.vm import access
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.remembered import remember_sync

_QUIET_MS = 100
"""Milliseconds without a change after which what has gathered is pushed."""

_GATHER_MS = 700
"""Milliseconds after which it is pushed even if changes go on."""

_LOOK_MS = 500
"""Milliseconds between two looks at the machine while nothing changes."""

_WORTH_TELLING = 2.0
"""Seconds a copy takes before it is told how far it is."""

_POLL_MS = 700
"""Milliseconds between two looks at all files where the system can't watch them."""

_RETRY = 1.0
_LISTING_TIMEOUT = 60.0
_CONNECT_TIMEOUT = 10.0
_VANISHED = 24
"""rsync's exit code when files went while it copied: they changed again, so it is tried again."""

_CHATTER = re.compile(
    r"(sending incremental|building) file list|created directory |sent [\d,.]+ bytes|total size is |\./$"
)


def keep_synced(context: Context, request: SyncRequest, *, user: str, control: Control) -> None:
    """Copy, and copy again within a second of the last change, until cancelled. Returns when it is.

    A machine that does not run or does not answer is waited for, and copied to when it is back: what it had may be
    gone. A copy that fails is told, and tried again with the next change. Where something would be deleted because the
    source is lost, the user is asked. Raises `InvalidInput` for a source that is not there, a request rsync can't take
    or a directory of the VM's system to delete in, `MissingProgram`, `SourceLost` when nobody can be asked or the
    answer is no, `Unsupported` when the files can't be watched.
    """
    if os.path.lexists(context.files.image):
        remember_sync(context.files, request)
    with (
        tempfile.TemporaryDirectory(prefix="pt-sync-", dir=_socket_parent()) as folder,
        SharedConnection(Path(folder) / "ssh") as shared,
    ):
        watch = _Watch(context, request, user=user, control=control, folder=Path(folder), shared=shared)
        for changed in _changes(request.source, control):
            watch.look(changed)


_SSH_SUFFIX = 17
"""Bytes that ssh appends to the path of its socket while it makes that."""


def _socket_parent() -> str | None:
    """A directory for the socket of a shared connection: that for temporary files, unless its name is too long.

    None stands for that one where no other does either: copies then log in one by one.
    """
    room = socket_path_limit() - len("/pt-sync-12345678/ssh") - _SSH_SUFFIX
    for directory in (tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):  # noqa: S108 - private below
        usable = os.path.isabs(directory) and os.access(directory, os.W_OK | os.X_OK)  # noqa: PTH117
        if usable and len(os.fsencode(directory)) <= room:
            return directory
    return None


class _Watch:
    """What is known between two looks: what has to be pushed, and to which process of the machine it went last."""

    def __init__(
        self,
        context: Context,
        request: SyncRequest,
        *,
        user: str,
        control: Control,
        folder: Path,
        shared: SharedConnection,
    ) -> None:
        self._context = context
        self._request = request
        self._user = user
        self._control = control
        self._shared = shared
        self._names = _Names(request, folder / "empty")
        self._pending = True
        self._machine: int | None = None
        self._waiting_for = ""
        self._seen: Seen | None = None
        """The source as it was pushed last."""
        self._empty: tuple[Seen, float] | None = None
        """The source as it was first seen empty, and when."""
        if request.delete:
            with contextlib.suppress(OSError):  # whoever watches says that it is not there
                self._seen = see(request.source)

    def look(self, changed: frozenset[Path]) -> None:
        """Push if something of `changed` counts, something is still to be pushed, or the machine is another now."""
        machine = self._context.qemu.pid()
        self._pending |= self._names.count(changed) or (machine is not None and machine != self._machine)
        if self._pending and not self._control.cancel.is_set():
            self._push(machine)

    def _push(self, machine: int | None) -> None:
        if not self._request.delete:
            self._copy(machine, None)
            return
        try:
            with open_source(self._request.source) as source:
                if self._may_delete(source.seen) and self._copy(machine, source):
                    self._seen = source.seen
        except OSError as error:
            if not is_missing(error):  # that is told, and waited for, by who watches
                self._wait(f"waiting for {self._request.source}: {error.strerror}")

    def _may_delete(self, now: Seen) -> bool:
        """Whether the source is still the one that was pushed last, or the user says that it is right.

        While it is empty, but not for long, the next look decides. Raises `SourceLost` when it is lost.
        """
        lost = "" if self._seen is None else loss(self._seen, now)
        empty = "" if self._seen is None or lost else emptied(self._seen, now)
        if empty:
            if self._empty is None or self._empty[0] != now:
                self._empty = now, time.monotonic()
            if time.monotonic() - self._empty[1] < SETTLING:
                return False
        self._empty = None
        lost = lost or empty
        if not lost:
            return True
        self._control.report(f"paused: {lost}")
        question = f"Paused: {lost}. Copy what is there now, and delete the rest in the VM?"
        if self._control.ask is None or not self._control.ask(question):
            if self._control.cancel.is_set():
                return False
            raise SourceLost(
                f"{lost}; nothing was deleted in the VM", hint="check the source, and start the watch again"
            )
        self._seen = now  # agreed to; what changed since the question is found by the next look
        return False

    def _copy(self, machine: int | None, source: OpenSource | None) -> bool:
        """Push; whether all of it arrived."""
        begun, sent = time.monotonic(), 0

        def report(line: str) -> None:
            nonlocal sent
            if not _CHATTER.match(line):
                sent += 1
                self._control.report(line)

        def progress(progress: Progress) -> None:
            if time.monotonic() - begun > _WORTH_TELLING:
                self._control.progress(progress)

        try:
            self._shared.open(access.ssh_target(self._context, self._user), self._control)
            steered = replace(self._control, report=report, progress=progress)
            access.push(
                self._context,
                self._request,
                user=self._user,
                control=steered,
                control_socket=self._shared.path,
                source=source,
            )
        except (NotRunning, ShellError) as error:
            self._wait(f"waiting for the VM: {error}")
            return False
        except Cancelled:
            return False
        except CommandFailed as error:
            self._control.report(str(error))
            self._pending = error.exit_code == _VANISHED
        else:
            if sent or self._waiting_for or self._machine is None:
                self._control.report(f"up to date after {time.monotonic() - begun:.1f} s; watching")
            self._pending = False
        self._machine, self._waiting_for = machine, ""
        return not self._pending

    def _wait(self, why: str) -> None:
        """Try again after a while. What is waited for is told once."""
        if self._waiting_for != why:
            self._waiting_for = why
            self._control.report(why)
        self._control.cancel.wait(_RETRY)


class _Names:
    """Which changes count: rsync itself says what the request leaves out."""

    def __init__(self, request: SyncRequest, empty: Path) -> None:
        self._request = request
        self._empty = empty
        self._base = os.fsencode(_base(request.source))
        self._known: frozenset[bytes] = frozenset()

    def count(self, changed: frozenset[Path]) -> bool:
        """Whether one of `changed` is copied, or was before it went."""
        if not changed or not (self._request.excludes or self._request.gitignore):
            return bool(changed)
        listed = self._list()
        if listed is None:
            return True
        before, self._known = self._known, listed
        paths = {os.path.relpath(os.fsencode(path), self._base) for path in changed}
        return not paths.isdisjoint(listed | before)

    def _list(self) -> frozenset[bytes] | None:
        """What the request copies, as rsync sees it here and now; None when it can't say."""
        self._empty.mkdir(exist_ok=True)
        command = [str(require_program("rsync")), "-an", "--out-format=%n", *filter_arguments(self._request)]
        command += [absolute_source(self._request.source), f"{self._empty}/"]
        try:
            with rsync_environment() as environment:
                result = subprocess.run(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_LISTING_TIMEOUT,
                    check=False,
                )
        except subprocess.TimeoutExpired:
            return None
        return frozenset(names(result.stdout)) if result.returncode == 0 else None


def _base(source: str) -> Path:
    """The folder that rsync's names are relative to."""
    path = _real(source)
    return path if copies_contents(source) else path.parent


def _real(source: str) -> Path:
    """The path behind all links; links in a circle lead to what is not there."""
    return Path(os.path.realpath(source))


def _there(path: Path) -> bool:
    """Whether something is at `path` that can be looked at: a file system that has failed is not there either."""
    return os.path.exists(path)  # noqa: PTH110 - which raises for some errors


def _changes(source: str, control: Control) -> Iterator[frozenset[Path]]:
    """What changed since the last time, every now and then also nothing; until cancelled.

    At a limit of inotify the files are polled from then on, and the user is told.
    """
    path = _real(source)
    if not _there(path):
        raise InvalidInput(f"there is no {path} to watch", hint="check the path")
    missed: frozenset[Path] = frozenset()
    limit: Limit | None = None
    with Probe() as probe:
        while not control.cancel.is_set():
            # A file is watched through its folder: editors put a new one in its place.
            folder = path if path.is_dir() else path.parent
            whole = folder == path
            if limit is None and (limit := probe.reached(folder)) is not None:
                _tell_limit(limit, control)
            with contextlib.closing(_watch(folder, control, recursive=whole, poll=limit is not None)) as found:
                for changed in found:
                    if limit is None and (limit := probe.reached(folder)) is not None:
                        _tell_limit(limit, control)
                        break
                    yield (changed if whole else changed & {path}) | missed
                    missed = frozenset()
            # What changes before the next watch stands is seen by nobody: all of it counts as changed then.
            missed = frozenset({path})
            _wait_for(path, control)


def _tell_limit(limit: Limit, control: Control) -> None:
    control.warn(f"{limit.problem}: polling for changes instead, which takes longer; {limit.hint}")


def _watch(folder: Path, control: Control, *, recursive: bool, poll: bool) -> Generator[frozenset[Path]]:
    """The changes below `folder`, until cancelled, until another folder stands there, or a name can't be told."""
    from watchfiles import Change, watch  # noqa: PLC0415 - only a watch should cost its import

    identity = _identity(folder)
    try:
        for found in watch(
            folder,
            watch_filter=None,
            debounce=_GATHER_MS,
            step=_QUIET_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            stop_event=control.cancel,
            raise_interrupt=False,
            force_polling=poll or None,
            poll_delay_ms=_POLL_MS,
            recursive=recursive,
            ignore_permission_denied=True,
        ):
            yield frozenset(Path(name) for _, name in found)
            if (Change.deleted, str(folder)) in found or _identity(folder) != identity:
                return
    except OSError as error:
        if not _there(folder):
            return
        raise Unsupported(f"{folder} can't be watched: {error}", hint="start the watch again") from error
    except RuntimeError as error:
        if "decode path" not in str(error):  # a name that is no UTF-8 ends a watch of watchfiles
            raise Unsupported(f"{folder} can't be watched any more: {error}", hint="start the watch again") from error


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _wait_for(path: Path, control: Control) -> None:
    """Wait for a folder that is gone to come back."""
    if not _there(path):
        control.report(f"{path} is gone: waiting until it is back")
    while not _there(path) and not control.cancel.wait(_RETRY):
        pass


class SharedConnection:
    """An ssh connection that copies share, so that none has to log in again; they do without when it is not there.

    `path` is its socket, None where ssh could not use one of that length.
    """

    def __init__(self, path: Path) -> None:
        fits = len(os.fsencode(path)) + _SSH_SUFFIX <= socket_path_limit()
        self.path = path if fits else None
        self._process: subprocess.Popen[bytes] | None = None
        self._target: SSHTarget | None = None

    def __enter__(self) -> SharedConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, target: SSHTarget, control: Control) -> None:
        """See to it that there is a connection to `target`, if it lets us in; wait for it a while.

        Raises `ShellError` when there is no key.
        """
        if self.path is None or (self._process is not None and self._process.poll() is None and self._target == target):
            return
        self.close()
        require_identity(target.identity_file)
        keep_alive = ["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]
        options, known = [*batch_options(target), *keep_alive], read_host_keys(target.known_hosts)
        self._process = subprocess.Popen(
            # It lasts as long as its command does, which ends with its input: so it goes with us, killed or not.
            ["ssh", "-M", "-S", str(self.path), *options, "--", f"{target.user}@{target.host}", "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._target = target
        end = time.monotonic() + _CONNECT_TIMEOUT
        while self._process.poll() is None and not self.path.exists() and time.monotonic() < end:
            if control.cancel.wait(0.02):
                return
        if self.path.exists():
            note_login(target, known)

    def close(self) -> None:
        """End the connection."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
