"""How far a running machine has come: process, console output, SSH, cloud-init, Kubernetes API.

Nothing here blocks whoever asks: probes run in a few threads of their own, each bounded in time, one at a time per
machine, further and further apart, and end when everything is reached. Nothing is kept on disk: what the recording
holds and what answers tells it all again.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from podplane_tui.backend.core.errors import CommandFailed, StillBooting, VMError
from podplane_tui.backend.core.files import open_regular
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Phase, Readiness, State, VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.qemu.arguments import read_machine
from podplane_tui.backend.qemu.process import Clock
from podplane_tui.backend.runtime.ports import LOOPBACK

if TYPE_CHECKING:
    from podplane_tui.backend.boot.parser import BootParser

PROBE_TIMEOUT = 1.5
"""Seconds a probe waits for an answer."""

MAX_PROBES = 4
"""Probes at a time, of all machines together."""

PATIENCE = 300.0
"""Seconds after its start until a machine counts as running, whatever does not answer yet."""

PATIENCE_WITH_KUBERNETES = 1200.0
"""The same for a cluster that podplane made: it pulls images first."""

_FIRST_INTERVAL, _LONGEST_INTERVAL, _LATE_INTERVAL = 0.5, 5.0, 60.0
_EARLY = 10.0
"""Seconds after its start within which a first look still sees things happen."""

_MAX_READ = 8 * 2**20
"""Bytes of a recording that are searched for cloud-init's end: a boot stands at its beginning."""

_PIECE = 256 * 1024
_PROMPT_BYTES = 400
_PROMPT = re.compile(r"(?:[\w~\])/] ?[#$]|login:|Shell>)$")

_ASK_INTERVAL, _ASK_INTERVAL_RECORDED = 20.0, 60.0
"""Seconds between two logins that ask a guest how its cloud-init is: each costs an emulated one many seconds of its
time, and where the console is recorded, that tells sooner."""


@dataclass(slots=True)
class _Track:
    """What is known of one process. Written by its one probe at a time."""

    ticks: object
    reached: dict[Phase, float | None]
    wanted: tuple[Phase, ...]
    parser: BootParser | None = None
    offset: int = 0
    cloud_init_seen: bool = False
    ask_at: float | None = None
    interval: float = _FIRST_INTERVAL
    next_probe: float = 0.0
    probing: bool = False
    probed: bool = False

    def view(self) -> Readiness:
        return Readiness(
            tuple((phase, self.reached[phase]) for phase in Phase if phase in self.reached),
            tuple(phase for phase in self.wanted if phase not in self.reached),
        )


@dataclass(slots=True)
class ReadinessTracker:
    """Tells, status after status, how far VMs have come. Belongs to one thread."""

    clock: Clock = field(default_factory=Clock)
    asks: bool = True
    """Whether a guest is asked, over SSH, what can't be seen from outside."""
    _tracks: dict[str, _Track] = field(default_factory=dict)
    _slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MAX_PROBES))
    _news: threading.Condition = field(default_factory=threading.Condition)

    def update(self, vms: Iterable[VMStatus]) -> tuple[VMStatus, ...]:
        """`vms` with what is known by now; a running one that is not ready yet is `starting`. Never waits."""
        found = tuple(vms)
        live = {vm.key for vm in found if vm.live}
        for key in self._tracks.keys() - live:
            del self._tracks[key]
        return tuple(self._with_readiness(vm) if vm.live else vm for vm in found)

    def settle(self, vms: Iterable[VMStatus], timeout: float) -> None:
        """Probe each of `vms` once, for at most `timeout` seconds in all: for who looks only once."""
        found, deadline = tuple(vms), self.clock.monotonic() + timeout
        while True:
            self.update(found)  # begins as many probes as there may be at once
            with self._news:
                waiting = [track for track in self._tracks.values() if not track.probed and track.view().pending]
                left = deadline - self.clock.monotonic()
                if not waiting or left <= 0:
                    return
                self._news.wait_for(lambda waiting=waiting: any(track.probed for track in waiting), left)  # type: ignore[misc]

    def _with_readiness(self, vm: VMStatus) -> VMStatus:
        identity = (vm.pid, vm.started_at, vm.ports.ssh)  # a state file may come after its process
        track = self._tracks.get(vm.key)
        if track is None or track.ticks != identity:
            track = self._tracks[vm.key] = _Track(identity, {Phase.PROCESS: 0.0}, _phases(vm))
        readiness = track.view()
        age = self._age(vm)
        patient = age < (PATIENCE_WITH_KUBERNETES if Phase.API in track.wanted else PATIENCE)
        if readiness.pending and vm.state in {State.RUNNING, State.STARTING}:
            self._probe_when_due(vm, track, late=not patient)
        if vm.state is State.RUNNING and readiness.pending and patient and Phase.SSH in track.wanted:
            return replace(vm, state=State.STARTING, readiness=readiness)
        return replace(vm, readiness=readiness)

    def _age(self, vm: VMStatus) -> float:
        return max(0.0, self.clock.wall() - vm.started_at) if vm.started_at is not None else PATIENCE_WITH_KUBERNETES

    def _probe_when_due(self, vm: VMStatus, track: _Track, *, late: bool) -> None:
        now = self.clock.monotonic()
        if track.probing or now < track.next_probe or not self._slots.acquire(blocking=False):
            return
        track.probing = True

        def when() -> float | None:
            return round(self._age(vm), 1) if track.probed or self._age(vm) < _EARLY else None

        def work() -> None:
            try:
                _probe(vm, track, when, asks_at=now if self.asks else None)
            finally:
                track.next_probe = self.clock.monotonic() + (_LATE_INTERVAL if late else track.interval)
                track.interval = min(_LONGEST_INTERVAL, track.interval * 1.5)
                self._slots.release()
                with self._news:
                    track.probing, track.probed = False, True
                    self._news.notify_all()

        threading.Thread(target=work, name=f"probe-{vm.key}", daemon=True).start()


def _phases(vm: VMStatus) -> tuple[Phase, ...]:
    """What this machine can reach, and is waited for."""
    kubernetes = vm.files.made_by_podplane
    wanted = {
        Phase.PROCESS: True,
        Phase.CONSOLE: read_machine(vm.arguments).console_log is not None,
        Phase.SSH: vm.ports.ssh is not None,
        Phase.CLOUD_INIT: kubernetes and vm.ports.ssh is not None,
        Phase.API: kubernetes and vm.ports.kubernetes_api is not None,
    }
    return tuple(phase for phase in Phase if wanted[phase])


def _probe(vm: VMStatus, track: _Track, when: Callable[[], float | None], *, asks_at: float | None) -> None:
    """Look for what is still to come, in order; what does not answer ends the look.

    `asks_at` is the time (monotonic seconds) for whether the guest is to be asked; None: it is not.
    """
    log = read_machine(vm.arguments).console_log
    cloud_init_done = False
    if log is not None:
        with contextlib.suppress(OSError):
            cloud_init_done = _read_recording(log, track, when)
    if Phase.SSH in track.wanted and Phase.SSH not in track.reached:
        if vm.ports.ssh is not None and ssh_answers(vm.ports.ssh):
            track.reached[Phase.SSH] = when()
        elif log is not None and Phase.API not in track.wanted and _shows_prompt(log):
            track.wanted = tuple(phase for phase in track.wanted if phase is not Phase.SSH)  # it has no SSH server
        else:
            return
    if track.cloud_init_seen and Phase.CLOUD_INIT not in track.wanted:
        track.wanted = tuple(p for p in Phase if p in {*track.wanted, Phase.CLOUD_INIT})
    if Phase.CLOUD_INIT in track.wanted and Phase.CLOUD_INIT not in track.reached:
        if not cloud_init_done and (
            asks_at is None or not _guest_says_ended(vm.files, track, asks_at, recorded=log is not None)
        ):
            return
        track.reached[Phase.CLOUD_INIT] = when()
    port = vm.ports.kubernetes_api
    if Phase.API in track.wanted and Phase.API not in track.reached and port is not None and tls_answers(port):
        track.reached[Phase.API] = when()


def _read_recording(log: Path, track: _Track, when: Callable[[], float | None]) -> bool:
    """Note the first output, and whether cloud-init has begun; give whether it has ended. Raises `OSError`."""
    from podplane_tui.backend.recording.file import RecordingReader  # noqa: PLC0415 - only where there is one

    with RecordingReader(log, track.offset) as reader:
        while track.offset < _MAX_READ and (chunk := reader.read(_PIECE)) is not None:
            if track.parser is None:
                from podplane_tui.backend.boot.parser import BootParser  # noqa: PLC0415 - only where it has been printed to

                track.parser = BootParser()
            track.parser.feed(chunk.data)
            track.offset = chunk.offset + len(chunk.data)
    if track.parser is None:
        return False
    from podplane_tui.backend.boot.rules import CLOUD_INIT_STAGES, StageName  # noqa: PLC0415 - the parser's own

    track.reached.setdefault(Phase.CONSOLE, when())
    for boot in track.parser.boots:
        if any(boot.stage(name) is not None for name in CLOUD_INIT_STAGES.values()):
            track.cloud_init_seen = True
    final = track.parser.boots[-1].stage(StageName.CLOUD_INIT_FINAL) if track.parser.boots else None
    return final is not None and not final.running


def _shows_prompt(log: Path) -> bool:
    """Whether the last that the console printed is a prompt: who waits for a command or a login has come up."""
    try:
        with open_regular(log, follow_links=False) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _PROMPT_BYTES))
            words = file.read(_PROMPT_BYTES)
    except OSError:
        return False
    return _PROMPT.search(one_line(words.rpartition(b"\n")[2])) is not None


def _connection(port: int) -> socket.socket:
    """A connection to this port. Raises `OSError`. An address needs no name looked up, which takes much longer."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(PROBE_TIMEOUT)
        connection.connect((LOOPBACK, port))
    except BaseException:
        connection.close()
        raise
    return connection


def ssh_answers(port: int) -> bool:
    """Whether an SSH server greets on this port. QEMU itself accepts every connection, so only its words count."""
    try:
        with _connection(port) as connection:
            deadline, words = time.monotonic() + PROBE_TIMEOUT, b""
            while len(words) < 4 and time.monotonic() < deadline:
                data = connection.recv(256)
                if not data:
                    return False
                words += data
            return words.startswith(b"SSH-")
    except OSError:
        return False


def tls_answers(port: int) -> bool:
    """Whether a TLS server answers on this port, whoever it says it is."""
    import ssl  # noqa: PLC0415 - takes a while, and only clusters with Kubernetes need it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            _connection(port) as connection,
            context.wrap_socket(connection, server_hostname="kubernetes"),
        ):
            return True
    except ssl.SSLEOFError:
        return False
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # it wants a client's certificate, or another version: it is there
    except OSError:
        return False


def _guest_says_ended(files: VMFiles, track: _Track, now: float, *, recorded: bool) -> bool:
    """Whether the guest itself says that its cloud-init has ended, asked once in a while.

    Without a console that is `recorded` what can't be asked counts as ended, for nobody could ever tell.
    """
    interval = _ASK_INTERVAL_RECORDED if recorded else _ASK_INTERVAL
    if track.ask_at is None:
        track.ask_at = now + interval if recorded else now
    if now < track.ask_at:
        return False
    track.ask_at = now + interval
    from podplane_tui.backend.vm.access import ssh_target  # noqa: PLC0415 - only where no recording tells
    from podplane_tui.backend.vm.cloud_init_status import Outcome, ask  # noqa: PLC0415
    from podplane_tui.backend.vm.context import Context  # noqa: PLC0415

    try:
        status = ask(ssh_target(Context.of(files)))
    except (CommandFailed, StillBooting):
        return False
    except VMError:
        return not recorded
    if status is None:
        return not recorded
    # A guest whose console has shown cloud-init and which has none is not the one that was asked.
    return status.ended and not (recorded and status.outcome is Outcome.ABSENT)
