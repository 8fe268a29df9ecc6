"""A console's text in a file, and what no key sends: what becomes of the dialogs' answers."""

import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.recording.store import begin
from podplane_tui.tui.messages import Noted
from podplane_tui.tui.screens.console_dialogs import save_console, send_to_guest
from podplane_tui.tui.screens.save import SaveDialog
from podplane_tui.tui.screens.send import SendDialog
from podplane_tui.tui.state.events import Event, Level
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.widgets.console.panel import ConsolePanel
from podplane_tui.tui.widgets.marks import Choice
from podplane_tui.tui.widgets.terminal.view import TerminalView
from tests.conftest import Workspace
from tests.tui.widgets.console.support import machine, stopped
from tests.waiting import until

pytestmark = pytest.mark.slow


class ConsoleScreen(Screen[None]):
    """A console's view."""

    def compose(self) -> ComposeResult:
        yield TerminalView()


class DialogsApp(App[None]):
    """A screen with a console, and what was noted."""

    CSS_PATH = stylesheets()  # type: ignore[assignment] # Textual takes any sequence

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Event] = []
        self.serial = ConsoleScreen()

    def get_default_screen(self) -> Screen[None]:
        return self.serial

    def on_noted(self, message: Noted) -> None:
        self.noted.append(message.event)

    async def ask(self, dialog: type[Screen[Any]], work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin, and wait for the dialog."""
        self.run_worker(work())
        await until(lambda: isinstance(self.screen, dialog) and self.focused, what="the dialog")

    async def said(self) -> Event:
        await until(lambda: self.noted, what="how it went")
        [event] = self.noted
        return event


async def save(app: DialogsApp, pilot: Pilot[None], vm: VMStatus, path: Path, *, raw: bool = False) -> Event:
    """Save the console of `vm` there; gives what is said of it."""
    view = app.serial.query_one(TerminalView)
    await app.ask(SaveDialog, lambda: save_console(app.serial, view, vm))
    if raw:
        list(app.screen.query(Choice))[1].value = True
    app.screen.query_one("#save-path", Input).value = str(path)
    await pilot.pause()
    await pilot.press("enter")
    return await app.said()


async def test_the_text_is_saved_with_what_has_scrolled_off(workspace: Workspace) -> None:
    app, path = DialogsApp(), workspace.root / "out.txt"
    async with app.run_test(size=(80, 24)) as pilot:
        app.serial.query_one(TerminalView).feed(b"".join(b"\x1b[31mline %d\x1b[m\r\n" % each for each in range(200)))
        event = await save(app, pilot, stopped(workspace, "a"), path)
    assert path.read_text() == "".join(f"line {each}\n" for each in range(200))
    assert path.stat().st_mode & 0o777 == 0o600
    assert event.level is Level.GOOD
    assert event.text.startswith("saved the console of a as ")


async def test_raw_is_every_byte_of_the_last_recording(workspace: Workspace) -> None:
    vm = stopped(workspace, "a")
    begin(vm.files).write_bytes(b"\x1b[31mfirst\xff\r\n")
    app, path = DialogsApp(), workspace.root / "out.raw"
    async with app.run_test(size=(80, 24)) as pilot:
        event = await save(app, pilot, vm, path, raw=True)
    assert event.level is Level.GOOD
    assert path.read_bytes() == b"\x1b[31mfirst\xff\r\n"


async def test_a_file_that_can_not_be_written_is_said_with_the_reason(workspace: Workspace) -> None:
    app, path = DialogsApp(), workspace.root / "file" / "out.txt"
    path.parent.touch()
    async with app.run_test(size=(80, 24)) as pilot:
        event = await save(app, pilot, stopped(workspace, "a"), path)
    assert event.level is Level.BAD
    assert event.text.startswith("the console of a was not saved: ")
    assert "ot a directory" in event.text


async def test_a_file_that_came_since_the_question_stays(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app, path = DialogsApp(), workspace.root / "out.txt"
    answer = SaveDialog.answer

    def late(dialog: SaveDialog) -> object:
        found = answer(dialog)
        path.write_text("somebody else's")
        return found

    monkeypatch.setattr(SaveDialog, "answer", late)
    async with app.run_test(size=(80, 24)) as pilot:
        event = await save(app, pilot, stopped(workspace, "a"), path)
    assert "a file of that name exists" in event.text
    assert event.level is Level.BAD
    assert path.read_text() == "somebody else's"


async def test_keys_for_a_vm_that_does_not_listen_are_said_not_to_be_sent(workspace: Workspace) -> None:
    vm = replace(machine(workspace, "a"), pid=os.getpid(), qmp=workspace.runtime / "none.sock")
    app = DialogsApp()
    async with app.run_test(size=(100, 40)) as pilot:
        await app.ask(SendDialog, lambda: send_to_guest(app.serial, ConsolePanel(), vm))
        await pilot.press("home", "enter")  # without a view nothing can be typed: the first is Ctrl-Alt-Del
        event = await app.said()
    assert event.text.startswith("Ctrl-Alt-Del was not sent to a: ")
    assert event.level is Level.BAD


async def test_who_leaves_a_dialog_does_nothing(workspace: Workspace) -> None:
    vm, app = machine(workspace, "a"), DialogsApp()
    async with app.run_test(size=(100, 40)) as pilot:
        view = app.serial.query_one(TerminalView)
        for dialog, work in (
            (SaveDialog, lambda: save_console(app.serial, view, vm)),
            (SendDialog, lambda: send_to_guest(app.serial, ConsolePanel(), vm)),
        ):
            await app.ask(dialog, work)
            await pilot.press("escape")
            await until(lambda: app.screen is app.serial, what="the end of the dialog")
        await until(lambda: all(worker.is_finished for worker in app.workers), what="the end of it all")
        await pilot.pause()
        assert app.noted == []
