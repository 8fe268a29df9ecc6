"""What widgets and screens tell the app."""

from textual.message import Message

from podplane_tui.tui.verbs import Verb


class ActionRequested(Message):
    """Someone wants `verb` done to the machine whose snapshot has this `key` ("" for a verb that needs none)."""

    def __init__(self, verb: Verb, key: str = "") -> None:
        self.verb = verb
        self.key = key
        super().__init__()


class CancelRequested(Message):
    """Someone wants the job with this number given up."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__()
