"""The dialog with the keys that no keyboard sends into a serial console."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from podplane_tui.backend.qemu.send_key import CTRL_ALT_DEL, SYSRQ
from podplane_tui.tui.screens.dialog import Dialog


@dataclass(frozen=True, slots=True)
class Sending:
    """Something to send: keys of the machine's keyboard, or text typed into the console."""

    name: str
    keys: tuple[str, ...] = ()
    text: str = ""


def choices(columns: int, lines: int) -> list[tuple[Sending, str]]:
    """Everything that can be sent, with what it does; the console is `columns` by `lines`."""
    size = f"stty rows {lines} columns {columns}"
    return [
        (Sending(size, text=f"{size}\r"), "typed into the shell: a serial line does not tell the guest its size"),
        (Sending("Ctrl-Alt-Del", keys=CTRL_ALT_DEL), "the guest reboots, most of them in good order"),
        *((Sending(f"SysRq {letter}", keys=("alt", "sysrq", letter)), words) for letter, words in SYSRQ.items()),
    ]


class SendDialog(Dialog[Sending]):
    """Dismisses with what to send."""

    AUTO_FOCUS = "OptionList"

    def __init__(self, *, name: str, columns: int, lines: int, attached: bool, keyboard: bool) -> None:
        super().__init__(title=f"Send to {name}", accept="Send", style="-large")
        self._choices = choices(columns, lines)
        self._attached = attached
        self._keyboard = keyboard

    def compose_body(self) -> Iterable[Widget]:
        """A line each."""
        with Vertical(classes="dialog-list"):
            yield OptionList(
                *(
                    Option(
                        Content.assemble((sending.name.ljust(26), "bold"), (words, "$foreground 60%")),
                        disabled=not (self._keyboard if sending.keys else self._attached),
                    )
                    for sending, words in self._choices
                ),
                compact=True,
            )
        yield Static(
            "Ctrl-Alt-Del and SysRq are pressed on the VM's own keyboard. What SysRq may do is up to the guest's "
            "kernel.sysrq.",
            classes="dialog-note",
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter sends."""
        event.stop()
        self.accept()

    def answer(self) -> Sending | None:
        """The line under the cursor."""
        index = self.query_one(OptionList).highlighted
        return None if index is None else self._choices[index][0]
