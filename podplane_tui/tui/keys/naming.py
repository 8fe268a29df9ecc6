"""Which keys a binding has now, and how sentences name them."""

from __future__ import annotations

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, key_to_character

from podplane_tui.tui.keys.bindings import BY_ID

_NAMES = {"escape": "Esc", "pageup": "PgUp", "pagedown": "PgDn", "up": "↑", "down": "↓", "left": "←", "right": "→"}


def key_name(node: DOMNode, binding_id: str) -> str:
    """The first key that the binding has now, as sentences name it: `s`, `F1`, `Ctrl-F`, `Esc`."""
    return spoken(keys_of(node, binding_id)[0])


def keys_of(node: DOMNode, binding_id: str) -> tuple[str, ...]:
    """The keys that the binding has now, by Textual's names for them."""
    keymap = node.app._keymap  # Textual has no public way to read it
    return split_keys(keymap.get(binding_id) or BY_ID[binding_id].key)


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
