"""The whole terminal for OpenSSH, with the dashboard suspended meanwhile."""

from collections.abc import Awaitable, Callable

from textual.app import App, SuspendNotSupported

from podplane_tui.backend.core.errors import Unsupported
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.facts import require_program
from podplane_tui.backend.ssh.client import FAILED, connect, interactive
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.widgets.streams.ssh import target_of


async def hand_over(app: App[object], files: VMFiles, *, before: Callable[[], Awaitable[None]]) -> None:
    """Run ssh on the machine in this terminal, after `before`. Raises `VMError` when it could not be reached."""
    if app.is_web:
        raise Unsupported("a browser has no terminal to give to ssh", hint="use the Shell tab (3)")
    target = await in_thread(lambda: target_of(files), name="ssh-target")
    require_program("ssh")
    await before()
    try:
        with app.suspend():
            print(f"ssh {target.user}@{files.cluster_id}: its end leads back to the dashboard", flush=True)  # noqa: T201 - the terminal is ours
            code = interactive(target)
    except SuspendNotSupported as error:
        raise Unsupported("this terminal can't be given to another program", hint="use the Shell tab") from error
    if code == FAILED:
        await in_thread(lambda: connect(target).close(), name="ssh-why")  # says why, if it still can't
