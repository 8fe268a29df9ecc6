"""The part of the app that looks: at the machines, again and again, and at what happens to them meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from textual import on, work
from textual.app import App
from textual.notifications import SeverityLevel
from textual.reactive import var

from podplane_tui.backend.config.model import Config
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.runtime.local_server import LocalServer
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.tui.messages import Noted
from podplane_tui.tui.state.events import Event, Level, changes, with_events
from podplane_tui.tui.state.history import History
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.toasts import TOAST_LIMIT

STALE_AFTER = 2
"""Seconds after its time at which a look that has not come back makes what is shown look old."""

UPKEEP_INTERVAL = 10.0
"""Seconds between looks at how large recordings are."""

_STEP = 1.0
"""Seconds after which times that are shown move on, looked or not."""


class WatchingApp(App[None]):
    """Has the machines in `vms`, and what they did without us in `events`. `inventory` may have looked already.

    Data are `var` here and in all that follows them: each widget knows what of them it shows, and a `reactive` would
    paint the whole of its owner.
    """

    vms: var[tuple[VMStatus, ...] | None] = var(None)
    events: var[tuple[Event, ...]] = var(())
    local_server: var[LocalServer | None] = var(None)
    moment: var[float] = var(0.0)
    """The time (`monotonic`) that is shown. It moves on once a second, with what a look found: one frame for both."""
    stale_for: var[int] = var(0)
    """Seconds since the last look at the machines, once they are too many; else 0."""

    def __init__(
        self,
        data_dir: Path,
        runtime_dir: Path,
        state_dir: Path | None,
        *,
        arch: str,
        config: Config,
        inventory: tuple[Inventory, tuple[VMStatus, ...]] | None,
    ) -> None:
        super().__init__()
        self.data_dir = data_dir
        self.runtime_dir = runtime_dir
        self.state_dir = state_dir
        self.arch = arch
        self.config = config
        self._look_now = asyncio.Event()
        self._looked = time.monotonic()
        self._inventory = Inventory(data_dir, runtime_dir, state_dir=state_dir) if inventory is None else inventory[0]
        self._has_looked = inventory is not None
        if inventory is not None:
            self.set_reactive(WatchingApp.vms, inventory[1])
        self._history = History()

    def _touched_since(self, moment: float) -> frozenset[str]:
        """The keys of machines to which this program does something, or did it after that moment of `monotonic`."""
        return frozenset()

    @work(group="poll", exclusive=True)
    async def _poll(self) -> None:
        from podplane_tui.backend.vm.readiness import ReadinessTracker  # noqa: PLC0415 - not for the first frame

        readiness = ReadinessTracker()
        unready = self._has_looked  # what was seen then was not asked how far it has come
        began = time.monotonic()
        while True:
            self._look_now.clear()
            before, began = began, time.monotonic()
            found = await in_thread(lambda: readiness.update(self._inventory.statuses()), name="inventory")
            self._looked = time.monotonic()
            self._history.add(found, self._looked)
            self.stale_for = 0
            self.local_server = self._inventory.local_server
            if found != self.vms:
                if not unready:
                    self._note_changes(found, since=before)
                self.vms = found
            unready = False
            self.moment = self._looked
            await self._rest()

    async def _rest(self) -> None:
        """Until the next look is due, or wanted."""
        due = time.monotonic() + self.config.dashboard.refresh
        while not self._look_now.is_set() and (left := due - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _STEP)):
                    await self._look_now.wait()
            if left > _STEP:
                self.moment = time.monotonic()

    @work(group="recordings", exclusive=True)
    async def _keep_recordings(self) -> None:
        await asyncio.sleep(UPKEEP_INTERVAL)
        from podplane_tui.tui.recording_limits import Upkeep  # noqa: PLC0415

        upkeep = Upkeep()
        while True:
            machines = self.vms or ()
            for each in await in_thread(lambda: upkeep.look(machines), name="upkeep"):  # noqa: B023 - awaited here
                self.post_message(Noted(each))
            await asyncio.sleep(UPKEEP_INTERVAL)

    def look_now(self, *, doubt: bool = False) -> None:
        """Do not wait for the next look; in `doubt` it asks every QEMU again."""
        if doubt:
            self._inventory.doubt()
        self._look_now.set()

    def _note_changes(self, found: tuple[VMStatus, ...], *, since: float) -> None:
        """What our own jobs do to machines is their story; all else that happens to one is an event.

        `since` is when the look before began, that may have missed what a job did: looks may take long.
        """
        recent = min(since, time.monotonic() - 2 * self.config.dashboard.refresh)
        new = changes(self.vms, found, ours=self._touched_since(recent), arch=self.arch)
        if new:
            self.events = with_events(self.events, new)

    @on(Noted)
    def _noted(self, event: Noted) -> None:
        event.stop()
        self.events = with_events(self.events, [event.event])
        severity: SeverityLevel = "error" if event.event.level is Level.BAD else "information"
        self.notify(one_line(event.event.text, limit=TOAST_LIMIT), severity=severity, markup=False)

    def _notice_age(self) -> None:
        """A look that does not come back must not pass for the present."""
        age = int(time.monotonic() - self._looked)
        self.stale_for = age if age >= self.config.dashboard.refresh + STALE_AFTER else 0
