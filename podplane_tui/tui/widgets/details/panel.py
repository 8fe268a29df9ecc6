"""Everything known about the selected machine that does not fit into its row; every value can be copied."""

import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.reactive import var
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.qemu.diagnosis import port_holders
from podplane_tui.backend.runtime.ports import port_is_free
from podplane_tui.tui.state.history import History
from podplane_tui.tui.threads import in_thread_for
from podplane_tui.tui.widgets.base import Panel
from podplane_tui.tui.widgets.details.lines import FileFact, Line, describe, file_facts, ssh_command

_MARGIN = 4

_PORTS_INTERVAL = 5.0
"""Seconds between looks at which ports somebody listens on."""


class LineList(OptionList):
    """A list of which single lines change all the time: only those are made and painted anew."""

    def replace_line(self, index: int, prompt: Content) -> None:
        """What `replace_option_prompt_at_index` does to every line of the list."""
        option = self.get_option_at_index(index)
        if self._heights.get(index) != 1 or prompt.cell_length > self.scrollable_content_region.width:
            self.replace_option_prompt_at_index(index, prompt)  # the lines below may move
            return
        option._set_prompt(prompt)
        for key in [key for key in self._option_render_cache.keys() if key[0] is option]:  # noqa: SIM118 - no dict
            self._option_render_cache.discard(key)
        y = self._index_to_line[index] - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))


class DetailsPanel(Panel):
    """Shows `vm`, its last minutes from `history` and, while in view, its files on disk and who listens on its ports.

    Enter or a click on a line copies its value. `moment` is when it is that.
    """

    moment: var[float] = var(0.0, init=False)
    files: var[tuple[FileFact, ...]] = var(())
    history: var[History] = var(History)
    listeners: var[Mapping[int, str] | None] = var[Mapping[int, str] | None](None)

    class CopyRequested(Message):
        """This text is wanted in the clipboard."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._ssh_line = ""
        self._moved = 0.0
        self._asked_of: int | None = None
        """The process that ran the machine when it was asked who listens."""
        self._looking: dict[str, str] = {}
        """The machine that is being looked at, by what is looked for."""

    def compose(self) -> ComposeResult:
        """One list."""
        yield LineList(classes="details-list", compact=True)

    def on_mount(self) -> None:
        """Ports are looked at by themselves."""
        self.set_interval(_PORTS_INTERVAL, self._look_at_ports)

    def on_show(self) -> None:
        """Do not wait for the next second."""
        self._move_on()
        self._look_at_ports()

    def on_resize(self) -> None:
        """Plots are as wide as there is room for."""
        self._write()

    def watch_vm(self, before: VMStatus | None, vm: VMStatus | None) -> None:
        """Show it; another machine has other files."""
        if vm is None or before is None or before.key != vm.key:
            self.files, self._ssh_line, self.listeners = (), "", None
            self._look_at_ports()
            if self.is_mounted:
                self.query_one(OptionList).highlighted = None
                self.query_one(OptionList).scroll_home(animate=False)
        self._move_on()

    def watch_moment(self, moment: float) -> None:
        """Look at the files, with what is new about the machine or without; the plots move on, too."""
        if self._moved < moment:  # else that was new was shown just now
            self._move_on()

    def watch_files(self) -> None:
        """Show what was found."""
        self._write()

    def watch_listeners(self) -> None:
        """Show who listens."""
        self._write()

    def _move_on(self) -> None:
        self._moved = time.monotonic()
        self._look_at_files()
        self._write()

    def _look_at_files(self) -> None:
        self._begin(self._look, "files")

    def _look_at_ports(self) -> None:
        self._begin(self._look_who_listens, "ports")

    def _begin(self, look: Callable[[VMStatus], Awaitable[None]], group: str) -> None:
        """Look at the machine, unless that is being done: looks that take longer than the time between two must end."""
        vm = self.vm
        if vm is None or not self.is_on_screen or self._looking.get(group) == vm.key:
            return

        async def work() -> None:
            try:
                await look(vm)
            finally:
                if self._looking.get(group) == vm.key:
                    del self._looking[group]

        self._looking[group] = vm.key
        self.run_worker(work(), group=group)

    async def _look_who_listens(self, vm: VMStatus) -> None:
        """Ask the whole host who has which port only where others are taken than before, or QEMU is another."""
        taken = [port for _, port in vm.ports.items() if vm.live and not port_is_free(port)]
        if self.listeners is not None and self.listeners.keys() == set(taken) and self._asked_of == vm.pid:
            return
        found = await in_thread_for(self, lambda: port_holders(taken), name="details-ports") if taken else {}
        if self.vm is not None and self.vm.key == vm.key:
            self._asked_of = vm.pid
            self.listeners = found if vm.live else None

    async def _look(self, vm: VMStatus) -> None:
        def ask() -> tuple[tuple[FileFact, ...], str]:
            line = ""
            with contextlib.suppress(VMError):  # the key that copies it says what is wrong
                line = ssh_command(vm)
            return file_facts(vm.files), line

        found, line = await in_thread_for(self, ask, name="details-files")
        if self.vm is not None and self.vm.key == vm.key:
            self._ssh_line = line
            self.files = found

    def _write(self) -> None:
        """Bring the lines up to date; those that have not changed are left alone."""
        if not self.is_mounted or not self.is_on_screen:
            return
        lines: Sequence[Line] = ()
        if self.vm is not None:
            points = self.history.of(self.vm.key)
            width = self.size.width - _MARGIN
            lines = describe(
                self.vm,
                self.files,
                ssh_line=self._ssh_line,
                points=points,
                listeners=self.listeners,
                width=width,
                now=time.monotonic(),
            )
        options = self.query_one(LineList)
        if [bool(line.value) for line in lines] == [bool(line.value) for line in self._lines]:
            for index, (line, before) in enumerate(zip(lines, self._lines, strict=True)):
                if line.content != before.content:
                    options.replace_line(index, line.content)
        else:
            highlighted, top = options.highlighted, options.scroll_y
            options.clear_options()
            options.add_options(Option(line.content, disabled=not line.value) for line in lines)
            if highlighted is not None and highlighted < len(lines):
                options.highlighted = highlighted
            options.scroll_to(y=top, animate=False)
        self._lines = list(lines)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Copy it."""
        event.stop()
        if value := self._lines[event.option_index].value:
            self.post_message(self.CopyRequested(value))
