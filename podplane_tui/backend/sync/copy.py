"""Copying into a machine: rsync over ssh, as root over there."""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import Cancelled, CommandFailed, StillBooting
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.child import attend
from podplane_tui.backend.host.facts import require_program
from podplane_tui.backend.ssh.client import WHILE_BOOTING, SSHTarget, connect
from podplane_tui.backend.ssh.identity import require_identity
from podplane_tui.backend.sync.destination import refuse_system_directory, system_directory
from podplane_tui.backend.sync.diagnosis import explain, known_reason
from podplane_tui.backend.sync.environment import rsync_environment
from podplane_tui.backend.sync.output import Change, ChangeKind, LineReader, Meter, read_change
from podplane_tui.backend.sync.rsync import Rsync, SyncRequest, find_rsync, rsync_arguments
from podplane_tui.backend.sync.source import OpenSource

MAX_CHANGES = 5000
"""Changes of a dry run that are kept, and as many deletions besides; the others are only counted."""

_NOT_YET = re.compile(
    rb"banner exchange|kex_exchange_identification|Connection (refused|reset|timed out)|Connection closed by"
)
"""What ssh says of a machine whose SSH server is not there yet, also when that is there a moment later."""

_UNREACHED = frozenset({10, 12, 30, 255})
"""The exit codes with which rsync may end when ssh does: the stream broke off or stood still, or ssh's own code."""

_LAST_WORDS = 20


@dataclass(frozen=True, slots=True)
class SyncPreview:
    """What a copy would do: `counts` of all changes by kind, and the first `MAX_CHANGES` of them, deletions apart.

    `system` is the directory of the VM's system in which it would be refused to delete, "" when there is none.
    """

    changes: tuple[Change, ...]
    deletions: tuple[Change, ...]
    counts: Mapping[ChangeKind, int]
    system: str = ""


def run_sync(
    target: SSHTarget,
    request: SyncRequest,
    *,
    control: Control | None = None,
    control_socket: Path | None = None,
    source: OpenSource | None = None,
) -> None:
    """Copy with rsync; see `rsync_arguments`. Every line it prints, made printable, is reported.

    `source` is that of the request, held open. Raises `InvalidInput` where it would delete in a directory of the VM's
    system, `MissingProgram`, `StillBooting` or `KeyRefused` when ssh fails for those reasons, `CommandFailed` with
    rsync's exit code and its last words, and `Cancelled` once rsync and its ssh have ended.
    """
    control = control or Control()
    rsync = find_rsync()
    operand = None if source is None else source.operand
    arguments = rsync_arguments(rsync, target, request, control_socket=control_socket, source=operand)
    require_identity(target.identity_file)
    refuse_system_directory(target, request, control, control_socket=control_socket)
    meter = Meter(control.progress)

    def tell(line: bytes) -> None:
        if text := one_line(line):
            control.report(text)

    _run(rsync, arguments, target, LineReader(tell, meter.read), control, complain=tell, source=source)


def preview_sync(target: SSHTarget, request: SyncRequest, *, control: Control | None = None) -> SyncPreview:
    """What `run_sync` would do, without doing it. Raises what `run_sync` does."""
    control = control or Control()
    rsync = find_rsync()
    kept: dict[bool, list[Change]] = {False: [], True: []}
    counts = dict.fromkeys(ChangeKind, 0)

    def note(line: bytes) -> None:
        change = read_change(line, itemized=rsync.itemizes)
        if change is None:
            return
        counts[change.kind] += 1
        changes = kept[change.kind is ChangeKind.DELETED]
        if len(changes) < MAX_CHANGES:
            changes.append(change)

    _run(rsync, rsync_arguments(rsync, target, request, dry_run=True), target, LineReader(note), control)
    system = "" if request.force else system_directory(target, request, control)
    return SyncPreview(tuple(kept[False]), tuple(kept[True]), counts, system)


def _run(
    rsync: Rsync,
    arguments: list[str],
    target: SSHTarget,
    output: LineReader,
    control: Control,
    *,
    complain: Callable[[bytes], None] | None = None,
    source: OpenSource | None = None,
) -> None:
    """Run rsync, its output read by `output` and its complaints by `complain`; raise for every end but a good one."""
    require_program("ssh")
    require_identity(target.identity_file)
    if control.cancel.is_set():
        raise Cancelled("the sync was cancelled", hint="nothing was copied")
    words: deque[bytes] = deque(maxlen=_LAST_WORDS)

    def note(line: bytes) -> None:
        line = line if source is None else source.named(line)
        words.append(line)
        if complain is not None:
            complain(line)

    # A session of its own: cancelling ends rsync and its ssh together, and ssh finds no terminal to ask on.
    with (
        rsync_environment() as environment,
        subprocess.Popen(
            arguments,
            executable=rsync.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=() if source is None or source.handle is None else (source.handle,),
        ) as process,
    ):
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - asked for above
        readers = {process.stdout: output.feed, process.stderr: LineReader(note).feed}
        complete = attend(process, readers, control.cancel.is_set)
    if not complete:
        raise Cancelled("the sync was cancelled", hint="what was copied by then stays in the VM")
    code = process.returncode
    if code == 0:
        return
    if code in _UNREACHED and known_reason(list(words)) is None:
        connect(target).close()  # says why, better than ssh does; when it works, it was not for want of a connection
    if code in _UNREACHED and _NOT_YET.search(b"\n".join(words)):
        raise StillBooting(
            f"SSH on {target.host} port {target.port} did not answer in time",
            hint=WHILE_BOOTING,
        )
    reason = explain(code, list(words))
    raise CommandFailed(
        f"rsync exited with code {code}: {reason.problem}",
        hint=reason.hint,
        exit_code=code,
        output=b"\n".join(words),
    )
