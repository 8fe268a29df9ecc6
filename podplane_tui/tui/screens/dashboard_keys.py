"""The keys in force on the main screen, as the help and the palette show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from textual.binding import Binding, BindingsMap
from textual.markup import escape
from textual.screen import Screen

from podplane_tui.backend.core.format import count
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.verbs import VERBS, Verb, possible
from podplane_tui.tui.keys.bindings import SCROLLING, TERMINAL, VERBS_OF


class KeyLine(NamedTuple):
    """A line of the help: the keys, what they do, and why they can do nothing now ("": they can)."""

    keys: str
    words: str
    refused: str = ""


KeySection = tuple[str, Sequence[KeyLine]]
"""A heading and what stands below it."""

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


Refused = Mapping[str, str]
"""By the id of a binding, why its key can do nothing now."""


def key_sections(screen: Screen[None], refused: Refused) -> list[KeySection]:
    """The bindings in force on `screen`, as the help shows them, changed keys included.

    Those of the part that has the focus come first.
    """
    found: dict[str, dict[str, KeyLine]] = {}
    here: dict[str, None] = {}
    for active in screen.active_bindings.values():
        heading = _note(screen, active.binding, refused, found)
        if heading and active.node not in {screen, screen.app}:
            here.setdefault(heading)
    for binding in _terminal_bindings(screen):
        _note(screen, binding, refused, found)
    order = dict.fromkeys([*here, *_HEADINGS.values(), _PROGRAM])
    return [(heading, [*found[heading].values()]) for heading in order if heading in found]


def _note(screen: Screen[None], binding: Binding, refused: Refused, found: dict[str, dict[str, KeyLine]]) -> str:
    """Put a binding where it belongs; gives its heading, "" when it has nothing to say."""
    group, _, _ = (binding.id or "").partition(".")
    words = binding.tooltip or (binding.description if binding.id else "")
    if not words:
        return ""
    heading, shown = _HEADINGS.get(group, _PROGRAM), screen.app.get_key_display(binding)
    line = found.setdefault(heading, {}).setdefault(words, KeyLine("", words, refused.get(binding.id or "", "")))
    if shown not in line.keys.split():
        found[heading][words] = line._replace(keys=f"{line.keys} {shown}".strip())
    return heading


class Command(NamedTuple):
    """A command of the palette: its title, a line about it, what it does; whether the line says why it can't be."""

    title: str
    words: str
    run: Callable[[], object]
    refused: bool = False


def commands(screen: Screen[None], about: Sequence[VMStatus], refused: Refused, *, arch: str) -> Iterable[Command]:
    """Everything that can be done on `screen`, with its key; what can't be done to these VMs, with the reason.

    Names of VMs of another architecture than `arch` say so.
    """
    seen: set[str] = set()
    for active in screen.active_bindings.values():
        binding, node = active.binding, active.node
        if not binding.tooltip or node is screen.app or binding.id in _NOT_OFFERED:
            continue
        title = _title(binding, about, arch)
        if title in seen:
            title = binding.tooltip
        seen.add(title)
        why = refused.get(binding.id or "", "")
        words = f"{why or binding.tooltip} · {screen.app.get_key_display(binding)}"
        run = partial(screen.app.run_action, binding.action, node)
        yield Command(title, escape(words), run, refused=bool(why))


def _title(binding: Binding, about: Sequence[VMStatus], arch: str) -> str:
    verbs = VERBS_OF.get(binding.id or "", ())
    if Verb.CREATE in verbs:
        return "New VM"
    if about and verbs and VERBS[verbs[0]].about_vm:
        verb = next((verb for verb in verbs if any(possible(verb, vm) for vm in about)), verbs[0])
        which = one_line(about[0].label(arch)) if len(about) == 1 else count(len(about), "VM")
        return f"{VERBS[verb].title} {which}"
    return binding.description or binding.tooltip


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
