"""Which keys bindings have: as declared, as the configuration changes them, and how sentences name them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from itertools import chain

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, key_to_character
from textual.screen import ModalScreen

from podplane_tui import tui

KeyNamer = Callable[[str], str]
"""Gives the name of the key of the binding with this id: see `key_name`."""

Place = dict[str, Binding]
"""Bindings that are in force together, by their ids."""

_NAMES = {"escape": "Esc", "pageup": "PgUp", "pagedown": "PgDn", "up": "↑", "down": "↓", "left": "←", "right": "→"}


def key_name(node: DOMNode, binding_id: str) -> str:
    """The first key that the binding has now, as sentences name it: `s`, `F1`, `Ctrl-F`, `Esc`."""
    return spoken(keys_of(node, binding_id)[0])


def keys_of(node: DOMNode, binding_id: str) -> tuple[str, ...]:
    """The keys that the binding has now, by Textual's names for them."""
    keymap = node.app._keymap  # Textual has no public way to read it
    return split_keys(keymap.get(binding_id) or _declared_here(binding_id))


def spoken(key: str) -> str:
    """Textual's name of a key as people write it."""
    *modifiers, base = key.split("+")
    character = key_to_character(REPLACED_KEYS.get(base, base))
    if base in _NAMES:
        name = _NAMES[base]
    elif character is not None and character.isprintable() and not character.isspace():
        name = character.upper() if modifiers else character
    else:
        name = base.replace("_", " ").title()
    return "-".join([*(modifier.title() for modifier in modifiers), name])


def split_keys(keys: str) -> tuple[str, ...]:
    """The single keys of a list with commas, by Textual's names for them; "" for one left out."""
    given = [Binding(key.strip(), "", "") for key in keys.split(",")]
    return tuple(binding.key for one in given for binding in (Binding.make_bindings([one]) if one.key else [one]))


def places() -> Iterator[Place]:
    """All bindings, as they are declared: those of each dialog, and at last those of the dashboard."""
    from pkgutil import walk_packages  # noqa: PLC0415 - asked for rarely

    for module in walk_packages(tui.__path__, f"{tui.__name__}."):
        import_module(module.name)
    from podplane_tui.tui.widgets.terminal.search_bar import TerminalSearch  # noqa: PLC0415 - imported by now

    main: Place = {}
    for cls in _classes():
        if issubclass(cls, ModalScreen | TerminalSearch):
            yield _declared(cls)
        else:
            main |= _declared(cls)
    yield main


@cache
def _declared_here(binding_id: str) -> str:
    """The usual keys of a binding; whoever speaks of it has imported it, as a rule."""
    known = chain(map(_declared, _classes()), places())
    return next(place[binding_id].key for place in known if binding_id in place)


def _declared(cls: type[DOMNode]) -> Place:
    bindings = [binding for ancestor in reversed(cls.__mro__) for binding in ancestor.__dict__.get("BINDINGS", ())]
    return {
        binding.id: binding for binding in bindings if isinstance(binding, Binding) and binding.id and "." in binding.id
    }


def _classes(cls: type[DOMNode] = DOMNode) -> Iterator[type[DOMNode]]:
    """Our own classes with bindings, as far as they are imported."""
    for child in cls.__subclasses__():
        if child.__module__.startswith(f"{tui.__name__}."):
            yield child
        yield from _classes(child)
