"""A terminal core on the screen: painting, scrolling back, searching, selecting. What types into it is `view`."""

import re
from collections.abc import Mapping
from time import monotonic
from typing import ClassVar

from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from podplane_tui.terminal import Terminal
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.widgets.terminal.colors import look_of, told_colors
from podplane_tui.tui.widgets.terminal.frame import Frame, Marks, regions
from podplane_tui.tui.widgets.terminal.notices import Notices
from podplane_tui.tui.widgets.terminal.pacing import FramePacer
from podplane_tui.tui.widgets.terminal.search import Search
from podplane_tui.tui.widgets.terminal.selection import Range, clicked, dragged, from_textual, to_textual
from podplane_tui.tui.widgets.terminal.viewport import Position, Viewport

WHEEL_LINES = 3


class DisplayMessage(Message):
    """A message of a terminal on the screen."""

    def __init__(self, view: "TerminalDisplay") -> None:
        super().__init__()
        self.view = view
        self.set_sender(view)  # not whoever fed it, or Textual would not let the message bubble past them

    @property
    def control(self) -> "TerminalDisplay":
        return self.view


class TerminalDisplay(Widget, can_focus=True):
    """Paints a terminal core, which somebody else feeds: call `content_changed` after feeding it.

    Follows the end of the text unless it is scrolled back, and then stays on its lines while new ones come. Text is
    selected with the mouse: cells by dragging, a word or a line with two or three clicks.

    Without borders, padding, opacity or tint the widget paints straight from its caches: give such styles to a
    container.
    """

    ALLOW_SELECT = False  # selects by itself: its text scrolls and has positions of its own

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.SCROLLING]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "terminal--cursor",
        "terminal--cursor-idle",
        "terminal--match",
        "terminal--match-chosen",
        "terminal--scroll-thumb",
        "terminal--scroll-track",
    }

    guest_colors = reactive(False, repaint=False)
    """Use colours the guest defined (OSC 4, 10, 11) rather than the theme's."""
    fixed_size: reactive[tuple[int, int] | None] = reactive(None, repaint=False)
    """Columns and lines of the terminal when they are not those of the widget: a serial line carries no size."""
    copy_on_select = reactive(True, repaint=False)
    """Text goes to the clipboard (OSC 52) as soon as it is selected; Textual's copy key works in any case."""
    audible_bell = reactive(True, repaint=False)

    class TitleChanged(DisplayMessage):
        """The guest set a title: text from a VM, control characters removed and length capped, markup not escaped."""

        def __init__(self, view: "TerminalDisplay", title: str) -> None:
            super().__init__(view)
            self.title = title

    class SearchChanged(DisplayMessage):
        """Matches were found, lost or chosen: ``current`` counts from 0 at the oldest, -1 is none chosen."""

        def __init__(self, view: "TerminalDisplay", *, count: int, current: int) -> None:
            super().__init__(view)
            self.count = count
            self.current = current

    def __init__(
        self,
        terminal: Terminal | None = None,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.terminal = terminal or Terminal(80, 24, resizable=False)
        self.viewport = Viewport(self.terminal)
        self._frame = Frame()
        self._looks: dict[str, RichStyle] = {}
        self._stale = True
        self._pacer = FramePacer(self._paint)
        self._last_key = 0.0
        """When something was sent to the guest that it may answer."""
        self._notices = Notices(self.terminal)
        self._search: Search | None = None
        self._search_due: Timer | None = None
        self._anchor: Position | None = None
        """Where the mouse button went down, while it is."""

    def show(self, terminal: Terminal) -> None:
        """Show another terminal core from now on."""
        self.terminal = terminal
        self.viewport = Viewport(terminal)
        self._notices.restart(terminal)
        self.clear_search()
        self._clear_selection()
        self._tell_colors()
        self._fit()

    def restart(self) -> None:
        """Show what comes as another program's: no mode, colour or title of the one before is left, only its text."""
        self.terminal.restart()
        self.content_changed()

    @property
    def cursor_active(self) -> bool:
        """Whether the cursor shows that keys arrive there."""
        return False

    def resized(self, columns: int, lines: int) -> None:
        """Called when the terminal got another size."""

    def on_mount(self) -> None:
        self._tell_colors()

    async def on_unmount(self) -> None:
        self._pacer.cancel()

    # Painting

    def content_changed(self) -> None:
        """Paint now, or when the next frame's time has come; hold back while the program says it is not done."""
        self._stale = True
        if self.is_mounted:
            self._pacer.request(last_key=self._last_key, synchronized=self.terminal.modes.synchronized_output)

    def _paint(self) -> bool:
        """Compose the frame, if it can be seen, and have Textual repaint the lines that differ from the last one."""
        self._notice()
        self.terminal.painted()
        if not self.is_attached or not self.is_on_screen:
            return False
        if changed := self._compose_frame():
            self.refresh(*regions(changed, self.content_size.width))
        return True

    def _compose_frame(self) -> list[int]:
        """Bring the frame up to date; returns which lines changed."""
        self._stale = False
        width, self.viewport.height = self.content_size
        if self._search is not None:
            self._refresh_search(self._search)
        marks = Marks(
            looks=self._component_looks(),
            cursor_active=self.cursor_active,
            selection=self._selected(),
            search=self._search,
        )
        look = look_of(
            self.terminal,
            base=self.rich_style,
            ansi_theme=None if self.app.native_ansi_color else self.app.ansi_theme,
            guest_colors=self.guest_colors,
        )
        return self._frame.compose(self.viewport, look, marks, width=width)

    def _component_looks(self) -> Mapping[str, RichStyle]:
        if not self._looks:
            for name in self.COMPONENT_CLASSES:
                self._looks[name.removeprefix("terminal--")] = self.get_component_rich_style(name, partial=True)
            self._looks["selection"] = self.screen.get_component_rich_style("screen--selection")
        return self._looks

    def notify_style_update(self) -> None:
        self._looks.clear()
        super().notify_style_update()
        self._tell_colors()
        if self.is_mounted:
            self.content_changed()

    def _tell_colors(self) -> None:
        """Have the terminal answer with what it is painted in."""
        if self.is_mounted:
            self.terminal.base_colors = told_colors(self.rich_style, dark=self.app.current_theme.dark)

    def render_line(self, y: int) -> Strip:
        return self._strips(y, y + 1)[0]

    def _strips(self, first: int, end: int) -> list[Strip]:
        """The lines ``first`` to ``end`` (not included), blank where the frame has none."""
        if self._stale and not self._frame:
            self._compose_frame()
        strips = self._frame.strips(first, end)
        if missing := end - first - len(strips):
            strips += [Strip.blank(self.content_size.width, self.rich_style)] * missing
        return strips

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a frame; without decoration straight from the strips, which have caches of their own."""
        if self._is_decorated():
            return super().render_lines(crop)
        strips = self._strips(crop.y, crop.bottom)
        for line_filter in self.get_line_filters():
            if isinstance(line_filter, ANSIToTruecolor):
                continue  # the painter has done that
            background = self.background_colors[1]
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        width = self.size.width
        if any(strip.cell_length != width for strip in strips):
            strips = [strip.adjust_cell_length(width, self.rich_style) for strip in strips]
        start, end = crop.column_span
        return strips if (start, end) == (0, width) else [strip.crop(start, end) for strip in strips]

    def _is_decorated(self) -> bool:
        styles = self.styles
        return bool(
            any(styles.gutter)
            or styles.has_rule("outline")
            or styles.has_rule("hatch")
            or styles.text_opacity != 1.0
            or styles.tint.a
            or self.opacity != 1.0
        )

    def on_show(self) -> None:
        self.content_changed()

    def watch_guest_colors(self) -> None:
        self.content_changed()

    # Size

    def on_resize(self, event: events.Resize) -> None:
        self._fit()

    def watch_fixed_size(self) -> None:
        if self.is_mounted:
            self._fit()

    def _fit(self) -> None:
        """Give the terminal its size and tell the other side."""
        columns, lines = self.fixed_size or self.content_size
        if columns > 0 and lines > 0:
            columns = max(columns, 2)  # a wide character must fit
            if (columns, lines) != (self.terminal.columns, self.terminal.lines):
                if columns != self.terminal.columns:
                    self._clear_selection()  # lines are wrapped anew, and get other addresses
                self.viewport.resize(columns, lines)
                self.resized(columns, lines)
        if self.is_mounted:
            self.content_changed()

    # Notices

    def _notice(self) -> None:
        """Pass on the bell and the title."""
        if self._notices.bell(self.terminal, monotonic()) and self.audible_bell:
            self.app.bell()
        if (title := self._notices.title(self.terminal)) is not None:
            self.post_message(self.TitleChanged(self, title))

    # Scrolling

    def scroll_history(self, lines: int) -> None:
        """Scroll by lines, back when negative; at the end the view follows it again."""
        self.viewport.scroll_to(self.viewport.top + lines)
        self.content_changed()

    def show_line(self, line: int) -> None:
        """Bring the line at an address into view, with what follows it, and select it."""
        self.viewport.scroll_to(line - self.viewport.height // 3)
        self._select(self.viewport.paragraph(line))
        self.content_changed()

    def action_scroll_pages(self, pages: int) -> None:
        self.scroll_history(pages * max(1, self.viewport.height - 1))

    def action_scroll_oldest(self) -> None:
        self.viewport.scroll_to(self.viewport.oldest)
        self.content_changed()

    def action_follow(self) -> None:
        if not self.viewport.following:
            self.viewport.follow()
            self.content_changed()

    # Search

    def search(self, pattern: str | re.Pattern[str]) -> int:
        """Mark all matches in scrollback and screen and choose the last one in view; returns how many there are."""
        self._search = Search(pattern)
        self._search.update(self.viewport, monotonic())
        self.search_previous()
        return len(self._search.matches)

    def search_next(self) -> None:
        """Choose the match after the chosen one, from the newest on to the oldest, and bring it into view."""
        self._search_step(1)

    def search_previous(self) -> None:
        """Choose the match before the chosen one, from the oldest on to the newest, and bring it into view."""
        self._search_step(-1)

    def clear_search(self) -> None:
        if self._search is not None:
            self._search = None
            self.content_changed()

    def _search_step(self, by: int) -> None:
        if self._search is None:
            return
        match = self._search.step(by=by, above=self.viewport.top + self.viewport.height)
        if match is not None:
            self.viewport.reveal(match[0])
        self._search_changed(self._search)
        self.content_changed()

    def _refresh_search(self, search: Search) -> None:
        now = monotonic()
        if wait := search.wait(now):
            if self._search_due is None:
                self._search_due = self.set_timer(wait, self._search_again)
        elif search.update(self.viewport, now):
            self._search_changed(search)

    def _search_again(self) -> None:
        self._search_due = None
        self.content_changed()

    def _search_changed(self, search: Search) -> None:
        self.post_message(self.SearchChanged(self, count=len(search.matches), current=search.current))

    # Mouse and selection

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1:
            self._anchor = self._position(event)
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._anchor is None:
            return
        if event.y < 0:
            self.scroll_history(-1)
        elif event.y >= self.content_size.height:
            self.scroll_history(1)
        self._select(dragged(self._anchor, self._position(event)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._anchor is not None:
            self._anchor = None
            self.release_mouse()
            self._selection_made()

    def on_click(self, event: events.Click) -> None:
        if event.button == 1 and (found := clicked(self.viewport, self._position(event), times=event.chain)):
            self._select(found)
            self._selection_made()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_history(-WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_history(WHEEL_LINES)

    def _position(self, event: events.MouseEvent) -> Position:
        """The position under the mouse, the nearest one when it was dragged out of the widget."""
        return self.viewport.nearest(*event.get_content_offset_capture(self))

    def _select(self, selected: Range) -> None:
        self.screen.selections = {self: to_textual(selected)}

    def _selected(self) -> Range | None:
        selection = self.text_selection
        return None if selection is None else from_textual(selection, self.viewport)

    def _clear_selection(self) -> None:
        if self.is_mounted and self.text_selection is not None:
            self.screen.clear_selection()

    def _selection_made(self) -> None:
        if self.copy_on_select and (text := self.selected_text):
            self.app.copy_to_clipboard(text)

    @property
    def selected_text(self) -> str:
        """The selected text, wrapped lines joined; empty without a selection."""
        selected = self._selected()
        return self.viewport.text(*selected) if selected is not None else ""

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return self.selected_text, "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.content_changed()
