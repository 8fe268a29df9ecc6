"""A few short pages for whoever sees the dashboard for the first time."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Static

_KEY = "bold $text-primary"
_KEY_WIDTH = 12


def _page(words: str, *keys: tuple[str, str]) -> Content:
    lines = [Content(words)]
    if keys:
        lines += [Content(""), *(Content.assemble((key.rjust(_KEY_WIDTH), _KEY), f"  {does}") for key, does in keys)]
    return Content("\n").join(lines)


PAGES: tuple[tuple[str, Content], ...] = (
    (
        "The list",
        _page(
            "Every VM of your local Podplane clusters is a row, whoever started it, and the disk is the truth: what "
            "podplane or somebody else does shows within a second.",
            ("↑ ↓", "choose a VM; keys act on it"),
            ("s  x  r", "start, stop, restart"),
            ("n  d", "make a new one, delete (it lists what goes, and asks)"),
            ("!", "mend what is broken"),
            ("/", "filter, as in: state:running web"),
            ("Space  *", "mark several; keys then act on all of them"),
        ),
    ),
    (
        "The console",
        _page(
            "Below the list is the VM's serial console, from power-on. Typing into it is a mode of its own: the border "
            "says so, and every key goes to the guest until you press Ctrl-].",
            ("Enter  c", "type into the console"),
            ("Ctrl-]", "stop typing"),
            ("wheel", "scroll back; Shift-PgUp, too"),
            ("Ctrl-F", "search"),
            ("f", "full screen"),
            ("K", "send Ctrl-Alt-Del and the like"),
        ),
    ),
    (
        "The tabs",
        _page(
            "The number keys change what is shown below the list; pressed twice, or with Enter, you are inside, and "
            "Esc leads back.",
            ("1", "console"),
            ("2", "how it boots, and why it did not"),
            ("3", "a shell over SSH"),
            ("4", "details: figures, ports, files, QEMU's command"),
            ("5  e", "events: all that was done, and every error in full"),
        ),
    ),
    (
        "Everything else",
        _page(
            "Leaving the dashboard leaves the VMs as they are.",
            ("?", "the keys where you are"),
            ("Ctrl-P", "every command by name, themes too"),
            ("F1", "this tour"),
            ("q", "leave"),
        ),
    ),
)


class Tour(ModalScreen[None]):
    """Shows one page at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,enter,space,n,l", "turn(1)", "Next", id="tour.next"),
        Binding("left,backspace,p,h", "turn(-1)", "Back", id="tour.back"),
        Binding("escape,q,f1", "dismiss", "Close", id="tour.close"),
    ]

    page: reactive[int] = reactive(0)

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
        if self.page + step >= len(PAGES):
            self.dismiss()
        else:
            self.page = max(0, self.page + step)

    def _write(self) -> None:
        for text in self.query("#tour-text").results(Static):
            title, words = PAGES[self.page]
            text.update(words)
            box = self.query_one("#tour")
            box.border_title = Content(title)
            box.border_subtitle = Content(" ".join(self._dots()) + "  → next · Esc closes")

    def _dots(self) -> Iterable[str]:
        return ("●" if number == self.page else "○" for number in range(len(PAGES)))
