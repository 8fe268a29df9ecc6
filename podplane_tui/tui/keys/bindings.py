"""All key bindings of the dashboard, by the part of the screen in which they are in force.

Each has an id, under which `config.toml` gives it other keys. The actions are those of the widget, screen or app that
has the bindings; help, palette, footer and the `keys` verb read them here or from where they are in force.
"""

from __future__ import annotations

from typing import NamedTuple

from textual.binding import Binding

from podplane_tui.backend.vm.verbs import VERBS, Verb
from podplane_tui.tui.verbs import binding_id


class VerbKey(NamedTuple):
    """A key that asks for a verb: for the first of `verbs` that can be done to the VM it is about."""

    verbs: tuple[Verb, ...]
    key: str
    label: str
    footer: bool = False
    display: str | None = None
    tooltip: str = ""

    @property
    def binding(self) -> Binding:
        """The binding; its id is `vm.` and the name of the first verb, or that of another group."""
        first = self.verbs[0]
        names = ", ".join(f"'{verb}'" for verb in self.verbs)
        return Binding(
            self.key,
            f"verb({names})",
            self.label,
            show=self.footer,
            key_display=self.display,
            id=binding_id(first),
            tooltip=self.tooltip or VERBS[first].help,
        )


VERB_KEYS = (
    VerbKey((Verb.CREATE,), "n", "New", footer=True),
    VerbKey((Verb.START,), "s", "Start", footer=True),
    VerbKey((Verb.STOP,), "x", "Stop", footer=True),
    VerbKey((Verb.RESTART,), "r", "Restart", footer=True),
    VerbKey((Verb.DELETE,), "d", "Delete", footer=True),
    VerbKey((Verb.SYNC,), "y", "Sync", footer=True),
    VerbKey((Verb.WATCH,), "W", "Watch"),
    VerbKey((Verb.CONFIGURE,), "m", "VM settings"),
    VerbKey((Verb.SNAPSHOT,), "B", "Snapshots"),
    VerbKey((Verb.PAUSE, Verb.RESUME), "P", "Pause", tooltip="Pause a running VM, or resume a paused one"),
    VerbKey((Verb.RESET,), "R", "Reset"),
    VerbKey((Verb.REPAIR,), "exclamation_mark", "Repair", display="!"),
    VerbKey((Verb.SERVER,), "L", "Start the local server"),
)
"""The key of each verb."""

VERBS_OF = {binding_id(each.verbs[0]): each.verbs for each in VERB_KEYS}
"""By the id of a binding, the verbs that its key asks for."""

APP = (Binding("ctrl+z", "suspend", "Suspend", show=False, id="app.suspend", tooltip="Back to the shell"),)
"""Everywhere."""

DASHBOARD = (
    *(each.binding for each in VERB_KEYS),
    Binding("c", "show_tab('console')", "Console", id="console.type", tooltip="Type into the selected VM's console"),
    Binding(
        "ctrl+f",
        "find",
        "Find",
        show=False,
        id="console.find",
        tooltip="Search the console's text",
    ),
    Binding(
        "ctrl+s", "save_console", "Save", show=False, id="console.save", tooltip="Write the console's text to a file"
    ),
    Binding(
        "K",
        "send",
        "Send keys",
        show=False,
        id="console.send",
        tooltip="Send Ctrl-Alt-Del, SysRq, or the size of the screen",
    ),
    Binding("T", "shell('new')", "New shell", show=False, id="shell.new", tooltip="Open one more shell over SSH"),
    Binding(
        "comma",
        "shell('previous')",
        "Shell before",
        show=False,
        key_display=",",
        id="shell.previous",
        tooltip="Show the shell before",
    ),
    Binding(
        "full_stop",
        "shell('next')",
        "Shell after",
        show=False,
        key_display=".",
        id="shell.next",
        tooltip="Show the shell after it",
    ),
    Binding("w", "shell('close')", "Close shell", show=False, id="shell.close", tooltip="Close the shell in view"),
    Binding("S", "ssh", "ssh", show=False, id="shell.full", tooltip="Give the whole terminal to ssh"),
    Binding(
        "left_square_bracket",
        "step_boot(1)",
        "Older boot",
        show=False,
        key_display="[",
        id="boot.older",
        tooltip="The boot before the one shown",
    ),
    Binding(
        "right_square_bracket",
        "step_boot(-1)",
        "Newer boot",
        show=False,
        key_display="]",
        id="boot.newer",
        tooltip="The boot after it",
    ),
    Binding("slash", "filter", "Filter", key_display="/", id="view.filter", tooltip="Narrow the list of VMs"),
    Binding("f", "toggle_full", "Full", show=False, id="view.full", tooltip="Give the whole screen to the lower panel"),
    Binding("e", "enter_tab('events')", "Events", show=False, id="events.show", tooltip="What was done, every error"),
    Binding("Y", "copy_ssh", "Copy ssh", show=False, id="vm.copy_ssh", tooltip="Copy the ssh command of the VM"),
    Binding("C", "columns", "Columns", show=False, id="list.columns", tooltip="Choose the list's columns"),
    Binding("question_mark", "help", "Help", key_display="?", id="app.help", tooltip="All keys"),
    Binding("f1", "app.tour", "Tour", show=False, id="app.tour", tooltip="A tour in four short pages"),
    Binding(
        "f2",
        "app.settings",
        "Settings",
        show=False,
        id="app.settings",
        tooltip="Theme, timeouts, what new VMs get: what config.toml says",
    ),
    Binding("q", "app.quit", "Quit", id="app.quit", tooltip="Leave; VMs keep running"),
    Binding("tab", "app.focus_next", "Next part", show=False, id="view.next", tooltip="Next part of the screen"),
    Binding(
        "escape",
        "back",
        "Back",
        show=False,
        id="view.back",
        tooltip="Back to the list, out of the full view, clear the filter",
    ),
    Binding("1", "show_tab('console')", "Console", show=False, id="view.console", tooltip="The serial console"),
    Binding(
        "2",
        "show_tab('boot')",
        "Boot",
        show=False,
        id="view.boot",
        tooltip="How it boots: stages, failures, earlier boots",
    ),
    Binding(
        "3",
        "show_tab('shell')",
        "Shell",
        show=False,
        id="view.shell",
        tooltip="Shells over SSH; once more: type into one",
    ),
    Binding(
        "4",
        "show_tab('details')",
        "Details",
        show=False,
        id="view.details",
        tooltip="Paths, ports, files and QEMU's arguments",
    ),
    Binding(
        "5",
        "show_tab('events')",
        "Events",
        show=False,
        id="view.events",
        tooltip="What was done in this session, and every error",
    ),
    Binding(
        "6", "show_tab('server')", "Server", show=False, id="view.server", tooltip="podplane's local server and its log"
    ),
)
"""On the main screen, wherever the focus is."""

LIST = (
    Binding("enter", "screen.enter", show=False, id="view.enter", tooltip="Go into the panel below"),
    Binding("down,j", "cursor_down", show=False, id="list.down", tooltip="Next VM"),
    Binding("up,k", "cursor_up", show=False, id="list.up", tooltip="Previous VM"),
    Binding("pagedown", "page_down", show=False, id="list.page_down", tooltip="A page of VMs down"),
    Binding("pageup", "page_up", show=False, id="list.page_up", tooltip="A page of VMs up"),
    Binding("home,g", "scroll_top", show=False, id="list.first", tooltip="First VM"),
    Binding("end,G", "scroll_bottom", show=False, id="list.last", tooltip="Last VM"),
    Binding("space", "mark", show=False, id="list.mark", tooltip="Mark the VM; verbs then act on all marked ones"),
    Binding("asterisk", "mark_all", show=False, key_display="*", id="list.mark_all", tooltip="Mark all, or none"),
    Binding(
        "less_than_sign",
        "sort_by(-1)",
        show=False,
        key_display="<",
        id="list.sort_left",
        tooltip="Sort by the column to the left",
    ),
    Binding(
        "greater_than_sign",
        "sort_by(1)",
        show=False,
        key_display=">",
        id="list.sort_right",
        tooltip="Sort by the column to the right",
    ),
    Binding("I", "invert", show=False, id="list.invert", tooltip="Sort the other way round"),
)
"""In the list of VMs."""

EVENTS = (Binding("X", "cancel_job", "Give up", id="events.cancel", tooltip="Give the job under the cursor up"),)
"""In the Events panel."""

SCROLLING = (
    Binding("shift+pageup", "scroll_pages(-1)", "Scroll back", show=False, id="terminal.page_up"),
    Binding("shift+pagedown", "scroll_pages(1)", "Scroll forward", show=False, id="terminal.page_down"),
    Binding("shift+home", "scroll_oldest", "Oldest line", show=False, id="terminal.oldest"),
    Binding("shift+end", "follow", "Follow the end", show=False, id="terminal.follow"),
)
"""In a console or a shell, while nobody types into it."""

TERMINAL = (
    Binding("enter", "type", "Type", id="terminal.type"),
    Binding("ctrl+right_square_bracket", "stop_typing", "Stop typing", key_display="^]", id="terminal.stop_typing"),
)
"""In a console or a shell that can be typed into."""

SEARCH = (
    Binding("enter,up", "older", "Older", id="search.older", tooltip="Older match", priority=True),
    Binding("down", "newer", "Newer", id="search.newer", tooltip="Newer match", priority=True),
    Binding("escape", "close", "Close", id="search.close", tooltip="End the search", priority=True),
)
"""In the search bar of a console; they come before all others."""

DIALOG = (
    Binding("escape", "cancel", "Cancel", id="dialog.cancel"),
    Binding("left,up", "app.focus_previous", "Field before", show=False, id="dialog.previous"),
    Binding("right,down", "app.focus_next", "Next field", show=False, id="dialog.next"),
    Binding("pagedown", "scroll_body(1)", "Further", show=False, id="dialog.further"),
    Binding("pageup", "scroll_body(-1)", "Back", show=False, id="dialog.back"),
)
"""In every dialog."""

SYNC_DIALOG = (Binding("p", "preview", "Preview", id="sync.preview", tooltip="Say what would be copied and deleted"),)
"""In the sync dialog, besides those of every dialog."""

SNAPSHOT_DIALOG = (
    Binding("r", "choose('restore')", "Restore", id="snapshot.restore", tooltip="Bring the disk back to it"),
    Binding("d", "choose('delete')", "Delete", id="snapshot.delete", tooltip="Give it up"),
)
"""In the snapshots dialog, besides those of every dialog."""

HELP = (Binding("escape,question_mark,q,enter", "dismiss", "Close", id="help.close"),)
"""On the help screen."""

TOUR = (
    Binding("right,enter,space,n,l", "turn(1)", "Next", id="tour.next"),
    Binding("left,backspace,p,h", "turn(-1)", "Back", id="tour.back"),
    Binding("escape,q,f1", "dismiss", "Close", id="tour.close"),
)
"""On the tour's pages."""

MAIN = (*DASHBOARD, *LIST, *EVENTS, *SCROLLING, *TERMINAL, *APP)
"""In force together on the main screen."""

TOGETHER = (MAIN, (*DIALOG, *SYNC_DIALOG), (*DIALOG, *SNAPSHOT_DIALOG), SEARCH, HELP, TOUR)
"""Bindings that are in force together, so that a key means one thing: no two of a group may have the same key."""

BY_ID = {binding.id: binding for group in TOGETHER for binding in group if binding.id is not None}
"""Every binding by its id."""
