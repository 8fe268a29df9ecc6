"""The PID file: what podplane writes is read, what we write podplane can read, anything else is refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import ASIDE, MAX_SMALL_FILE, PowerCut
from podplane_tui.backend.runtime.pidfile import PIDFile, go_json

PATH = Path("/r/vms/x.pid.json")


def test_what_podplane_writes_is_read() -> None:
    assert PIDFile.parse(PATH, b'{"pid":4242,"data":null}') == PIDFile(PATH, 4242, None)
    assert PIDFile.parse(PATH, b'{"pid":4242,"data":{"key":"value"}}') == PIDFile(PATH, 4242, {"key": "value"})


def test_what_podplane_writes_is_written_back_byte_for_byte() -> None:
    for content in (b'{"pid":4242,"data":null}', b'{"pid":1,"data":{"a":"1","b":"2"}}', b'{"pid":7,"data":{}}'):
        assert PIDFile.parse(PATH, content).content() == content


def test_unknown_keys_survive_a_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(b'{"pid":1,"data":null,"later":{"x":[1,2]}}')
    found = PIDFile.read(path)
    assert found is not None
    PIDFile(path, 2, {"k": "v"}, found.unknown).write()
    assert json.loads(path.read_bytes()) == {"pid": 2, "data": {"k": "v"}, "later": {"x": [1, 2]}}


def test_go_escapes_are_kept() -> None:
    assert go_json({"a": "<b>&\u2028"}) == rb'{"a":"\u003cb\u003e\u0026\u2028"}'
    assert go_json({"X": "é"}) == '{"X":"é"}'.encode()


@pytest.mark.slow
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_data_comes_back(data: dict[str, str]) -> None:
    written = PIDFile(PATH, 99, data)
    assert PIDFile.parse(PATH, written.content()) == written


@given(st.binary())
def test_any_bytes_are_a_pid_file_or_refused(content: bytes) -> None:
    try:
        found = PIDFile.parse(PATH, content)
    except CorruptFile as error:
        assert "\n" not in str(error)  # noqa: PT017 - one of two things that may come out
    else:
        assert found.pid > 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@given(st.fixed_dictionaries({"pid": json_values, "data": json_values}))
def test_any_json_is_a_pid_file_or_refused(value: dict[str, object]) -> None:
    try:
        found = PIDFile.parse(PATH, json.dumps(value).encode())
    except CorruptFile:
        return
    assert isinstance(found.pid, int)
    assert found.data is None or all(isinstance(item, str) for item in found.data.values())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"4242", "is not a JSON object"),
        (b'{"pid":"1","data":null}', "has no valid PID"),
        (b'{"pid":0,"data":null}', "has no valid PID"),
        (b'{"pid":-1,"data":null}', "has no valid PID"),
        (b'{"pid":true,"data":null}', "has no valid PID"),
        (b'{"pid":2147483648,"data":null}', "has no valid PID"),
        (b'{"pid":99999999999999999999,"data":null}', "has no valid PID"),
        (b'{"pid":1,"data":{"a":1}}', "has data that is not a map of strings"),
        (b'{"pid":1,"data":[]}', "has data that is not a map of strings"),
        (b'{"data":null}', "has no valid PID"),
        pytest.param(b"[" * 60_000, "is not JSON", id="nested"),
        (b"\xff\xfe", "is not JSON"),
    ],
)
def test_corrupt_content_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match=why) as caught:
        PIDFile.read(path)
    assert str(caught.value) == f"{path} {why}: {ASIDE}"


def test_the_largest_pid_is_one() -> None:
    assert PIDFile.parse(PATH, b'{"pid":2147483647}').pid == 2**31 - 1


def test_no_file_is_none(tmp_path: Path) -> None:
    assert PIDFile.read(tmp_path / "none") is None


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CorruptFile, match="not a regular file"):
        PIDFile.read(tmp_path / "fifo")


def test_a_directory_a_link_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(CorruptFile, match="not a regular file"):
        PIDFile.read(tmp_path / "directory")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(CorruptFile, match="symbolic link"):
        PIDFile.read(tmp_path / "link")
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(4 * 2**30)
    with pytest.raises(CorruptFile, match=f"larger than {MAX_SMALL_FILE}"):
        PIDFile.read(huge)


@pytest.mark.parametrize(
    ("after", "durable"),
    [(PowerCut.NEW, ["file", "directory"]), (PowerCut.NEW_OR_OLD, ["file"]), (PowerCut.ANYTHING, [])],
)
def test_what_has_to_be_there_after_a_power_cut_is_made_durable(
    tmp_path: Path, synced: list[str], after: PowerCut, durable: list[str]
) -> None:
    PIDFile(tmp_path / "p.json", 5).write(after=after)
    assert synced == durable


def test_without_a_wish_a_power_cut_leaves_a_whole_file(tmp_path: Path, synced: list[str]) -> None:
    PIDFile(tmp_path / "p.json", 5).write()
    assert synced == ["file"]


def test_data_is_written_in_the_order_of_its_keys() -> None:
    assert PIDFile(PATH, 5, {"b": "2", "a": "1"}).content() == b'{"pid":5,"data":{"a":"1","b":"2"}}'


def test_half_a_character_is_written_as_a_question_mark() -> None:
    assert go_json("\ud800") == b'"?"'


def test_written_modes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "p.json"
    PIDFile(path, 5).write()
    assert path.read_bytes() == b'{"pid":5,"data":null}'
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["p.json"]
