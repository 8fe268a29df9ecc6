"""A few short pages for whoever sees the dashboard for the first time."""

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Static

from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.verbs import KeyNamer

_KEY = "bold $text-primary"
_KEY_WIDTH = 12


def _page(words: str, *keys: tuple[str, str]) -> Content:
    lines = [Content(words)]
    if keys:
        lines += [Content(""), *(Content.assemble((key.rjust(_KEY_WIDTH), _KEY), f"  {does}") for key, does in keys)]
    return Content("\n").join(lines)


def pages(key: KeyNamer) -> tuple[tuple[str, Content], ...]:
    """Titles and texts, with the keys as they are now."""

    def keys(*ids: str) -> str:
        return "  ".join(map(key, ids))

    return (
        (
            "The list",
            _page(
                "Every VM of your local Podplane clusters is a row, whoever started it, and the disk is the truth: "
                "what podplane or somebody else does shows within a second.",
                (f"{key('list.up')} {key('list.down')}", "choose a VM; keys act on it"),
                (keys("vm.start", "vm.stop", "vm.restart"), "start, stop, restart"),
                (keys("vm.create", "vm.delete"), "make a new one, delete (it lists what goes, and asks)"),
                (key("vm.repair"), "mend what is broken"),
                (key("view.filter"), "filter, as in: state:running web"),
                (keys("list.mark", "list.mark_all"), "mark several; keys then act on all of them"),
            ),
        ),
        (
            "The console",
            _page(
                "Below the list is the VM's serial console, from power-on. Typing into it is a mode of its own: the "
                f"border says so, and every key goes to the guest until you press {key('terminal.stop_typing')}.",
                (keys("view.enter", "console.type"), "type into the console"),
                (key("terminal.stop_typing"), "stop typing"),
                ("wheel", f"scroll back; {key('terminal.page_up')}, too"),
                (key("console.find"), "search"),
                (key("view.full"), "full screen"),
                (key("console.send"), "send Ctrl-Alt-Del and the like"),
            ),
        ),
        (
            "The tabs",
            _page(
                "These keys change what is shown below the list; pressed twice, or with "
                f"{key('view.enter')}, you are inside, and {key('view.back')} leads back.",
                (key("view.console"), "console"),
                (key("view.boot"), "how it boots, and why it did not"),
                (key("view.shell"), "a shell over SSH"),
                (key("view.details"), "details: figures, ports, files, QEMU's command"),
                (keys("view.events", "events.show"), "events: all that was done, and every error in full"),
            ),
        ),
        (
            "Everything else",
            _page(
                "Leaving the dashboard leaves the VMs as they are.",
                (key("app.help"), "the keys where you are"),
                ("Ctrl-P", "every command by name, themes too"),
                (key("app.settings"), "settings: theme, timeouts, what new VMs get"),
                (key("app.tour"), "this tour"),
                (key("app.quit"), "leave"),
            ),
        ),
    )


class Tour(ModalScreen[None]):
    """Shows one page at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.TOUR]

    page: reactive[int] = reactive(0)

    def __init__(self) -> None:
        super().__init__()
        self._pages = pages(partial(key_name, self))

    def compose(self) -> ComposeResult:
        """One box."""
        with Vertical(classes="dialog", id="tour"):
            yield Static(id="tour-text")

    def on_mount(self) -> None:
        """The first page."""
        self._write()

    def watch_page(self) -> None:
        """Another page."""
        self._write()

    def action_turn(self, step: int) -> None:
        """Forth or back; beyond the last one is the end."""
        if self.page + step >= len(self._pages):
            self.dismiss()
        else:
            self.page = max(0, self.page + step)

    def _write(self) -> None:
        for text in self.query("#tour-text").results(Static):
            title, words = self._pages[self.page]
            text.update(words)
            box = self.query_one("#tour")
            box.border_title = Content(title)
            box.border_subtitle = Content(" ".join(self._dots()) + f"  → next · {key_name(self, 'tour.close')} closes")

    def _dots(self) -> Iterable[str]:
        return ("●" if number == self.page else "○" for number in range(len(self._pages)))
