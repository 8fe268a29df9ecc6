"""The keys in force on the main screen, as the help and the palette show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingsMap
from textual.markup import escape
from textual.screen import Screen

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.tui.keys.bindings import SCROLLING, TERMINAL
from podplane_tui.tui.verbs import WORDING, Verb, makes_sense

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
    bindings = BindingsMap(binding for binding in (*TERMINAL, *SCROLLING) if binding.key != "enter")
    bindings.apply_keymap(screen.app._keymap)  # Textual has no public way to read it
    return [binding for found in bindings.key_to_bindings.values() for binding in found]
