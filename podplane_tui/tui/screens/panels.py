"""A screen with panels below: what their keys do. Each panel, and each dialog, is imported when it is first wanted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual import work
from textual.reactive import var
from textual.screen import Screen

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.widgets.tabs import TabBox
from podplane_tui.tui.widgets.vm_list.table import VMTable

if TYPE_CHECKING:
    from podplane_tui.tui.widgets.boot.panel import BootPanel
    from podplane_tui.tui.widgets.details.panel import DetailsPanel
    from podplane_tui.tui.widgets.terminal.view import TerminalView

_COPY_LIMIT = 120


class PanelScreen(Screen[None]):
    """Has a list of machines, `table`, and `tabs` about `vm`, the selected one; `tab` is the panel in view."""

    vm: var[VMStatus | None] = var(None)
    tab: var[str] = var("console")

    def __init__(self, table: VMTable) -> None:
        super().__init__()
        self.table = table
        self.tabs = TabBox(arch=table.arch)

    async def action_show_tab(self, name: str) -> None:
        """Show one of the panels; go into it when it is shown already."""
        if self.tab == name:
            await self.action_enter()
        self.tab = name

    async def action_enter_tab(self, name: str) -> None:
        """Show one of the panels and give it the keys."""
        self.tab = name
        await self.action_enter()

    async def action_enter(self) -> None:
        """Give the panel in view the keys."""
        reason = await self.tabs.enter()
        if reason and self.vm is not None:
            self.notify(reason, severity="warning", markup=False)

    async def action_find(self) -> None:
        """Search the console's text."""
        from podplane_tui.tui.widgets.console.panel import ConsolePanel  # noqa: PLC0415

        self.tab = "console"
        if self.vm is not None and (reason := (await self.tabs.open(ConsolePanel)).find()):
            self.notify(reason, severity="warning", markup=False)

    def on_terminal_search_closed(self) -> None:
        """Back to the list."""
        self.table.focus()

    def on_details_panel_copy_requested(self, event: DetailsPanel.CopyRequested) -> None:
        """Copy a line of the details."""
        event.stop()
        self._copy(event.text)

    @work(exclusive=True, group="copy")
    async def action_copy_ssh(self) -> None:
        """Copy the command that logs in."""
        from podplane_tui.backend.vm.endpoint import learn_host_keys  # noqa: PLC0415
        from podplane_tui.tui.widgets.details.lines import ssh_command  # noqa: PLC0415

        vm = self.vm
        if vm is None or vm.ports.ssh is None:
            self.notify("No SSH port is forwarded to this VM.", severity="warning", markup=False)
            return

        def make() -> str:
            learn_host_keys(vm.files)
            return ssh_command(vm)

        try:
            self._copy(await in_thread(make, name="ssh-command"))
        except VMError as error:
            self.notify(one_line(str(error), limit=400), severity="warning", markup=False, timeout=10)

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(one_line(text, limit=_COPY_LIMIT), title="Copied", timeout=3, markup=False)

    @work(exclusive=True, group="dialog")
    async def action_save_console(self) -> None:
        """Write the console's text to a file."""
        from podplane_tui.tui.screens.console_dialogs import save_console  # noqa: PLC0415
        from podplane_tui.tui.widgets.console.panel import ConsolePanel  # noqa: PLC0415

        view = (await self.tabs.open(ConsolePanel)).view
        if self.vm is None or view is None:
            self.notify("There is no console to save yet.", severity="warning", markup=False)
        else:
            await save_console(self, view, self.vm)

    @work(exclusive=True, group="dialog")
    async def action_send(self) -> None:
        """Send what no key sends."""
        from podplane_tui.tui.screens.console_dialogs import send_to_guest  # noqa: PLC0415
        from podplane_tui.tui.widgets.console.panel import ConsolePanel  # noqa: PLC0415

        if self.vm is None or not self.vm.live:
            self.notify("Nothing runs here that could be sent anything.", severity="warning", markup=False)
        else:
            await send_to_guest(self, await self.tabs.open(ConsolePanel), self.vm)

    def on_terminal_view_typing_changed(self, event: TerminalView.TypingChanged) -> None:
        """Keys go to a guest, or to the dashboard again."""
        event.stop()
        self.set_class(event.typing, "-typing")
        self._leave(event.view)

    def _leave(self, view: TerminalView) -> None:
        """Back to the list from a terminal that is no longer typed into, once nobody tries to any more."""
        if view.typing or self.focused is not view:
            return
        if view.deaf_for:
            self.set_timer(view.deaf_for, partial(self._leave, view))
        else:
            self.table.focus()

    async def action_shell(self, what: str) -> None:
        """Open one more shell, show the one before or after it, or close it."""
        from podplane_tui.tui.widgets.shell_panel import ShellPanel  # noqa: PLC0415

        self.tab = "shell"
        panel = await self.tabs.open(ShellPanel)
        if what == "new" and (reason := panel.add()):
            self.notify(reason, severity="warning", markup=False)
        elif what == "close":
            panel.close_shell()
        elif what in {"previous", "next"}:
            panel.step(1 if what == "next" else -1)

    @work(exclusive=True, group="ssh")
    async def action_ssh(self) -> None:
        """Give the whole terminal to ssh, until it ends."""
        from podplane_tui.tui.screens.full_ssh import hand_over  # noqa: PLC0415

        if self.vm is None:
            return
        try:
            await hand_over(self.app, self.vm.files, before=self.release_console)
        except VMError as error:
            self.notify(one_line(str(error), limit=400), severity="warning", markup=False, timeout=10)

    async def action_step_boot(self, by: int) -> None:
        """Show the boot that many further back."""
        from podplane_tui.tui.widgets.boot.panel import BootPanel  # noqa: PLC0415

        if self.tab == "boot":
            (await self.tabs.open(BootPanel)).step(by)
        self.tab = "boot"

    async def on_boot_panel_jump_requested(self, event: BootPanel.JumpRequested) -> None:
        """Show a line of a recording."""
        from podplane_tui.tui.widgets.console.panel import ConsolePanel  # noqa: PLC0415

        event.stop()
        self.tab = "console"
        (await self.tabs.open(ConsolePanel)).show_recorded(event.recording, event.offset)

    async def release_console(self) -> None:
        """Let go of the console before the program is suspended; it comes back with the program."""
        from podplane_tui.tui.widgets.console.panel import ConsolePanel  # noqa: PLC0415

        if (console := self.tabs.find(ConsolePanel)) is not None:
            await console.release()
