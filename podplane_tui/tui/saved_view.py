"""What the dashboard remembers from one run to the next: `<state>/dashboard.json`.

A file that can't be understood counts as none: nothing in it is worth a refusal.
"""

import json
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.file_lock import alone
from podplane_tui.backend.core.files import read_small_file, write_atomic
from podplane_tui.backend.core.paths import lock_beside
from podplane_tui.tui.widgets.vm_list.order import SORTABLE, Sorting
from podplane_tui.tui.widgets.vm_list.row import OPTIONAL
from podplane_tui.tui.widgets.vm_list.table import ListView


class Memory(NamedTuple):
    """How the list was left, and whether the tour was seen."""

    view: ListView = ListView()
    toured: bool = False


def recall(path: Path) -> Memory:
    """What is remembered in `path`. Never raises."""
    try:
        value = json.loads(read_small_file(path) or b"{}")
    except (CorruptFile, OSError, ValueError, RecursionError):
        return Memory()
    if not isinstance(value, dict):
        return Memory()
    column, hidden = value.get("sort"), value.get("hidden")
    sorting = Sorting(column, value.get("descending") is True) if column in SORTABLE else Sorting()
    names = frozenset(hidden) & frozenset(OPTIONAL) if isinstance(hidden, list) and _strings(hidden) else frozenset()
    return Memory(ListView(sorting, names), value.get("toured") is True)


def remember(path: Path, memory: Memory, *, known: Memory) -> None:
    """Write down what differs from what was `known`: the rest may have been changed in another dashboard.

    Raises `OSError`, `CorruptFile`.
    """
    with alone(lock_beside(path)):
        kept = merged(recall(path), memory, known)
        value = {
            "sort": kept.view.sorting.column,
            "descending": kept.view.sorting.descending,
            "hidden": sorted(kept.view.hidden),
            "toured": kept.toured,
        }
        write_atomic(path, json.dumps(value).encode(), mode=0o600)


def merged(there: Memory, ours: Memory, known: Memory) -> Memory:
    """What is `there`, with what was changed from `known` to `ours`."""
    view = there.view
    if ours.view.sorting != known.view.sorting:
        view = view._replace(sorting=ours.view.sorting)
    if ours.view.hidden != known.view.hidden:
        view = view._replace(hidden=ours.view.hidden)
    return Memory(view, ours.toured or there.toured)


def _strings(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)
