"""What a pass over one VM yields: frozen values, so that "did anything change" is `==`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.run_states import PAUSED, RunState, run_state


class State(StrEnum):
    """What a machine is doing. The states are defined in the README's table."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    PAUSED = "paused"
    """The guest's CPUs do not run, for whatever reason; the run state says which."""
    CRASHED = "crashed"
    ORPHANED = "orphaned"
    BROKEN = "broken"
    IN_USE = "in use"
    """Somebody else has the disk open."""


class Problem(NamedTuple):
    """What is wrong, and what to do about it ("" where nothing helps). `str` gives both on one line."""

    problem: str
    hint: str = ""

    @classmethod
    def of(cls, error: VMError) -> Problem:
        """What an error tells."""
        return cls(error.problem, error.hint)

    def __str__(self) -> str:
        return str(VMError(self.problem, hint=self.hint))


class Action(NamedTuple):
    """A verb in progress, as its lock file tells: which, by which process, since when (seconds since the epoch).

    `phase` is the part of it being done where it consists of others, as a restart does of stop and start.
    """

    verb: str
    pid: int
    since: float
    phase: str = ""


class Ports(NamedTuple):
    """The host ports of a cluster; None where the state file names none."""

    ssh: int | None = None
    kubernetes_api: int | None = None
    traefik_dashboard: int | None = None
    registry: int | None = None
    traefik_https: int | None = None

    def items(self) -> Iterator[tuple[str, int]]:
        """The ports that are known, as `(name, port)`, in podplane's order."""
        for name in self._fields:
            port = getattr(self, name)
            if port is not None:
                yield name, port


class Phase(StrEnum):
    """What a machine reaches on its way, in this order."""

    PROCESS = "process"
    CONSOLE = "console output"
    SSH = "SSH"
    CLOUD_INIT = "cloud-init"
    API = "Kubernetes API"


class Readiness(NamedTuple):
    """What was reached, and what of the rest there is to wait for, in order.

    `reached` maps phases to the seconds after the process's start at which that was seen; None where it was so before
    anybody looked.
    """

    reached: tuple[tuple[Phase, float | None], ...]
    pending: tuple[Phase, ...]

    def has(self, phase: Phase) -> bool:
        """Whether this phase was reached."""
        return any(each is phase for each, _ in self.reached)

    def wants(self, phase: Phase) -> bool:
        """Whether this phase is one of those that were reached, or are waited for."""
        return self.has(phase) or phase in self.pending

    @property
    def ready(self) -> bool:
        """Whether there is nothing left to wait for."""
        return not self.pending

    @property
    def waiting_for(self) -> Phase | None:
        """The next phase."""
        return self.pending[0] if self.pending else None

    @property
    def told(self) -> str:
        """The phases reached with their times, and the one waited for, in one line."""
        parts = [
            f"{phase} ✓" if after is None else f"{phase} {after:.0f} s"
            for phase, after in self.reached
            if phase is not Phase.PROCESS
        ]
        parts += [f"waiting for {self.waiting_for}"] if self.waiting_for else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class VMStatus:
    """One machine at one moment. None means unknown or not applicable.

    `started_at` is in seconds since the epoch, sizes are in bytes, `cpu_percent` in per cent of one core,
    rates in bytes per second. `console` and `qmp` are the sockets to use, which for an orphan are read from its own
    arguments. `hint` is what is worth knowing without being wrong with the VM itself. `run_state` is QEMU's own
    word, None where it was not asked or did not answer.
    """

    files: VMFiles
    state: State
    problems: tuple[Problem, ...] = ()
    action: Action | None = None
    pid: int | None = None
    started_at: float | None = None
    cpu_percent: float | None = None
    memory_bytes: int | None = None
    disk_read_rate: float | None = None
    disk_write_rate: float | None = None
    memory_limit_bytes: int | None = None
    cpus: int | None = None
    disk_bytes: int | None = None
    disk_virtual_bytes: int | None = None
    ports: Ports = Ports()  # noqa: RUF009 - a named tuple
    accelerator: str | None = None
    arguments: tuple[str, ...] = ()
    console: Path | None = None
    qmp: Path | None = None
    hint: str | None = None
    readiness: Readiness | None = None
    run_state: str | None = None

    @property
    def halt(self) -> RunState | None:
        """Why the guest's CPUs do not run, while that is what the state says; None when QEMU does not tell."""
        return run_state(self.run_state) if self.state is State.PAUSED and self.run_state else None

    @property
    def told_state(self) -> str:
        """The state in words; behind it QEMU's run state, where that says more."""
        halt = self.halt
        return str(self.state) if halt is None or halt.name == PAUSED else f"{self.state} ({halt.name})"

    @property
    def problem(self) -> str | None:
        """All that is wrong with it, on one line."""
        return "; ".join(map(str, self.problems)) or None

    @property
    def cluster_id(self) -> str:
        return self.files.cluster_id

    @property
    def arch(self) -> str:
        return self.files.arch

    @property
    def name(self) -> str:
        return self.files.name

    @property
    def key(self) -> str:
        """What tells rows apart: `<id>.<arch>`, for two architectures of one id are two machines."""
        return f"{self.files.cluster_id}.{self.files.arch}"

    def label(self, usual_arch: str) -> str:
        """What people are told of: the id, and behind it the architecture when that is not the usual one."""
        return self.cluster_id if self.arch == usual_arch else f"{self.cluster_id} {self.arch}"

    @property
    def waiting_for(self) -> Phase | None:
        """What a machine that starts is waited for to reach next."""
        return self.readiness.waiting_for if self.readiness is not None and self.state is State.STARTING else None

    @property
    def live(self) -> bool:
        """Whether a QEMU process of this machine exists."""
        return self.pid is not None


VMSnapshot = VMStatus
"""The former name of `VMStatus`, for scripts that import it."""
