"""What the configuration says about the dashboard, held against what there is: themes, bindings, keys."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from podplane_tui.backend.config.model import Config
from podplane_tui.tui.keys.bindings import BY_ID, TOGETHER
from podplane_tui.tui.keys.naming import split_keys, spoken

KeysByID = Mapping[str, frozenset[str]]

_MODIFIERS = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})
_NAMED_KEYS = frozenset({key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values()))


def check(config: Config, themes: Collection[str]) -> None:
    """Raise `InvalidInput` for a theme, an id or a key that does not exist, or a key that would mean two things."""
    theme = config.dashboard.theme
    if theme not in themes:
        names = ", ".join(sorted(themes))
        raise config.fault("dashboard.theme", f"there is no theme {theme!r}", hint=f"use one of {names}")
    check_keys(config)


def check_keys(config: Config) -> None:
    """The same for ids and keys alone."""
    if not config.keys:
        return
    together = [
        {binding.id: frozenset(split_keys(binding.key)) for binding in group if binding.id} for group in TOGETHER
    ]
    defaults = {name: keys for group in together for name, keys in group.items()}
    changed = {}
    for name, wanted in config.keys.items():
        if name not in defaults:
            near = get_close_matches(name, defaults, n=3, cutoff=0.5) or sorted(defaults)
            raise config.fault(
                f"keys.{name}", f"no binding has the id {name!r}", hint=f"use an id such as {', '.join(near)}"
            )
        changed[name] = frozenset(split_keys(wanted))
        wrong = next((key for key in sorted(changed[name]) if not _is_key(key)), None)
        if wrong is not None:
            hint = "use keys such as s, S, f5, ctrl+s, question_mark"
            raise config.fault(f"keys.{name}", f"invalid key {wrong!r} for {name}", hint=hint)
    for name, keys in changed.items():
        for other, key in _rivals(name, keys - defaults[name], together, changed):
            problem = f"the key {key!r} for {name} is already that of {other}"
            raise config.fault(f"keys.{name}", problem, hint="give one of them another key")


def _rivals(
    name: str, keys: frozenset[str], together: Collection[KeysByID], changed: KeysByID
) -> Iterator[tuple[str, str]]:
    """Other bindings, in force where that of `name` is, with one of its new keys."""
    for group in together:
        if name in group:
            for other, default in group.items():
                if other != name:
                    yield from ((other, key) for key in sorted(keys & changed.get(other, default)))


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A binding: its id, its keys and the usual ones as people write them, and what they do."""

    id: str
    keys: str
    usual: str
    does: str


def key_lines(changed: Mapping[str, str]) -> tuple[KeyLine, ...]:
    """All bindings that can be changed, those of the dashboard first, with those changed that are in `changed`."""
    return tuple(
        KeyLine(name, _written(changed.get(name, each.key)), _written(each.key), each.tooltip or each.description)
        for name, each in BY_ID.items()
    )


def _written(keys: str) -> str:
    return " ".join(map(spoken, split_keys(keys)))


def _is_key(key: str) -> bool:
    *modifiers, base = key.split("+")
    return _MODIFIERS.issuperset(modifiers) and (key_to_character(base) is not None or base in _NAMED_KEYS)
