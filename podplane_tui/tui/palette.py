"""The command palette: every key of the dashboard by its name, and Textual's own commands."""

from __future__ import annotations

from collections.abc import Iterable

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from podplane_tui.tui.screens import dashboard_keys
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.dashboard_keys import Command

_NOT_OFFERED = frozenset({"Keys", "Maximize"})
"""Textual's commands that leave the list in the middle of nothing, or open a panel that no key closes."""


class PaletteCommands(Provider):
    """Commands in the order of their titles; what can't be done now is dim, and its line says why."""

    def commands(self) -> list[Command]:
        """All of them, ours in the place of Textual's of the same name."""
        found = {each.title: each for each in (*self._textuals(), *self._ours())}
        return sorted(found.values(), key=lambda each: each.title)

    def _ours(self) -> Iterable[Command]:
        screen = self.screen
        if not isinstance(screen, Dashboard):
            return ()
        return dashboard_keys.commands(screen, screen.about, screen.refused, arch=screen.table.arch)

    def _textuals(self) -> Iterable[Command]:
        for title, words, run, _ in self.app.get_system_commands(self.screen):
            if title not in _NOT_OFFERED:
                yield Command(title, words, run)

    async def discover(self) -> Hits:
        """What is shown before anything is typed: everything."""
        for each in self.commands():
            yield DiscoveryHit(_shown(Content(each.title), each), each.run, text=each.title, help=each.words)

    async def search(self, query: str) -> Hits:
        """What matches `query`."""
        matcher = self.matcher(query)
        for each in self.commands():
            if (score := matcher.match(each.title)) > 0:
                yield Hit(
                    score, _shown(matcher.highlight(each.title), each), each.run, text=each.title, help=each.words
                )


def _shown(title: Content, command: Command) -> Content:
    return title.stylize("dim") if command.refused else title
