"""A guest's boot in the console, after one that left the terminal in another state."""

import pytest

from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.terminal import Terminal
from tests.conftest import Workspace
from tests.guest.tiny import READY, TinyGuest
from tests.security.support import BOOT, printing, started, typing
from tests.terminal.support import HOSTILE
from tests.tui.widgets.console.support import PanelApp, show
from tests.waiting import until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(600)]

OLD = "the old boot"
ALTERNATE_SCREEN = b"\x1b[?1049h"


async def leave_hostile(app: PanelApp) -> None:
    """Have the guest's shell do what it can to the terminal, on the other screen."""
    await until(lambda: app.shows("root@tiny:"), what="the prompt", seconds=BOOT)
    assert app.panel.enter() == ""
    await until(lambda: app.panel.connected and app.panel.typing, what="the console")
    assert app.panel.view is not None
    command = f"echo {OLD}; {printing(HOSTILE.encode() + ALTERNATE_SCREEN)}"
    await until(typing(app.panel.view.send, command, lambda: changed(app)), what="a hostile guest", seconds=BOOT)


def changed(app: PanelApp) -> bool:
    """Whether the terminal is not as at its start."""
    assert app.panel.view is not None
    modes = app.panel.view.terminal.modes
    return modes.alternate_screen and modes.insert and modes.origin and not modes.auto_wrap


async def boot_is_readable(app: PanelApp) -> None:
    """Wait for the guest to be at its prompt, and for its text in letters and whole lines."""
    await until(lambda: app.shows(READY) and app.shows("root@tiny:"), what="another boot", seconds=BOOT)
    assert app.panel.view is not None
    terminal = app.panel.view.terminal
    assert terminal.modes == Terminal(80, 24).modes
    assert (terminal.title, dict(terminal.palette), dict(terminal.default_colors)) == ("", {}, {})
    text = terminal.text((0, 0), (len(terminal.scrollback) + terminal.lines, 0))
    assert OLD in text.partition(READY)[2].partition(READY)[0]  # what was there before is there still


@pytest.mark.parametrize("how", ["reset", "reboot -f", "sysrq"])
async def test_the_next_boot_is_readable(workspace: Workspace, tiny_guest: TinyGuest, how: str) -> None:
    app = PanelApp()
    with started(workspace, tiny_guest) as cluster:
        vm = cluster.status()
        assert vm is not None
        async with app.run_test(size=(100, 30)):
            show(app, vm)
            await leave_hostile(app)
            await begin_another(app, cluster, how)
            await boot_is_readable(app)
        again = PanelApp()  # and so it is for who comes later, and sees all of it replayed
        async with again.run_test(size=(100, 30)):
            show(again, vm)
            await boot_is_readable(again)


async def begin_another(app: PanelApp, cluster: Cluster, how: str) -> None:
    """Boot the guest once more, in the same QEMU."""
    view = app.panel.view
    assert view is not None
    if how == "reset":
        cluster.reset()
    else:
        command = "echo b >/proc/sysrq-trigger" if how == "sysrq" else how
        await until(typing(view.send, command, lambda: not changed(app)), what="the end of the boot", seconds=BOOT)
