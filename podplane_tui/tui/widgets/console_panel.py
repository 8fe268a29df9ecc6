"""The serial console of the selected machine."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from podplane_tui.backend.snapshot import State, VMSnapshot
from podplane_tui.backend.text import one_line


def explanation(vm: VMSnapshot | None) -> str:
    """Why there is no console to show and what to do; "" when there should be one."""
    if vm is None:
        return ""
    name = vm.cluster_id
    if vm.live and vm.console is not None:
        return ""
    if vm.live:
        return f"{name} was started without a serial console on a socket."
    match vm.state:
        case State.STOPPED:
            return f"{name} is stopped.\n\nPress s to start it."
        case State.CRASHED:
            return f"{name} ended without cleaning up.\n\nPress s to start it again, or ! to clear what it left behind."
        case State.BROKEN:
            return f"{name} is broken.\n\nPress ! to repair it."
        case _:
            return f"{name} is {vm.state}."


class ConsolePanel(Vertical):
    """The console of `vm`, or why there is none."""

    vm: reactive[VMSnapshot | None] = reactive(None)

    def compose(self) -> ComposeResult:
        """What stands where no console is."""
        yield Static(id="console-notice")

    def watch_vm(self, vm: VMSnapshot | None) -> None:
        """Another machine, or the same in another state."""
        if not self.is_mounted:
            return
        lines = [explanation(vm)]
        if vm is not None and vm.problem:
            lines.append(one_line(vm.problem, limit=600))
        self.query_one("#console-notice", Static).update(Content("\n\n".join(filter(None, lines))))
