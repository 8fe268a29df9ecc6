"""A machine's console in this program's hands: connected to, typed into, asked for where another program holds it."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable

from podplane_tui.backend.console.claim import Claim, Held, ask, own_name, take
from podplane_tui.backend.console.client import ConsoleLine, LineEvents, open_line
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import current_recording
from podplane_tui.tui.threads import in_thread

_OFFER_LASTS = 10.0
"""Seconds within which a second try to type into a console that is held means to ask for it."""
_MAX_PENDING = 4096
"""Bytes typed before the console is connected."""


class ConsoleHold:
    """At most one console, held to type and to record.

    What is passed is called in the event loop: `printed` with the machine's key and what is not on record, `asked` when
    another program asks for the console, `closed` when the machine has closed it.
    """

    def __init__(
        self, *, printed: Callable[[str, bytes], None], asked: Callable[[Claim], None], closed: Callable[[], None]
    ) -> None:
        self._who = own_name("the dashboard")
        self._printed = printed
        self._asked = asked
        self._closed = closed
        self.line: ConsoleLine | None = None
        """The console held."""
        self._handed: Held | None = None
        """The console, handed over to us and not connected yet."""
        self._pending = b""
        self._asking: threading.Event | None = None
        self._offered_at = -_OFFER_LASTS
        self._free = asyncio.Event()
        self._free.set()
        self._gone = False

    @property
    def connected(self) -> bool:
        """Whether a console is held."""
        return self.line is not None

    @property
    def idle(self) -> float:
        """Seconds since something was typed into it."""
        return 0.0 if self.line is None else self.line.idle

    def is_of(self, vm: VMStatus) -> bool:
        """Whether the console held is that of this run of a machine."""
        return self.line is not None and (self.line.key, self.line.pid) == (vm.key, vm.pid)

    async def connect(self, vm: VMStatus) -> int:
        """Hold a machine's console, and type what waits; gives how much was on record then. Raises `VMError`."""
        held, self._handed = self._handed, None
        loop = asyncio.get_running_loop()
        self._free.clear()
        opened: list[ConsoleLine] = []
        given_up = threading.Event()
        try:
            end = await in_thread(lambda: self._open(vm, held, loop, opened, given_up), name="console-line")
        except BaseException:
            given_up.set()
            for line in opened:  # cancelled when it was open already
                threading.Thread(target=line.close, name="console-close").start()
            self._free.set()
            self._pending = b""
            raise
        (line,) = opened
        self.line = line
        pending, self._pending = self._pending, b""
        line.send(pending)
        self._line_closed()  # it may have ended before it was in hand here, and so unheard
        return end

    def _open(
        self,
        vm: VMStatus,
        held: Held | None,
        loop: asyncio.AbstractEventLoop,
        opened: list[ConsoleLine],
        given_up: threading.Event,
    ) -> int:
        """Put the console into `opened`, and give how much was on record then. For a thread."""

        def tell(function: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):  # the program has ended
                loop.call_soon_threadsafe(function)

        events = LineEvents(
            printed=lambda data: tell(lambda: self._printed(vm.key, data)),
            asked=lambda claim: tell(lambda: self._asked(claim)),
            closed=lambda: tell(self._line_closed),
        )
        line = open_line(vm, held or take(vm.files, self._who), events)
        opened.append(line)
        if self._gone or given_up.is_set():  # looked at last: whoever gives up afterwards finds it in the list
            line.close()
        recording = current_recording(vm)
        return 0 if recording is None else recording.end

    def _line_closed(self) -> None:
        if self.line is None or not self.line.over:  # told late, of one before
            return
        self.line = None
        self._free.set()
        self._closed()

    async def close(self) -> None:
        """Let go of the console, and of one that was handed over."""
        line, self.line = self.line, None
        self._pending = b""
        self._give_back()
        if line is not None:
            await in_thread(line.close, name="console-close")
        self._free.set()

    async def end(self) -> None:
        """Let go of everything, for good."""
        self._gone = True
        self.stop_asking()
        await self.close()

    async def until_free(self) -> None:
        """Wait until no console is held."""
        await self._free.wait()

    def type(self, data: bytes, *, typing: bool) -> None:
        """Send what a terminal sends; before the console is connected, what somebody is `typing` waits for that."""
        if self.line is not None:
            self.line.send(data)
        elif typing:
            self._pending += data[: _MAX_PENDING - len(self._pending)]

    # One holder at a time

    def refusal(self, claim: Claim | None, request: Callable[[threading.Event], object]) -> str:
        """Why nobody can type now, given who holds the console; "" when one can.

        Tried again soon, it is asked for: `request` is called with what cancels that, and awaits `ask`.
        """
        if self.line is not None or self._handed is not None or claim is None:
            return ""
        if self._asking is not None:
            return f"{claim.who} has been asked for the console: wait until it lets go."
        if time.monotonic() - self._offered_at > _OFFER_LASTS:
            self._offered_at = time.monotonic()
            return f"{claim.who} holds this console, and it serves one at a time. Once more asks for it."
        self._asking = threading.Event()
        request(self._asking)
        return f"{claim.who} is asked for the console."

    async def ask(self, vm: VMStatus, cancel: threading.Event, *, wanted: Callable[[], bool]) -> bool:
        """Ask for a machine's console; gives whether it is ours now, which it isn't when it is no longer `wanted`.

        Raises `Cancelled`, and any other `VMError` for the user to see.
        """
        try:
            held = await in_thread(lambda: ask(vm.files, self._who, cancel=cancel), name="console-ask")
        finally:
            if self._asking is cancel:
                self._asking = None
        if cancel.is_set() or self._gone or not wanted():
            held.release()
            return False
        self._handed = held
        return True

    def withdraw_offer(self) -> None:
        """The next try to type is a first one again."""
        self._offered_at = -_OFFER_LASTS

    def stop_asking(self) -> None:
        """Ask nobody any more, and want nothing that was handed over."""
        if self._asking is not None:
            self._asking.set()
            self._asking = None
        self._give_back()

    def _give_back(self) -> None:
        if self._handed is not None:
            self._handed.release()
            self._handed = None
