"""Keys typed while a question is on its way to the screen: they wait, and go to the question if it wants them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from textual import events
from textual.app import App

_PATIENCE = 2.0
"""Seconds keys wait at most: a disk that does not answer must not keep anybody from leaving."""
_TURN = 2.0
"""Seconds after which a key that was handed on will not come back: the widget that had it is gone."""
_INTERVAL = 0.01


@runtime_checkable
class Careful(Protocol):
    """A screen that answers only to who has seen it."""

    def came_too_early(self, event: events.InputEvent) -> bool:
        """Whether to ignore what was typed or clicked then."""


def is_for_nobody(app: App[Any], event: events.Event) -> bool:
    """Whether an event is input that was not meant for the screen on top."""
    if not isinstance(event, events.InputEvent):
        return False
    screen = app.screen
    return isinstance(screen, Careful) and screen.came_too_early(event)


class KeyHold:
    """Holds the app's keys while `coming` says that an earlier one opens a dialog, then hands them on as if typed then.

    Without a dialog in the end they go where they would have gone.
    """

    def __init__(self, app: App[Any], *, coming: Callable[[], bool]) -> None:
        self._app = app
        self._coming = coming
        self._held: list[events.Key] = []
        self._handed_on: events.Key | None = None
        self._handed_on_at = 0.0
        self._out_of_patience = False

    def takes(self, event: events.Event) -> bool:
        """Whether this is a key that has to wait; it does from now on."""
        if not isinstance(event, events.Key):
            return False
        if event is self._handed_on and event.is_forwarded:
            self._handed_on = None  # it has been through the widgets
            return False
        # One that comes back from the widgets was on its way before those that wait.
        if not self._is_coming() and (event.is_forwarded or event is self._handed_on or not self._held):
            return False
        if not self._held:
            self._app.run_worker(self._hand_on(), group="keys")
        self._held.append(event)
        self._held.sort(key=lambda each: each.time)
        return True

    def _is_coming(self) -> bool:
        coming = self._coming()
        self._out_of_patience = self._out_of_patience and coming
        return coming and not self._out_of_patience

    async def _hand_on(self) -> None:
        end = time.monotonic() + _PATIENCE
        while self._held:
            if not self._is_coming():
                self._hand_on_next()
            elif time.monotonic() > end:
                self._out_of_patience = True
            await asyncio.sleep(_INTERVAL)

    def _hand_on_next(self) -> None:
        """A key goes where the one before it has put the focus, and so waits until that is done with."""
        before, now = self._handed_on, time.monotonic()
        if before is not None and not before._stop_propagation and now < self._handed_on_at + _TURN:
            return
        held = self._held.pop(0)
        key = self._handed_on = events.Key(held.key, held.character)  # anew: the other may have been through widgets
        key.time, self._handed_on_at = held.time, now
        self._app.call_next(self._give, key)

    async def _give(self, key: events.Key) -> None:
        await self._app.on_event(key)
        if not key.is_forwarded and self._handed_on is key:
            self._handed_on = None  # no widget got it
