"""What the configuration says about the dashboard, held against what there is: themes, bindings, keys."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from pkgutil import walk_packages

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character
from textual.screen import ModalScreen

from podplane_tui import tui
from podplane_tui.backend.config import Config
from podplane_tui.tui.widgets.terminal_search import TerminalSearch

KeysByID = Mapping[str, frozenset[str]]

_MODIFIERS = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})
_NAMED_KEYS = frozenset({key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values()))


def check(config: Config, themes: Collection[str]) -> None:
    """Raise `InvalidInput` for a theme, an id or a key that does not exist, or a key that would mean two things."""
    theme = config.dashboard.theme
    if theme not in themes:
        names = ", ".join(sorted(themes))
        raise config.fault("dashboard.theme", f"there is no theme {theme!r}: use one of {names}")
    if not config.keys:
        return
    places = tuple(_places())
    defaults = {name: keys for place in places for name, keys in place.items()}
    changed = {}
    for name, wanted in config.keys.items():
        if name not in defaults:
            near = get_close_matches(name, defaults, n=3, cutoff=0.5) or sorted(defaults)
            raise config.fault(f"keys.{name}", f"no binding has the id {name!r}: did you mean {', '.join(near)}?")
        changed[name] = _split(wanted)
        wrong = next((key for key in sorted(changed[name]) if not _is_key(key)), None)
        if wrong is not None:
            words = f"{wrong!r} for {name} is no key: write such as s, S, f5, ctrl+s, question_mark"
            raise config.fault(f"keys.{name}", words)
    for name, keys in changed.items():
        for other, key in _rivals(name, keys - defaults[name], places, changed):
            words = f"{key!r} for {name} is the key of {other} already: give one of them another"
            raise config.fault(f"keys.{name}", words)


def _rivals(
    name: str, keys: frozenset[str], places: Collection[KeysByID], changed: KeysByID
) -> Iterator[tuple[str, str]]:
    """Other bindings, in force where that of `name` is, with one of its new keys."""
    for place in places:
        if name in place:
            for other, default in place.items():
                if other != name:
                    yield from ((other, key) for key in sorted(keys & changed.get(other, default)))


def _places() -> Iterator[dict[str, frozenset[str]]]:
    """Ids and their usual keys, for everything that is in force together: the dashboard, and each dialog by itself."""
    for module in walk_packages(tui.__path__, f"{tui.__name__}."):
        import_module(module.name)
    main: dict[str, frozenset[str]] = {}
    for cls in _descendants(DOMNode):
        if cls.__module__.startswith(f"{tui.__name__}."):
            if issubclass(cls, ModalScreen | TerminalSearch):
                yield _declared(cls)
            else:
                main |= _declared(cls)
    yield main


def _declared(cls: type[DOMNode]) -> dict[str, frozenset[str]]:
    bindings = [binding for ancestor in reversed(cls.__mro__) for binding in ancestor.__dict__.get("BINDINGS", ())]
    return {
        binding.id: _split(binding.key)
        for binding in bindings
        if isinstance(binding, Binding) and binding.id and "." in binding.id
    }


def _descendants(cls: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for child in cls.__subclasses__():
        yield child
        yield from _descendants(child)


def _split(keys: str) -> frozenset[str]:
    """The single keys, by Textual's names for them; "" for one left out."""
    given = [Binding(key.strip(), "", "") for key in keys.split(",")]
    return frozenset(binding.key for one in given for binding in (Binding.make_bindings([one]) if one.key else [one]))


def _is_key(key: str) -> bool:
    *modifiers, base = key.split("+")
    return _MODIFIERS.issuperset(modifiers) and (key_to_character(base) is not None or base in _NAMED_KEYS)
