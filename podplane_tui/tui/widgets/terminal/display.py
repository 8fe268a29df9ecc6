"""A terminal core on the screen: painting, scrolling back, searching, selecting. What types into it is `terminal`."""

import asyncio
import re
from collections.abc import Mapping
from time import monotonic, thread_time
from typing import ClassVar

from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.filter import ANSIToTruecolor
from textual.geometry import Offset, Region
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from podplane_tui.terminal import Terminal
from podplane_tui.tui.keys import bindings
from podplane_tui.tui.widgets.terminal.frame import Frame, Marks, regions
from podplane_tui.tui.widgets.terminal.painter import Look
from podplane_tui.tui.widgets.terminal.viewport import Position, Search, Viewport

FRAME_TIME = 1 / 30
LONGEST_FRAME_TIME = 1 / 10
FRAME_SHARE = 20
"""Frames are at least so many times as far apart as one takes to compose: Textual's share of painting comes on top."""
ANSWER_TIME = 0.003
"""Seconds an answer to a key usually takes: a frame before it would only put off the one that shows it."""
ANSWER_FRAMES = 4
"""The first frames after a key may be so many times closer than others."""
SYNCHRONIZED_TIMEOUT = 0.15
"""Seconds a program may hold back painting (mode 2026) before it is painted all the same."""
SEARCH_INTERVAL = 0.5
"""Seconds between searches of text that keeps coming."""
BELL_INTERVAL = 1.0
WHEEL_LINES = 3
TITLE_LENGTH = 200


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
        self.terminal = terminal or Terminal(80, 24, title_reports=False, resizable=False)
        self.viewport = Viewport(self.terminal)
        self._frame = Frame()
        self._looks: dict[str, RichStyle] = {}
        self._stale = True
        self._frame_due: float | None = None
        self._frame_timer: asyncio.TimerHandle | None = None
        self._last_frame = 0.0
        self._frame_time = FRAME_TIME
        self._last_key = 0.0
        """When something was sent to the guest that it may answer."""
        self._synchronized_since: float | None = None
        self._search: Search | None = None
        self._last_search = 0.0
        self._search_due: Timer | None = None
        self._bells = self.terminal.bell_count
        self._last_bell = 0.0
        self._title = ""
        self._anchor: Position | None = None

    def show(self, terminal: Terminal) -> None:
        """Show another terminal core from now on."""
        self.terminal = terminal
        self.viewport = Viewport(terminal)
        self._bells = terminal.bell_count
        self.clear_search()
        self._clear_selection()
        self._tell_colors()
        self._fit()

    @property
    def cursor_active(self) -> bool:
        """Whether the cursor shows that keys arrive there."""
        return False

    def resized(self, columns: int, lines: int) -> None:
        """Called when the terminal got another size."""

    def on_mount(self) -> None:
        self._tell_colors()

    async def on_unmount(self) -> None:
        self._cancel_frame()

    # Painting

    def content_changed(self) -> None:
        """Paint now, or when the next frame's time has come; hold back while the program says it is not done."""
        self._stale = True
        if not self.is_mounted:
            return
        now = monotonic()
        due = self._last_frame + self._frame_gap()
        if not self.terminal.modes.synchronized_output:
            self._synchronized_since = None
        else:
            self._synchronized_since = self._synchronized_since or now
            due = max(due, self._synchronized_since + SYNCHRONIZED_TIMEOUT)
        if due <= now:
            self._paint()
        elif due != self._frame_due:
            self._cancel_frame()
            self._frame_due = due
            self._frame_timer = asyncio.get_running_loop().call_later(due - now, self._paint)

    def _frame_gap(self) -> float:
        """Seconds from the last frame to the next.

        Behind a key they begin small and double: its answer is seen soon, and many keys do not mean as many frames as
        Textual can paint.
        """
        since_key = self._last_frame - self._last_key
        return min(self._frame_time, max(self._frame_time / ANSWER_FRAMES, ANSWER_TIME - since_key, since_key))

    def _cancel_frame(self) -> None:
        if self._frame_timer is not None:
            self._frame_timer.cancel()
        self._frame_timer = self._frame_due = None

    def _paint(self) -> None:
        """Compose the frame and have Textual repaint the lines that differ from the last one."""
        self._cancel_frame()
        self._last_frame = monotonic()
        before = thread_time()  # what others make us wait is no cost of ours: the next frame need not wait for it
        self._notice()
        if not self.is_attached or not self.is_on_screen:
            return
        if changed := self._compose_frame():
            self.refresh(*regions(changed, self.content_size.width))
        self._frame_time = min(max(FRAME_TIME, (thread_time() - before) * FRAME_SHARE), LONGEST_FRAME_TIME)

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
        return self._frame.compose(self.viewport, self._look(), marks, width=width)

    def _look(self) -> Look:
        palette: Mapping[int, str] = {}
        foreground = background = None
        if self.guest_colors:
            palette = dict(self.terminal.palette)
            foreground = self.terminal.default_colors.get(10)
            background = self.terminal.default_colors.get(11)
        return Look(
            columns=self.terminal.columns,
            base=self.rich_style,
            ansi_theme=None if self.app.native_ansi_color else self.app.ansi_theme,
            reverse_video=self.terminal.modes.reverse_video,
            palette=palette,
            foreground=foreground,
            background=background,
        )

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
        """Have the terminal answer with what it is painted in, so that programs choose colours to be read on that."""
        if not self.is_mounted:
            return
        text, background = self.rich_style.color, self.rich_style.bgcolor
        if text and text.triplet and background and background.triplet:
            self.terminal.base_colors = text.triplet.hex[1:], background.triplet.hex[1:]
        else:  # the user's own terminal has them; what counts is whether it is a dark one
            self.terminal.base_colors = ("ffffff", "000000") if self.app.current_theme.dark else ("000000", "ffffff")

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
                scrolled = self.terminal.scrolled_off - self.viewport.top
                if columns != self.terminal.columns:
                    self._clear_selection()  # lines are wrapped anew, and get other addresses
                self.terminal.resize(columns, lines)
                if scrolled > 0:
                    self.viewport.scroll_to(self.terminal.scrolled_off - scrolled)
                self.resized(columns, lines)
        if self.is_mounted:
            self.content_changed()

    # Notices

    def _notice(self) -> None:
        """Pass on the bell and the title, at a bearable rate."""
        if self.terminal.bell_count != self._bells:
            self._bells = self.terminal.bell_count
            if self.audible_bell and monotonic() - self._last_bell >= BELL_INTERVAL:
                self._last_bell = monotonic()
                self.app.bell()
        if self.terminal.title != self._title:
            self._title = self.terminal.title
            title = re.sub(r"[\x00-\x1f\x7f-\x9f]", "", self._title)[:TITLE_LENGTH]
            self.post_message(self.TitleChanged(self, title))

    # Scrolling

    def scroll_history(self, lines: int) -> None:
        """Scroll by lines, back when negative; at the end the view follows it again."""
        self.viewport.scroll_to(self.viewport.top + lines)
        self.content_changed()

    def show_line(self, line: int) -> None:
        """Bring the line at an address into view, with what follows it, and select it."""
        self.viewport.scroll_to(line - self.viewport.height // 3)
        self._select(*self.viewport.paragraph(line))
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
        self._search = Search(pattern, [])
        self._search.update(self.viewport)
        self._last_search = monotonic()
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
        if now - self._last_search >= SEARCH_INTERVAL:
            self._last_search = now
            before = (len(search.matches), search.current)
            search.update(self.viewport)
            if (len(search.matches), search.current) != before:
                self._search_changed(search)
        elif self._search_due is None:
            self._search_due = self.set_timer(self._last_search + SEARCH_INTERVAL - now, self._search_again)

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
        start, end = sorted((self._anchor, self._position(event)))
        self._select(start, (end[0], end[1] + 1))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._anchor is not None:
            self._anchor = None
            self.release_mouse()
            self._selection_made()

    def on_click(self, event: events.Click) -> None:
        if event.button != 1 or event.chain not in (2, 3):
            return
        position = self._position(event)
        self._select(*(self.viewport.word(position) if event.chain == 2 else self.viewport.paragraph(position[0])))
        self._selection_made()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_history(-WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_history(WHEEL_LINES)

    def _position(self, event: events.MouseEvent) -> Position:
        """The position under the mouse, the nearest one when it was dragged out of the widget."""
        cell = event.get_content_offset_capture(self)
        line = self.viewport.top + min(max(cell.y, 0), max(0, self.viewport.height - 1))
        return line, min(max(cell.x, 0), self.terminal.columns - 1)

    def _select(self, start: Position, end: Position) -> None:
        selection = Selection(Offset(start[1], start[0]), Offset(end[1], end[0]))
        self.screen.selections = {self: selection}

    def _selected(self) -> tuple[Position, Position] | None:
        selection = self.text_selection
        if selection is None:
            return None
        start = (selection.start.y, selection.start.x) if selection.start else (self.viewport.oldest, 0)
        end = (selection.end.y, selection.end.x) if selection.end else (self.viewport.end, 0)
        return start, end

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
