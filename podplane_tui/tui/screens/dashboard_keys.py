"""The main screen's keys, and the help's table of them. Every key has an id, under which it can be changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingsMap, BindingType
from textual.markup import escape
from textual.screen import Screen

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.tui.verbs import WORDING, Verb, makes_sense
from podplane_tui.tui.widgets.vm_list.table import TYPE_TOOLTIP

if TYPE_CHECKING:
    from podplane_tui.tui.screens.help import KeySection

_HEADINGS = {
    "vm": "Selected or marked VMs",
    "list": "List",
    "console": "Console",
    "terminal": "Console",
    "boot": "Boot",
    "shell": "Shell",
    "events": "Events",
    "view": "View",
}
_PROGRAM = "Program"


def _verb(verb: Verb, key: str, label: str, *, show: bool = True, key_display: str | None = None) -> Binding:
    return Binding(
        key,
        f"verb('{verb}')",
        label,
        show=show,
        key_display=key_display,
        id=f"vm.{verb}",
        tooltip=WORDING[verb].help,
    )


BINDINGS: list[BindingType] = [
    _verb(Verb.CREATE, "n", "New"),
    _verb(Verb.START, "s", "Start"),
    _verb(Verb.STOP, "x", "Stop"),
    _verb(Verb.RESTART, "r", "Restart"),
    _verb(Verb.DELETE, "d", "Delete"),
    _verb(Verb.SYNC, "y", "Sync"),
    _verb(Verb.WATCH, "W", "Watch", show=False),
    _verb(Verb.CONFIGURE, "m", "Machine", show=False),
    _verb(Verb.SNAPSHOT, "B", "Snapshots", show=False),
    Binding("c", "show_tab('console')", "Console", id="console.type", tooltip=TYPE_TOOLTIP),
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
    Binding(
        "P", "pause_or_resume", "Pause", show=False, id="vm.pause", tooltip="Pause the selected VM, or let it go on"
    ),
    Binding("Y", "copy_ssh", "Copy ssh", show=False, id="vm.copy_ssh", tooltip="Copy the ssh command of the VM"),
    _verb(Verb.RESET, "R", "Reset", show=False),
    _verb(Verb.REPAIR, "exclamation_mark", "Repair", show=False, key_display="!"),
    Binding(
        "L",
        "verb('server')",
        "Start the local server",
        show=False,
        id="server.start",
        tooltip=WORDING[Verb.SERVER].help,
    ),
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
]
"""Those of the tabs come with the tabs."""


def key_sections(screen: Screen[None]) -> list[KeySection]:
    """The bindings in force on `screen`, as the help shows them, changed keys included.

    Those of the part that has the focus come first.
    """
    found: dict[str, dict[str, list[str]]] = {}
    here: dict[str, None] = {}
    for active in screen.active_bindings.values():
        heading = _note(screen, active.binding, found)
        if heading and active.node not in {screen, screen.app}:
            here.setdefault(heading)
    for binding in _terminal_bindings(screen):
        _note(screen, binding, found)
    order = dict.fromkeys([*here, *_HEADINGS.values(), _PROGRAM])
    return [
        (heading, [(" ".join(keys), words) for words, keys in found[heading].items()])
        for heading in order
        if heading in found
    ]


def _note(screen: Screen[None], binding: Binding, found: dict[str, dict[str, list[str]]]) -> str:
    """Put a binding where it belongs; gives its heading, "" when it has nothing to say."""
    group, _, _ = (binding.id or "").partition(".")
    words = binding.tooltip or (binding.description if binding.id else "")
    if not words:
        return ""
    heading = _HEADINGS.get(group, _PROGRAM)
    keys = found.setdefault(heading, {}).setdefault(words, [])
    if (shown := screen.app.get_key_display(binding)) not in keys:
        keys.append(shown)
    return heading


Command = tuple[str, str, Callable[[], object]]
"""What the palette shows, what it says about it with the key, and what it does."""


def commands(screen: Screen[None], vm: VMStatus | None) -> Iterable[Command]:
    """Everything that can be done on `screen`, with its key: verbs where they make sense for `vm`."""
    seen: set[str] = set()
    for active in screen.active_bindings.values():
        binding, node = active.binding, active.node
        group, _, name = (binding.id or "").partition(".")
        if not binding.tooltip or node is screen.app or binding.id in _NOT_OFFERED:
            continue
        title = binding.tooltip
        if group == "vm":
            title = "New VM" if name == Verb.CREATE else binding.description
            if name in _ABOUT_VM:
                verb = next((verb for verb in _ABOUT_VM[name] if vm is not None and makes_sense(verb, vm)), None)
                if vm is None or verb is None:
                    continue
                title = f"{WORDING[verb].title} {one_line(vm.cluster_id)}"
        elif binding.description:
            title = binding.description
        if title in seen:
            title = binding.tooltip
        seen.add(title)
        words = f"{binding.tooltip} · {screen.app.get_key_display(binding)}"
        yield title, escape(words), partial(screen.app.run_action, binding.action, node)


_NO_VM = frozenset({Verb.CREATE, Verb.SERVER})
_ABOUT_VM: dict[str, list[Verb]] = {verb.value: [verb] for verb in Verb if verb not in _NO_VM | {Verb.RESUME}}
_ABOUT_VM["pause"].append(Verb.RESUME)
"""The verbs of the keys that act on a machine; the first that makes sense is offered."""

_NOT_OFFERED = frozenset(
    {
        *("list.up", "list.down", "list.page_up", "list.page_down", "list.first", "list.last"),
        *("view.next", "view.back", "events.show"),
    }
)
"""Keys that are nothing without the eye on the list, and second keys of what is offered already."""


def _terminal_bindings(screen: Screen[None]) -> Iterable[Binding]:
    """The terminal's own keys, which are in force only while it has the focus."""
    from podplane_tui.tui.widgets.terminal.view import TerminalView  # noqa: PLC0415 - half of what a start would import

    declared = [binding for cls in TerminalView.__mro__ for binding in cls.__dict__.get("BINDINGS", ())]
    bindings = BindingsMap(
        binding
        for binding in declared
        if isinstance(binding, Binding) and (binding.id or "").startswith("terminal.") and binding.key != "enter"
    )
    bindings.apply_keymap(screen.app._keymap)  # Textual has no public way to read it
    return [binding for found in bindings.key_to_bindings.values() for binding in found]
