"""The terminal widget: a terminal on the screen, fed from a source of bytes, its keys sent to a sink."""

import asyncio
from time import monotonic
from typing import ClassVar, Literal

from textual import events
from textual.binding import BindingType
from textual.geometry import Offset
from textual.reactive import reactive

from podplane_tui.backend.core.format import count, format_size
from podplane_tui.terminal import Terminal
from podplane_tui.terminal.input import MouseReport, encode_focus, encode_key, encode_mouse, encode_paste
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name, keys_of
from podplane_tui.tui.widgets.streams.base import ByteSink, ByteSource
from podplane_tui.tui.widgets.terminal.display import WHEEL_LINES, DisplayMessage, TerminalDisplay
from podplane_tui.tui.widgets.terminal.slices import slices

READ_SIZE = 65_536
SLICE_TIME = 0.002
"""Seconds of parsing before other tasks get the event loop."""
SLICE_TURNS = 4
"""Turns they get then: a key passes the queues of app and widget on its way to the guest, and each takes one or two."""
NOTICE_TIME = 0.5
"""Seconds without a key after which whoever typed has noticed that typing ended by itself."""
REPLY_BACKLOG = 65_536
"""Bytes waiting to be sent above which replies are dropped: a guest that asks and never reads must not fill memory."""
REFUSAL_LASTS = 5.0
"""Seconds after a word about what was not sent before there is another one."""
END_SYNCHRONIZED = b"\x1b[?2026l"


class TerminalView(TerminalDisplay):
    """Shows what a source of bytes says, live or replayed, and lets the user type into a sink, where there is one.

    While ``typing`` is on, every key goes to the guest, those bound by screen and app too; Ctrl+] ends it. When it ends
    otherwise, what is still typed goes nowhere: it was meant for the guest, not for whoever binds it here. Shift+PgUp,
    PgDn, Home and End scroll back in either state, as xterm keeps them for itself; on the alternate screen, which has
    nothing above it, they are the guest's. Shift with the mouse selects when the guest has taken the mouse.

    What is attached is read to its end without pause, whether the widget is in view or not. All of it is parsed; frames
    are what is left out when it comes faster than it can be painted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.TERMINAL]

    typing = reactive(False, repaint=False)
    """Keys go to the guest."""
    attached = reactive(False, repaint=False)
    """A source is open. One that has ended by itself leaves the class ``-detached`` until there is another."""

    class Attached(DisplayMessage):
        """The source is open."""

        def __init__(self, view: "TerminalView", source: ByteSource) -> None:
            super().__init__(view)
            self.source = source

    class Detached(DisplayMessage):
        """The source ended by itself or could not be opened; ``error`` says why, None for an ordinary end."""

        def __init__(self, view: "TerminalView", source: ByteSource, error: OSError | None) -> None:
            super().__init__(view)
            self.source = source
            self.error = error

    class TypingChanged(DisplayMessage):
        """Typing began or ended."""

        view: "TerminalView"

        def __init__(self, view: "TerminalView", *, typing: bool) -> None:
            super().__init__(view)
            self.typing = typing

    def __init__(
        self,
        terminal: Terminal | None = None,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(terminal, name=name, id=id, classes=classes)
        self.source: ByteSource | None = None
        self._sink: ByteSink | None = None
        self._reader: asyncio.Task[None] | None = None
        self._sized = asyncio.Event()
        """It has its place on the screen: what comes before would be wrapped for another width, and once more then."""
        self._refused_at = 0.0
        self._deaf_until = 0.0
        self._typed_at = 0.0
        self._mouse_cell: Offset | None = None

    @property
    def cursor_active(self) -> bool:
        return self.typing and self.has_focus

    @property
    def deaf_for(self) -> float:
        """Seconds for which keys are dropped, unless more of them come: typing has just ended under them."""
        return 0.0 if self.typing else max(0.0, self._deaf_until - monotonic())

    @property
    def idle(self) -> float:
        """Seconds since the user has sent something to the guest, or has begun to type. Answers do not count."""
        return monotonic() - self._typed_at

    @property
    def backlog(self) -> int:
        """Bytes that were typed and not taken yet."""
        return 0 if self._sink is None else self._sink.backlog

    # Source and sink

    async def attach(self, source: ByteSource, sink: ByteSink | None = None) -> None:
        """Read a source from now on, and type into a sink, in place of those before.

        The source opens in the background: see the messages. Without a sink, what is typed goes nowhere, and nothing
        is answered. Pass the same object twice for what is both.
        """
        await self.detach()
        self.source, self._sink = source, sink
        self.resized(self.terminal.columns, self.terminal.lines)
        self._reader = asyncio.create_task(self._read(source), name=f"reader of {source.name}")
        self._reader.add_done_callback(self._reader_done)

    async def detach(self) -> None:
        """Close the source and let go of the sink; what is shown stays."""
        reader, self._reader = self._reader, None
        source, self.source, self._sink = self.source, None, None
        if reader is not None:
            reader.cancel()
            await asyncio.wait([reader])
        if source is not None:
            await source.close()
        self.attached = False

    def reset(self) -> None:
        """Start anew with an empty terminal of the same size, scrollback gone."""
        self.show(Terminal(self.terminal.columns, self.terminal.lines, resizable=False))

    def feed(self, data: bytes) -> None:
        """Show bytes as if the guest had sent them; replies go to the sink when the source wants them."""
        done = data.rfind(END_SYNCHRONIZED) + len(END_SYNCHRONIZED)
        if done >= len(END_SYNCHRONIZED) and done < len(
            data
        ):  # a whole picture: paint that, not the next one half done
            self.feed(data[:done])
            data = data[done:]
        reply, source, sink = self.terminal.feed(data), self.source, self._sink
        if reply and source is not None and source.answers and sink is not None and sink.backlog < REPLY_BACKLOG:
            sink.write(reply)
        self.content_changed()

    def send(self, data: bytes) -> None:
        """Send bytes to the guest as if typed."""
        if self._sink is not None and data:
            now = self._last_key = self._typed_at = monotonic()
            if not self._sink.write(data) and now - self._refused_at > REFUSAL_LASTS:
                self._refused_at = now
                waiting = f"{format_size(self._sink.backlog)} still wait to be taken"
                self.notify(f"{count(len(data), 'byte')} not sent: {waiting}.", severity="warning", markup=False)

    async def _read(self, source: ByteSource) -> None:
        error: OSError | None = None
        try:
            await source.open()
            self.attached = True
            self.remove_class("-detached")
            self.post_message(self.Attached(self, source))
            await self._sized.wait()
            yielded = monotonic()
            while data := await source.read(READ_SIZE):
                for part in slices(data):
                    self.feed(part)
                    if monotonic() - yielded > SLICE_TIME:
                        for _ in range(SLICE_TURNS):
                            await asyncio.sleep(0)
                        yielded = monotonic()
        except OSError as reason:
            error = reason
        await source.close()
        self.source = self._sink = None
        self.attached = False
        self.add_class("-detached")
        self.typing = False
        self.post_message(self.Detached(self, source, error))

    def _reader_done(self, reader: asyncio.Task[None]) -> None:
        """A fault of ours must not go unseen because it happened in a task."""
        if not reader.cancelled() and (fault := reader.exception()) is not None:

            def fail() -> None:
                raise fault

            self.call_later(fail)

    async def on_unmount(self) -> None:
        await self.detach()

    def on_resize(self, event: events.Resize) -> None:
        if event.size:
            self._sized.set()

    def resized(self, columns: int, lines: int) -> None:
        if self._sink is not None:
            self._sink.resize(columns, lines)

    # Keys

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """While typing, and a moment longer, no binding of screen or app gets a key, priority or not."""
        return self.typing or self.deaf_for > 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "type":
            return not self.typing
        if action == "stop_typing":
            return self.typing
        return True

    def watch_typing(self) -> None:
        self.set_class(self.typing, "-typing")
        if self.typing:
            self._typed_at = monotonic()
            if not self.has_focus:
                self.focus()
        self._deaf_until = self._last_key + NOTICE_TIME
        self.refresh_bindings()
        if self.is_mounted:
            self.post_message(self.TypingChanged(self, typing=self.typing))
            self.content_changed()

    def action_type(self) -> None:
        self.typing = True

    def action_stop_typing(self) -> None:
        self._last_key = 0.0  # who ends it knows where the next key goes
        self.typing = False

    def on_key(self, event: events.Key) -> None:
        if not (self.typing or self.deaf_for):
            return
        event.stop()
        event.prevent_default()
        if not self.typing:
            self._deaf_until = monotonic() + NOTICE_TIME
            return
        if event.key in keys_of(self, "terminal.stop_typing"):
            self.action_stop_typing()
            return
        if not self.terminal.modes.alternate_screen and self._scroll_key(event.key):
            return
        data = encode_key(event.key, event.character, self.terminal.modes)
        if data is not None:
            self.action_follow()
            self.send(data)

    def _scroll_key(self, key: str) -> bool:
        match key:
            case "shift+pageup":
                self.action_scroll_pages(-1)
            case "shift+pagedown":
                self.action_scroll_pages(1)
            case "shift+home":
                self.action_scroll_oldest()
            case "shift+end":
                self.action_follow()
            case _:
                return False
        return True

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if self.typing:
            self.action_follow()
            self.send(encode_paste(event.text, self.terminal.modes))
        elif self._sink is not None:
            begin = key_name(self, "terminal.type")
            self.notify(f"Nothing pasted: press {begin} to type first.", severity="warning", markup=False)

    def on_focus(self) -> None:
        self._focus_changed(gained=True)

    def on_blur(self) -> None:
        self._focus_changed(gained=False)
        if self.app.app_focus:  # else the user only looks at another window
            self.typing = False

    def _focus_changed(self, *, gained: bool) -> None:
        if self.typing:
            self.send(encode_focus(gained=gained, modes=self.terminal.modes) or b"")
        self.content_changed()

    # Mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._report_mouse("press", event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._anchor is None:
            self._report_mouse("release", event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._anchor is None:
            self._report_mouse("move", event)

    def on_click(self, event: events.Click) -> None:
        if self._mouse_is_guests(event):
            event.prevent_default()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, button=4, key="up")

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, button=5, key="down")

    def _wheel(self, event: events.MouseEvent, *, button: int, key: str) -> None:
        modes = self.terminal.modes
        if self._report_mouse("wheel", event, button=button):
            return
        if self.typing and modes.alternate_screen and modes.alternate_scroll:
            self.send((encode_key(key, None, modes) or b"") * WHEEL_LINES)

    def _mouse_is_guests(self, event: events.MouseEvent) -> bool:
        return self.typing and bool(self.terminal.modes.mouse) and not event.shift

    def _report_mouse(
        self, kind: Literal["press", "release", "move", "wheel"], event: events.MouseEvent, *, button: int | None = None
    ) -> bool:
        """Send a mouse report if the guest wants the mouse; True when the event is the guest's."""
        if not self._mouse_is_guests(event):
            return False
        event.stop()
        event.prevent_default()
        cell = event.get_content_offset(self)
        if cell is None or (kind == "move" and cell == self._mouse_cell):
            return True
        self._mouse_cell = cell
        number = event.button if button is None else button
        report = MouseReport(kind, number, *cell, shift=event.shift, alt=event.meta, ctrl=event.ctrl)
        self.send(encode_mouse(report, self.terminal.modes) or b"")
        return True
