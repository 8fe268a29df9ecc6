"""Where the cursor is after VMs came and went."""

from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.tui.widgets.vm_list.cursor import Cursor, placed


def vms(names: str) -> tuple[VMStatus, ...]:
    """A stopped VM for each letter, of the other architecture for capitals."""
    found = [VMFiles("arm64" if name.isupper() else "amd64", name.lower(), Path("/d"), Path("/r")) for name in names]
    return tuple(VMStatus(files, State.STOPPED) for files in found)


def after(cursor: Cursor, names: str) -> Cursor:
    shown = vms(names)
    return placed(cursor, [vm.key for vm in shown], shown)


@pytest.mark.parametrize(
    ("names", "key", "row"),
    [
        ("abc", "b.amd64", 1),
        ("acb", "b.amd64", 2),  # it stays on its VM
        ("b", "b.amd64", 0),
        ("ac", "c.amd64", 1),  # in its place, when that is gone
        ("a", "a.amd64", 0),
        ("aBc", "b.arm64", 1),  # another architecture is another VM
    ],
)
def test_it_stays_on_its_vm_and_else_in_its_place(names: str, key: str, row: int) -> None:
    assert after(Cursor("b.amd64", 1), names) == Cursor(key, row)


def test_the_first_row_gets_it_when_there_was_none() -> None:
    assert after(Cursor(), "ab") == Cursor("a.amd64", 0)


def test_in_an_empty_list_it_is_nowhere_and_remembers_its_row() -> None:
    assert after(Cursor("b.amd64", 1, "x"), "") == Cursor(None, 1, "x")
    assert after(Cursor(None, 1), "abc") == Cursor("b.amd64", 1)


@pytest.mark.parametrize(
    ("wanted", "names", "cursor"),
    [
        ("c", "abc", Cursor("c.amd64", 2)),
        ("c.amd64", "abc", Cursor("c.amd64", 2)),
        ("c.arm64", "abcC", Cursor("c.arm64", 3)),
        ("c", "aCc", Cursor("c.arm64", 1)),  # the first of that name
        ("b", "ab", Cursor("b.amd64", 1)),  # it is there already
        ("c", "ab", Cursor("b.amd64", 1, "c")),  # not yet
        ("c", "acB", Cursor("c.amd64", 1)),
        ("c", "aB", Cursor("b.arm64", 1, "c")),
        ("c", "", Cursor(None, 1, "c")),
    ],
)
def test_what_is_wanted_gets_it_as_soon_as_it_appears(wanted: str, names: str, cursor: Cursor) -> None:
    assert after(Cursor("b.amd64", 1, wanted), names) == cursor
