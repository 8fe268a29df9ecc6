"""Pausing a guest and making it run again, over QMP; what came of it is asked, for QEMU's own answer says little."""

from __future__ import annotations

import time
from pathlib import Path

from podplane_tui.backend.core.errors import QMPError, QMPUnavailable, RunStateError
from podplane_tui.backend.core.run_states import PAUSED, RUNNING, advice, run_state
from podplane_tui.backend.host.filesystems import room_of
from podplane_tui.backend.qemu import qmp

SETTLE_TIMEOUT = 5.0
"""Seconds in which QEMU gets into the run state that was asked for."""

CALM = 0.3
"""Seconds that a guest must have run before it counts as running: what halted it may do so again at once."""

_TICK = 0.05


def pause(name: str, socket: qmp.ControlSocket, image: Path) -> bool:
    """Stop the CPUs of the VM `name`, whose disk is `image`; False when they were paused already.

    Raises `RunStateError` when it is in another run state afterwards, `QMPError`.
    """
    if qmp.run_state(socket) == PAUSED:
        return False
    qmp.execute(socket, "stop")
    state = _settled(socket, PAUSED, calm=0.0)
    if state != PAUSED:
        raise _refused(name, "can't be paused", state, image)
    return True


def resume(name: str, socket: qmp.ControlSocket, image: Path) -> bool:
    """Let the CPUs of the VM `name` run, whose disk is `image`; False when they ran already.

    Raises `RunStateError` when its run state can't be left, or it is in such a one afterwards, and `QMPError`.
    """
    before = qmp.run_state(socket)
    if before == RUNNING:
        return False
    command = run_state(before).resume
    if not command:
        raise _refused(name, "can't be resumed", before, image)
    try:
        qmp.execute(socket, command)
    except QMPUnavailable:
        raise
    except QMPError as error:
        raise _refused(name, f"can't be resumed ({error.problem})", qmp.run_state(socket), image) from error
    state = _settled(socket, RUNNING, calm=0.0 if before == PAUSED else CALM)
    if state != RUNNING:
        raise _refused(name, "can't be resumed", state, image)
    return True


def _settled(socket: qmp.ControlSocket, wanted: str, *, calm: float) -> str:
    """The run state, once it has been the one that is wanted for `calm` seconds, or the time for that is over."""
    end = time.monotonic() + SETTLE_TIMEOUT
    since: float | None = None
    while True:
        state, now = qmp.run_state(socket), time.monotonic()
        since = None if state != wanted else since if since is not None else now
        if now >= end or (since is not None and now - since >= calm):
            return state
        time.sleep(_TICK)


def _refused(name: str, what: str, state: str, image: Path) -> RunStateError:
    found = run_state(state)
    return RunStateError(f"{name} {what}: it is {found.words}", hint=advice(found, room=room_of(image)))
