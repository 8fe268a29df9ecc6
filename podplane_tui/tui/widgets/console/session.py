"""A VM's console in this program's hands: connected to, let go of, asked for where another program holds it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from podplane_tui.backend.console.claim import Claim, Held, ask, own_name, take
from podplane_tui.backend.console.client import ConsoleLine, LineEvents, open_line
from podplane_tui.backend.core.errors import Cancelled, VMError
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import Recording, current_recording
from podplane_tui.tui.threads import in_thread


class ConsoleHold:
    """At most one console, held to type and to record.

    What is passed is called in the event loop: `printed` with the VM's key and what is not on record, `asked` when
    another program asks for the console, `closed` when the VM has closed it.
    """

    def __init__(
        self, *, printed: Callable[[str, bytes], None], asked: Callable[[Claim], None], closed: Callable[[], None]
    ) -> None:
        self._who = own_name("the dashboard")
        self._printed = printed
        self._asked = asked
        self._closed = closed
        self._line: ConsoleLine | None = None
        """The console held."""
        self._handed: Held | None = None
        """The console, handed over to us and not connected yet."""
        self._request: threading.Event | None = None
        """Cancels the asking under way."""
        self._gone = False
        self._untaken = 0

    def take_untaken(self) -> int:
        """Bytes that were typed and that no guest has taken, since this was asked last."""
        untaken, self._untaken = self._untaken, 0
        return untaken

    async def connect(self, vm: VMStatus) -> tuple[ConsoleLine, Recording | None]:
        """Hold a VM's console; gives it with what is on record of this run by then. Raises `VMError`."""
        held, self._handed = self._handed, None
        loop = asyncio.get_running_loop()
        opened: list[ConsoleLine] = []
        given_up = threading.Event()
        try:
            recording = await in_thread(lambda: self._open(vm, held, loop, opened, given_up), name="console-line")
        except BaseException:
            given_up.set()
            for line in opened:  # cancelled when it was open already
                threading.Thread(target=line.close, name="console-close").start()
            raise
        (line,) = opened
        self._line = line
        loop.call_soon(self._line_closed)  # it may have ended before it was in hand here, and so unheard
        return line, recording

    def _open(
        self,
        vm: VMStatus,
        held: Held | None,
        loop: asyncio.AbstractEventLoop,
        opened: list[ConsoleLine],
        given_up: threading.Event,
    ) -> Recording | None:
        """Put the console into `opened`, and give what is on record then. For a thread."""

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
        return current_recording(vm)

    def _line_closed(self) -> None:
        if self._line is None or not self._line.over:  # told late, of one before
            return
        self._untaken += self._line.untaken
        self._line = None
        self._closed()

    async def close(self) -> None:
        """Let go of the console, and of one that was handed over."""
        line, self._line = self._line, None
        self._give_back()
        if line is not None:
            await in_thread(line.close, name="console-close")
            self._untaken += line.untaken

    async def end(self) -> None:
        """Let go of everything, for good."""
        self._gone = True
        self.stop_asking()
        await self.close()

    # One holder at a time

    def new_request(self) -> threading.Event:
        """Begin to ask: pass what is returned to `ask`. `stop_asking` sets it."""
        self._request = threading.Event()
        return self._request

    async def ask(self, vm: VMStatus, request: threading.Event) -> None:
        """Ask for a VM's console; when this returns, it is ours to connect.

        Raises `Cancelled` when it is no longer asked for, and any other `VMError` for the user to see.
        """
        try:
            held = await in_thread(lambda: ask(vm.files, self._who, cancel=request), name="console-ask")
        except VMError as error:
            if request.is_set():
                raise Cancelled(error.problem, hint=error.hint) from error
            raise
        finally:
            if self._request is request:
                self._request = None
        if request.is_set():
            held.release()
            raise Cancelled("the request for the console was cancelled", hint="ask again to type")
        self._handed = held

    def stop_asking(self) -> None:
        """Ask nobody any more, and want nothing that was handed over."""
        if self._request is not None:
            self._request.set()
            self._request = None
        self._give_back()

    def _give_back(self) -> None:
        if self._handed is not None:
            self._handed.release()
            self._handed = None
