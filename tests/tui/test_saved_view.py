"""What is remembered survives; what can't be understood counts as nothing."""

from pathlib import Path

import pytest

from podplane_tui.tui.saved_view import Memory, recall, remember
from podplane_tui.tui.widgets.vm_list.order import Sorting
from podplane_tui.tui.widgets.vm_list.table import ListView


def test_it_comes_back(tmp_path: Path) -> None:
    memory = Memory(ListView(Sorting("cpu", descending=True), frozenset({"disk"})), toured=True)
    path = tmp_path / "state" / "dashboard.json"
    assert recall(path) == Memory()
    remember(path, memory)
    assert recall(path) == memory


@pytest.mark.parametrize("content", [b"", b"junk", b"[]", b'{"sort": 3, "hidden": [[]], "toured": "yes"}', b"\xff"])
def test_junk_is_no_memory(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dashboard.json"
    path.write_bytes(content)
    assert recall(path) == Memory()


def test_columns_of_other_versions_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "dashboard.json"
    path.write_text('{"sort": "battery", "hidden": ["disk", "battery"], "descending": true}')
    assert recall(path) == Memory(ListView(hidden=frozenset({"disk"})))
