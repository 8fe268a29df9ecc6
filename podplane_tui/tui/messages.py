"""What widgets and screens tell the app."""

from textual.message import Message

from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.state.events import Event


class ActionRequested(Message):
    """Someone wants `verb` done to the VMs that have these `keys` (none for a verb that needs none).

    `hidden` are those of them that are not in view.
    """

    def __init__(self, verb: Verb, *keys: str, hidden: frozenset[str] = frozenset()) -> None:
        self.verb = verb
        self.keys = keys
        self.hidden = hidden
        super().__init__()


class CancelRequested(Message):
    """Someone wants the job with this number given up."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__()


class Noted(Message):
    """Something happened that is to be kept among the events, and said once."""

    def __init__(self, event: Event) -> None:
        self.event = event
        super().__init__()


class ThemeChosen(Message):
    """Someone wants this theme from now on."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()
