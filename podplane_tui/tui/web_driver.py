"""Pipes where the terminal would be: how the dashboard of a browser tab talks to the server."""

import contextlib

from textual import events, messages
from textual.drivers._byte_stream import ByteStream
from textual.drivers.web_driver import WebDriver, _ExitInput

from podplane_tui.tui.input.parser import InputParser


class PipeDriver(WebDriver):
    """Textual's driver for browsers, with the focus from the start, and leaving when the server does."""

    def start_application_mode(self) -> None:
        """Start with the focus, for the page takes it. Textual's driver waits to be told, which may come before it."""
        super().start_application_mode()
        self._app.call_later(self._app.post_message, events.AppFocus())

    def run_input_thread(self) -> None:
        """Read until the end of the input: after it nobody could say any more that this should end."""
        try:
            self._read_packets(InputParser(debug=self._debug))
        finally:
            self._input_reader.close()
            self._app.post_message(messages.ExitApp())

    def _read_packets(self, parser: InputParser) -> None:
        packets = ByteStream()
        with contextlib.suppress(_ExitInput):
            for data in self._input_reader:
                for kind, payload in packets.feed(data) if data else ():
                    if kind == "D":
                        for message in parser.messages(payload):
                            self.process_message(message)
                    else:
                        self._on_meta(kind, payload)
                for message in parser.due_messages():
                    self.process_message(message)

    def write(self, data: str) -> None:
        """Write what is shown; when nobody is there to read it, nothing is lost by it."""
        with contextlib.suppress(BrokenPipeError):
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        """Write something about the dashboard."""
        with contextlib.suppress(BrokenPipeError):
            super().write_meta(data)
