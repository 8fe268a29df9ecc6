"""The driver of a browser tab, on pipes where the server would be."""

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest
from textual import events
from textual.app import App
from textual.drivers.web_driver import WebDriver

from podplane_tui.tui.web_driver import PipeDriver
from tests.waiting import until


class TabApp(App[None]):
    """Notes keys, and who has the focus."""

    def __init__(self) -> None:
        super().__init__(driver_class=PipeDriver)
        self.heard: list[str] = []

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.AppFocus | events.AppBlur):
            self.heard.append(type(event).__name__)
        elif isinstance(event, events.Key):
            self.heard.append(event.key)
        await super().on_event(event)


@pytest.fixture
def pipes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Standard input and output are pipes; gives the server's ends: what it writes to and what it reads from."""
    (stdin, keys), (shown, stdout) = os.pipe(), os.pipe()
    with os.fdopen(stdin) as our_input, os.fdopen(stdout, "w") as our_output:
        monkeypatch.setattr(sys, "__stdin__", our_input)
        monkeypatch.setattr(sys, "__stdout__", our_output)
        yield keys, shown
        for descriptor in (keys, shown):
            try:
                os.close(descriptor)
            except OSError:  # the test has closed it
                continue


def packet(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


async def test_what_is_written_goes_out_in_packets(pipes: tuple[int, int]) -> None:
    _, shown = pipes
    driver = PipeDriver(TabApp(), size=(80, 24))
    driver.write("tühi")
    driver.write_meta({"type": "bell"})
    assert os.read(shown, 1000) == packet(b"D", "tühi".encode()) + packet(b"M", b'{"type": "bell"}')


async def test_when_nobody_reads_any_more_nothing_is_lost_by_it(pipes: tuple[int, int]) -> None:
    _, shown = pipes
    driver = PipeDriver(TabApp(), size=(80, 24))
    os.close(shown)
    with pytest.raises(BrokenPipeError, match="Broken pipe"):
        WebDriver.write(driver, "to nobody")
    driver.write("to nobody")
    driver.write_meta({"type": "exit"})


async def test_it_has_the_focus_from_the_start_and_leaves_when_the_server_does(pipes: tuple[int, int]) -> None:
    keys, _ = pipes
    app = TabApp()
    running = asyncio.create_task(app.run_async())
    await until(lambda: "AppFocus" in app.heard, what="the focus")
    os.write(keys, packet(b"D", b"x"))
    await until(lambda: "x" in app.heard, what="a key")
    os.close(keys)
    await until(running.done, what="the end of the program")
    await running
    assert [each for each in app.heard if each.startswith("App")][-1] == "AppFocus"
