"""The footer: the keys that matter most, as many as there is room for."""

from collections.abc import Iterable, Mapping, Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import var
from textual.widgets import Footer
from textual.widgets._footer import FooterKey  # Textual has no public name for it

from podplane_tui.tui.keys.bindings import DASHBOARD

_FIRST_TO_GO = (
    *("verb('sync')", "verb('restart')", "filter", "verb('delete')", "verb('create')", "show_tab('console')"),
    *("verb('start')", "verb('stop')"),
)
"""The actions whose keys are left out where there is little room, in this order; help and leaving stay."""

_ROOMY, _TIGHT = 3, 2
"""Cells around a key and its words, as the style sheet has them."""


class KeyFooter(Footer):
    """Keys stand closer together, and the less important ones are left out, where a line can't hold them all.

    They are counted anew here with every change of size: Textual keeps the width of each for as long as it lives.
    """

    refused: var[Mapping[str, str]] = var(dict, init=False)
    """By the id of a binding, why its key can do nothing now: it is greyed, and still says why when it is pressed."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)

    def watch_refused(self) -> None:
        """Others can be done now."""
        self._grey(self.query(FooterKey))

    def _grey(self, keys: Iterable[FooterKey]) -> None:
        by_action = {binding.action: binding for binding in DASHBOARD}
        for key in keys:
            if (binding := by_action.get(key.action)) is not None:
                why = self.refused.get(binding.id or "", "")
                key.set_class(bool(why), "-refused")
                key.tooltip = Content(why or binding.tooltip)  # a reason may name any path

    def compose(self) -> ComposeResult:
        """Those that fit."""
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        self._fit(keys)
        self._grey(keys)
        yield from keys

    def on_resize(self) -> None:
        """Others may fit now."""
        keys = list(self.query(FooterKey))
        self._fit(keys)
        for key in keys:
            key.refresh(layout=True)

    def _fit(self, keys: Sequence[FooterKey]) -> None:
        room = self.size.width
        self.set_class(_width(keys, _ROOMY) > room, "-tight")
        left = list(keys)
        for action in _FIRST_TO_GO:
            if _width(left, _TIGHT) <= room:
                break
            left = [key for key in left if key.action != action]
        for key in keys:
            key.display = key in left


def _width(keys: Sequence[FooterKey], around: int) -> int:
    return sum(len(key.key_display) + len(key.description) + around for key in keys)
