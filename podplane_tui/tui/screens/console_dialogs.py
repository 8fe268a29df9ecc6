"""What can be done with a console beside typing: save its text, send what no key sends."""

from pathlib import Path

from textual.screen import Screen

from podplane_tui.backend.core.errors import QMPError
from podplane_tui.backend.core.files import explain_os_error, write_atomic
from podplane_tui.backend.core.format import format_path, format_size
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.qemu import qmp, send_key
from podplane_tui.backend.recording.store import current_recording, recordings
from podplane_tui.tui.messages import Noted
from podplane_tui.tui.screens.save import SaveDialog, SaveRequest
from podplane_tui.tui.screens.send import SendDialog
from podplane_tui.tui.state.events import Level, event
from podplane_tui.tui.threads import AtExit, in_thread
from podplane_tui.tui.widgets.console.panel import ConsolePanel
from podplane_tui.tui.widgets.terminal.view import TerminalView


async def save_console(screen: Screen[None], view: TerminalView, vm: VMStatus) -> None:
    """Ask where, and write it there."""
    path = Path.cwd() / f"{vm.cluster_id}-console.txt"
    recorded = await in_thread(lambda: _recording(vm) is not None, name="recording")
    request = await screen.app.push_screen_wait(SaveDialog(name=vm.cluster_id, path=path, recorded=recorded))
    if request is None:
        return
    terminal = view.terminal
    text = terminal.text((0, 0), (len(terminal.scrollback) + terminal.lines, 0)).rstrip("\n") + "\n"
    try:
        size = await in_thread(lambda: _save(request, text, vm), name="save-console", at_exit=AtExit.FINISH)
    except OSError as error:
        words = f"the console of {vm.cluster_id} was not saved: {explain_os_error(error)}"
        screen.post_message(Noted(event(words, Level.BAD)))
    else:
        words = f"saved the console of {vm.cluster_id} as {format_path(request.path)} ({format_size(size)})"
        screen.post_message(Noted(event(words, Level.GOOD)))


def _recording(vm: VMStatus) -> Path | None:
    recording = current_recording(vm) if vm.live else next(iter(recordings(vm.files)), None)
    return None if recording is None else recording.path


def _save(request: SaveRequest, text: str, vm: VMStatus) -> int:
    """Write the file; gives its size. Raises OSError."""
    content = text.encode()
    if request.raw:
        path = _recording(vm)
        if path is None:
            raise FileNotFoundError(2, "the recording is gone")
        content = path.read_bytes()
    if request.path.exists() and not request.replace:  # it has come into being since the question
        raise FileExistsError(17, "a file of that name exists", str(request.path))
    write_atomic(request.path, content, mode=0o600)
    return len(content)


async def send_to_guest(screen: Screen[None], panel: ConsolePanel, vm: VMStatus) -> None:
    """Ask what, and send it."""
    view = panel.view
    columns, lines = (view.terminal.columns, view.terminal.lines) if view is not None else (80, 24)
    dialog = SendDialog(
        name=vm.cluster_id,
        columns=columns,
        lines=lines,
        attached=view is not None and vm.live,
        keyboard=vm.live and vm.qmp is not None,
    )
    sending = await screen.app.push_screen_wait(dialog)
    if sending is None:
        return
    words, level = f"sent {sending.name} to {vm.cluster_id}", Level.INFO
    if sending.text:
        reason = panel.enter()
        if reason or view is None:
            words, level = f"{sending.name} was not sent to {vm.cluster_id}: {reason}", Level.BAD
        else:
            view.send(sending.text.encode())
    elif vm.pid is not None and (control := qmp.ControlSocket.of(vm.qmp, vm.pid)) is not None:
        try:
            await in_thread(lambda: send_key.press(control, sending.keys), name="send-key")
        except QMPError as error:
            words, level = f"{sending.name} was not sent to {vm.cluster_id}: {error}", Level.BAD
    screen.post_message(Noted(event(words, level)))
