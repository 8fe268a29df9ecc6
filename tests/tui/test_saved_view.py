"""What is remembered survives; what can't be understood counts as nothing."""

from pathlib import Path

import pytest

from podplane_tui.tui import saved_view
from podplane_tui.tui.saved_view import Memory, recall, remember
from podplane_tui.tui.widgets.vm_list.order import Sorting
from podplane_tui.tui.widgets.vm_list.table import ListView
from tests.backend.core.test_file_lock import during


def test_it_comes_back(tmp_path: Path) -> None:
    memory = Memory(ListView(Sorting("cpu", descending=True), frozenset({"disk"})), toured=True)
    path = tmp_path / "state" / "dashboard.json"
    assert recall(path) == Memory()
    remember(path, memory, known=Memory())
    assert recall(path) == memory


def test_two_dashboards_keep_what_was_changed_in_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dashboard.json"
    known = Memory(ListView(Sorting("cpu"), frozenset({"disk"})))
    remember(path, known, known=Memory())
    sorted_there = known._replace(view=known.view._replace(sorting=Sorting("memory")), toured=True)
    other = during(monkeypatch, saved_view, lambda: remember(path, sorted_there, known=known))
    remember(path, known._replace(view=known.view._replace(hidden=frozenset({"uptime"}))), known=known)
    other.join()
    assert recall(path) == Memory(ListView(Sorting("memory"), frozenset({"uptime"})), toured=True)


@pytest.mark.parametrize("content", [b"", b"junk", b"[]", b'{"sort": 3, "hidden": [[]], "toured": "yes"}', b"\xff"])
def test_junk_is_no_memory(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dashboard.json"
    path.write_bytes(content)
    assert recall(path) == Memory()


def test_columns_of_other_versions_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "dashboard.json"
    path.write_text('{"sort": "battery", "hidden": ["disk", "battery"], "descending": true}')
    assert recall(path) == Memory(ListView(hidden=frozenset({"disk"})))
