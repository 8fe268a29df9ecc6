"""The modals' common ground: a titled box, buttons in a row, Escape cancels, arrows move between the buttons."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import ClassVar, Generic, TypeVar

from textual import events, work
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.screen import ModalScreen, Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from podplane_tui.backend.config.fields import FieldFault
from podplane_tui.backend.core.text import one_line
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.keys.naming import key_name
from podplane_tui.tui.threads import in_thread

T = TypeVar("T")


class _Body(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Scrolls with the focus, the wheel and the dialog's keys; with its own, arrows would not move the focus."""


class _Box(Vertical):
    """Calls `painted` when it is first painted, right before the frame is written to the terminal."""

    def __init__(self, painted: Callable[[], None], *, classes: str) -> None:
        super().__init__(classes=classes)
        self._painted: Callable[[], None] | None = painted

    def render_lines(self, crop: Region) -> list[Strip]:
        """As any widget."""
        if self._painted is not None:
            self._painted()
            self._painted = None
        return super().render_lines(crop)


class Dialog(ModalScreen[T | None], Generic[T]):
    """A question. Dismisses with None when it is cancelled, in whatever way."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.DIALOG]
    AUTO_FOCUS = "#cancel"
    TYPE_AHEAD: ClassVar[bool] = False
    """Whether keys count that were typed before the dialog could be seen; only where they can do no harm."""

    def __init__(self, *, title: str, accept: str, style: str = "") -> None:
        super().__init__()
        self._shown_at: float | None = None
        self._title = one_line(title)
        self._accept = accept
        self._style = style

    def compose(self) -> ComposeResult:
        """The box; subclasses say what is in it."""
        with _Box(self._note_shown, classes=f"dialog {self._style}") as box:
            box.border_title = Content(self._title)
            with _Body(classes="dialog-body"):
                yield from self.compose_body()
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield from self.compose_buttons()
                yield Button(Content(self._accept), id="accept", compact=True)

    def compose_body(self) -> Iterable[Widget]:
        """What stands above the buttons."""
        return ()

    def compose_buttons(self) -> Iterable[Widget]:
        """What stands between Cancel and the other button; whoever adds one handles it."""
        return ()

    def answer(self) -> T | None:
        """What the dialog dismisses with when it is accepted; None keeps it open."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Keep an eye on whether everything fits."""
        self.screen_layout_refresh_signal.subscribe(self, self._say_more)

    def _note_shown(self) -> None:
        self._shown_at = monotonic()

    def came_too_early(self, event: events.InputEvent) -> bool:
        """Whether this was typed or clicked before the dialog was on the screen, and so was not meant for it.

        To cancel is always safe.
        """
        if self.TYPE_AHEAD or (isinstance(event, events.Key) and self._cancels(event)):
            return False
        return self._shown_at is None or event.time < self._shown_at

    def _cancels(self, key: events.Key) -> bool:
        active = self.active_bindings.get(key.key)
        return active is not None and active.node is self and active.binding.action == "cancel"

    def _say_more(self, _screen: Screen[object]) -> None:
        more = self.query_one(".dialog-body").max_scroll_y > 0
        words = f"{key_name(self, 'dialog.cancel')} cancels"
        if more:
            words = f"{key_name(self, 'dialog.further')} shows more · {words}"
        self.query_one(".dialog").border_subtitle = Content(words)

    def action_scroll_body(self, pages: int) -> None:
        """Show what does not fit, wherever the focus is."""
        body = self.query_one(".dialog-body")
        body.scroll_relative(y=pages * max(body.size.height - 1, 1), animate=False)

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Leave with this result; nothing where it has been left already, as by the first of two quick Enters.

        Textual would take away whatever screen is on top by then: the dashboard.
        """
        return super().dismiss(result) if self.app.screen_stack[-1:] == [self] else AwaitComplete()

    def action_cancel(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        event.stop()
        if event.button.id == "accept":
            self.accept()
        elif event.button.id == "cancel":
            self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field accepts."""
        event.stop()
        self.accept()

    def accept(self) -> None:
        """Leave with the answer, if it is complete."""
        answer = self.answer()
        if answer is not None:
            self.dismiss(answer)


class Question(Dialog[bool]):
    """A text and two buttons; Cancel has the focus."""

    def __init__(self, *, title: str, text: Content, accept: str, style: str = "") -> None:
        super().__init__(title=title, accept=accept, style=style)
        self._text = text

    def compose_body(self) -> Iterable[Widget]:
        """The text."""
        yield Static(self._text, classes="dialog-text")

    def answer(self) -> bool | None:
        """Yes."""
        return True


class Form(Dialog[T]):
    """Fields to fill in, with a line for what is wrong with them. Widgets have ids that begin with `name` and a hyphen.

    It stays open while `check`, which may look at the disk, finds a fault in the answer.
    """

    TYPE_AHEAD = True

    def __init__(self, name: str, *, title: str, accept: str, check: Callable[[T], FieldFault | None] | None) -> None:
        super().__init__(title=title, accept=accept)
        self._form = name
        self._check = check

    def error_line(self, words: str = "") -> Static:
        """Where `complain` writes to."""
        return Static(Content(words), id=f"{self._form}-error", classes="dialog-error")

    def complain(self, field: str, words: str) -> None:
        """Say what is wrong, and go there."""
        self.query_one(f"#{self._form}-error", Static).update(Content(one_line(words, limit=300)))
        self.query_one(f"#{self._form}-{field}", Input).focus()

    def blame(self, fault: FieldFault) -> None:
        """Say what is wrong with a field, whose name has underscores where its widget's id has hyphens."""
        self.complain(fault.field.replace("_", "-"), str(fault.error))

    def accept(self) -> None:
        """Leave with the answer, if it is complete and right."""
        answer = self.answer()
        if answer is not None:
            self.leave(answer)

    def leave(self, answer: T) -> None:
        """Leave with this answer, if it is right."""
        if self._check is None:
            self.dismiss(answer)
        else:
            self._leave_checked(self._check, answer)

    @work(group="check", exclusive=True)
    async def _leave_checked(self, check: Callable[[T], FieldFault | None], answer: T) -> None:
        fault = await in_thread(lambda: check(answer), name="form-check")
        if fault is None:
            self.dismiss(answer)
        elif self in self.app.screen_stack:  # else it was cancelled meanwhile
            self.blame(fault)
