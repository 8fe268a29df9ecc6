"""What a terminal answers to text that a guest prints: at a root shell's prompt it is typed, and must be no command."""

from collections.abc import Callable

import pytest

from podplane_tui.backend.recording.store import current_recording
from podplane_tui.tui.widgets.terminal.view import TerminalView
from tests.backend.ssh.sshd import serve
from tests.conftest import Workspace
from tests.guest.tiny import TinyGuest
from tests.security.support import BOOT, printing, started, typing
from tests.tui.widgets.console.support import PanelApp, machine, show
from tests.tui.widgets.console.test_views import quick as quick  # noqa: PLC0414 - a fixture
from tests.tui.widgets.console.test_views import recorded
from tests.tui.widgets.test_shell_panel import PanelApp as ShellApp
from tests.waiting import until


def hostile(path: str) -> bytes:
    """A file that asks a terminal without care to type a command that makes `path`, and at last for what it is."""
    command = f"touch {path}"
    coded = command.encode().hex()
    return (
        f"\x1b]52;\r{command}\r;?\x07\x1b]52;\n{command}\n;?\x1b\\\x1b]52;c;\r{command}\r\x07\x1b]52;c;?\x07"
        f"\x1b]2;\r{command}\r\x07\x1b[21t\x1b]1;{command}\x07\x1b[20t\x1b[>0;1t\x1b]2;0d{coded}0d\x07\x1b[21t"
        f"\x1bP+q436F\r{command}\r;544e\x1b\\\x1bP+q43\n6F;54\r4e\x1b\\\x1bP$q\r{command}\r\x1b\\\x05"
        f"\x1b]4;1\r{command}\r;?\x07\x1b]10;?;\r{command}\r;?\x07\x1b G\x1b[c"
    ).encode()


def seen(view: TerminalView | None) -> str:
    """All its text."""
    if view is None:
        return ""
    terminal = view.terminal
    return terminal.text((0, 0), (len(terminal.scrollback) + terminal.lines, 0))


async def run_in(view: Callable[[], TerminalView | None], command: str, end: str) -> None:
    """Type a command, which may run twice, and wait for what it prints in the end."""
    shown = view()
    assert shown is not None
    await until(typing(shown.send, command, lambda: f"\n{end}" in seen(shown)), what=end, seconds=BOOT)


async def see_hostile_file(view: Callable[[], TerminalView | None], path: str) -> None:
    """Have the shell show the file; when it says `none`, the answers have come and have made nothing at `path`."""
    await run_in(view, f"{printing(hostile(path))} >/tmp/hostile; echo written$((40 + 2))", "written42")
    await run_in(view, "cat /tmp/hostile; echo shown$((40 + 2))", "shown42")
    await run_in(view, f"test -e {path} && echo made$((40 + 2)) || echo none$((40 + 2))", "none42")


@pytest.mark.vm
@pytest.mark.timeout(400)
async def test_a_file_that_root_sees_in_the_console_runs_nothing(workspace: Workspace, tiny_guest: TinyGuest) -> None:
    app = PanelApp()
    with started(workspace, tiny_guest) as cluster:
        vm = cluster.status()
        assert vm is not None
        async with app.run_test(size=(100, 30)):
            show(app, vm)
            await until(lambda: app.shows("root@tiny:"), what="the prompt", seconds=BOOT)
            assert app.panel.enter() == ""
            await until(lambda: app.panel.connected and app.panel.typing, what="the console")
            await see_hostile_file(lambda: app.panel.view, "/tmp/evil")
            recording = current_recording(vm)
            assert recording is not None
            # It was answered: the shell has echoed the end of what the terminal says it is.
            assert b"29c" in recording.path.read_bytes().rpartition(b"shown42")[2]


@pytest.mark.slow
async def test_a_file_that_is_seen_in_a_shell_runs_nothing(workspace: Workspace) -> None:
    with serve() as server:
        app = ShellApp(lambda _: server.target)
        async with app.run_test(size=(100, 30)):
            app.panel.vm = machine(workspace, "a")
            assert app.panel.enter() == ""
            await until(lambda: app.panel.shell and app.panel.shell.view.attached, what="the shell")

            def view() -> TerminalView | None:
                return None if app.panel.shell is None else app.panel.shell.view

            # While nobody types.
            await until(lambda: app.panel.typing, what="typing to begin")
            shown = view()
            assert shown is not None
            shown.typing = False
            await see_hostile_file(view, str(workspace.root / "evil"))
            assert not (workspace.root / "evil").exists()


@pytest.mark.slow
async def test_nothing_is_answered_while_a_recording_is_replayed(workspace: Workspace) -> None:
    """What is on record was asked of others, or is answered: also for who is connected, looks away, and comes back."""
    app = PanelApp()
    async with recorded(workspace, b"old\x1b[5n\x1b[c\x1b]10;?\x07") as (vm, guest), app.run_test(size=(80, 24)):
        show(app, vm)
        await until(lambda: app.shows("old"), what="what is on record")
        assert app.panel.enter() == ""
        await until(lambda: app.panel.connected and app.panel.typing, what="the console")
        guest.print(b"new\x1b[6n")
        await until(lambda: guest.received, what="an answer")
        assert guest.received == b"\x1b[1;7R"
        app.panel.in_view = False
        await until(lambda: app.panel.view and app.panel.view.source is None, what="nobody to look")
        guest.received = b""
        guest.print(b"unseen\x1b[5n")
        app.panel.in_view = True
        await until(lambda: app.shows("unseen"), what="what was not seen")
        assert app.panel.enter() == ""
        await until(lambda: app.panel.connected and app.panel.typing, what="the console")
        guest.print(b"end\x1b[c")
        await until(lambda: app.shows("end") and guest.received, what="an answer")
        assert guest.received.startswith(b"\x1b[?64;")
        assert guest.received.count(b"\x1b") == 1
