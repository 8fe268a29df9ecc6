"""Pipes where the terminal would be: how the dashboard of a browser tab talks to the server."""

import contextlib

from textual import events, messages
from textual.drivers.web_driver import WebDriver


class PipeDriver(WebDriver):
    """Textual's driver for browsers, with the focus from the start, and leaving when the server does."""

    def start_application_mode(self) -> None:
        """Start with the focus, for the page takes it. Textual's driver waits to be told, which may come before it."""
        super().start_application_mode()
        self._app.call_later(self._app.post_message, events.AppFocus())

    def run_input_thread(self) -> None:
        """Read until the end of the input: after it nobody could say any more that this should end."""
        super().run_input_thread()
        self._app.post_message(messages.ExitApp())

    def write(self, data: str) -> None:
        """Write what is shown; when nobody is there to read it, nothing is lost by it."""
        with contextlib.suppress(BrokenPipeError):
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        """Write something about the dashboard."""
        with contextlib.suppress(BrokenPipeError):
            super().write_meta(data)
