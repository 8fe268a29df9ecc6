"""SSH shells on the selected machine: any number at once, each in a terminal that lives on while one looks away."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from podplane_tui.backend.core.format import count
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.toasts import tell
from podplane_tui.tui.verbs import KeyNamer
from podplane_tui.tui.widgets.base import Panel, Unsent
from podplane_tui.tui.widgets.streams.ssh import Connection, ShellStream, target_of
from podplane_tui.tui.widgets.terminal.view import TerminalView

_LOOK_INTERVAL = 1.0
"""Seconds between looks whether a shell takes what is typed."""


@dataclass(slots=True)
class _Shell:
    number: int
    view: TerminalView
    stream: ShellStream
    ended: str = ""
    """How it ended; nothing while it lives."""


@dataclass(slots=True)
class _Machine:
    """The shells of one machine."""

    files: VMFiles
    connection: Connection
    shells: list[_Shell] = field(default_factory=list)
    current: _Shell | None = None
    opened: int = 0


class ShellPanel(Panel):
    """The shells of `vm`. One that ends stays in view, with how it ended, until it is closed or opened anew."""

    vms: var[tuple[VMStatus, ...] | None] = var(None)

    def __init__(
        self,
        *,
        find: Callable[[VMFiles], SSHTarget] = target_of,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._find = find
        self._notice = Static(id="shell-notice")
        self._machines: dict[str, _Machine] = {}
        self._numbers = ""
        self._unsent = Unsent()

    def on_mount(self) -> None:
        """Look now and then whether a shell takes what is typed."""
        self.set_interval(_LOOK_INTERVAL, self._tell_status)

    def compose(self) -> ComposeResult:
        """The notice; a terminal per shell joins it."""
        yield self._notice

    def on_unmount(self) -> None:
        """Log out everywhere."""
        self._say_dropped(sum(shell.stream.backlog for each in self._machines.values() for shell in each.shells))
        for machine in self._machines.values():
            _in_background(machine.connection.close)

    @property
    def shell(self) -> _Shell | None:
        """The shell in view."""
        machine = self._machine
        return None if machine is None else machine.current

    @property
    def _machine(self) -> _Machine | None:
        return None if self.vm is None else self._machines.get(self.vm.key)

    @property
    def typing(self) -> bool:
        """Whether keys go to the shell in view."""
        return self.shell is not None and self.shell.view.typing

    @property
    def typed_into(self) -> str:
        """A shell, and which one where there are several."""
        machine, shell = self._machine, self.shell
        return f"shell {shell.number}" if machine and shell and len(machine.shells) > 1 else "shell"

    def enter(self) -> str:
        """Type into the shell in view; one that has ended is opened anew, and there is always one."""
        shell, vm = self.shell, self.vm
        if shell is not None and not shell.ended:
            shell.view.typing = True
            return ""
        if vm is None or not vm.live:
            return _why_none(vm, self._key)
        self.run_worker(self._reopen(shell) if shell is not None else self._add(vm), group="shells")
        return ""

    def add(self) -> str:
        """Open one more shell; gives the reason when that can't be, else ""."""
        if self.vm is None or not self.vm.live:
            return _why_none(self.vm, self._key)
        self.run_worker(self._add(self.vm), group="shells")
        return ""

    def step(self, by: int) -> None:
        """Show the shell that many further."""
        machine = self._machine
        if machine is not None and machine.current is not None:
            place = machine.shells.index(machine.current) + by
            machine.current = machine.shells[place % len(machine.shells)]
            self._show()

    def close_shell(self) -> None:
        """End the shell in view and take it away."""
        machine = self._machine
        if machine is None or machine.current is None:
            return
        shell = machine.current
        place = machine.shells.index(shell)
        machine.shells.remove(shell)
        machine.current = machine.shells[max(0, place - 1)] if machine.shells else None
        self._say_dropped(shell.stream.backlog)
        shell.view.remove()
        if not machine.shells:
            _in_background(machine.connection.close)
            machine.connection = self._connection_to(machine.files)  # the next shell must not be logged out with these
        self._show()

    def _say_dropped(self, size: int) -> None:
        if size:
            tell(self.app, f"{count(size, 'byte')} {'was' if size == 1 else 'were'} not taken by the shell.")

    def _connection_to(self, files: VMFiles) -> Connection:
        return Connection(partial(self._find, files))

    async def _add(self, vm: VMStatus) -> None:
        machine = self._machines.setdefault(vm.key, _Machine(vm.files, self._connection_to(vm.files)))
        machine.opened += 1
        view = TerminalView()
        name = one_line(vm.cluster_id)
        shell = _Shell(machine.opened, view, ShellStream(machine.connection, name=name))
        machine.shells.append(shell)
        machine.current = shell
        await self.mount(view)
        self._show()
        self.call_after_refresh(self._connect, shell)  # by then the terminal has its size

    async def _reopen(self, shell: _Shell) -> None:
        machine = self._machine
        if machine is None:
            return
        shell.stream = ShellStream(machine.connection, name=shell.stream.name)
        shell.view.reset()
        await self._connect(shell)

    async def _connect(self, shell: _Shell) -> None:
        if not any(shell in machine.shells for machine in self._machines.values()):
            return  # closed meanwhile
        shell.ended = ""
        await shell.view.attach(shell.stream, shell.stream)
        shell.view.typing = self.in_view and shell is self.shell
        self._show()

    @on(TerminalView.Attached)
    def _attached(self, event: TerminalView.Attached) -> None:
        event.stop()
        self._show()

    @on(TerminalView.Detached)
    def _detached(self, event: TerminalView.Detached) -> None:
        event.stop()
        for machine in self._machines.values():
            for shell in machine.shells:
                if shell.stream is event.source:
                    shell.ended = _how_ended(shell.stream, event.error)
        self._show()

    def watch_vm(self) -> None:
        """Another machine, or the same in another state."""
        self._show()

    def watch_in_view(self) -> None:
        """The user looks here, or elsewhere."""
        self._show()

    def watch_vms(self, vms: tuple[VMStatus, ...] | None) -> None:
        """Take away the shells of machines that are gone."""
        for key in self._machines.keys() - {vm.key for vm in vms or ()}:
            machine = self._machines.pop(key)
            for shell in machine.shells:
                shell.view.remove()
            _in_background(machine.connection.close)
        self._show()

    def _show(self) -> None:
        """The shell in view, above it a line about all of them where there is something to say."""
        if not self.is_mounted:
            return
        machine, shell = self._machine, self.shell
        for other in (each for known in self._machines.values() for each in known.shells):
            other.view.display = other is shell
        self.set_class(shell is not None, "-open")
        words = self._words(shell)
        self._notice.display = bool(words)
        self._notice.set_class(shell is not None and bool(shell.ended), "-ended")
        self._notice.update(Content(words))
        if machine is not None and shell is not None and len(machine.shells) > 1:
            numbers = (f"[{each.number}]" if each is shell else str(each.number) for each in machine.shells)
            self._numbers = f"shells {' '.join(numbers)}"
        else:
            self._numbers = ""
        self._tell_status()

    def _tell_status(self) -> None:
        shell = self.shell
        unsent = "" if shell is None else self._unsent.words(shell.stream.backlog, monotonic())
        self.status = ", ".join(filter(None, (self._numbers, unsent)))

    def _key(self, binding_id: str) -> str:
        return key_name(self, binding_id)

    def _words(self, shell: _Shell | None) -> str:
        vm = self.vm
        if shell is None:
            if vm is None:
                return ""
            if not vm.live:
                return _why_none(vm, self._key)
            return (
                f"Press {self._key('view.shell')} for a shell on {one_line(vm.cluster_id)}, "
                f"{self._key('shell.full')} to give it the whole terminal."
            )
        if shell.ended:
            again, close = self._key("view.shell"), self._key("shell.close")
            if vm is not None and not vm.live:
                return f"{shell.ended} {_why_none(vm, self._key)} Press {close} to close the shell."
            return f"{shell.ended} Press {again} to open it anew, {close} to close it."
        return "" if shell.view.attached else "Connecting…"


def _how_ended(stream: ShellStream, error: OSError | None) -> str:
    if error is not None:
        return one_line(f"{error.strerror or error}", limit=600).rstrip(".") + "."
    if stream.exit_code is None:
        return "The connection broke off."
    return f"The shell ended with exit code {stream.exit_code}."


def _why_none(vm: VMStatus | None, key: KeyNamer) -> str:
    if vm is None:
        return "There is no VM here yet."
    return f"{one_line(vm.cluster_id)} is not running: press {key('vm.start')} to start it."


def _in_background(work: Callable[[], object]) -> None:
    threading.Thread(target=work, name="shell-aside", daemon=True).start()
