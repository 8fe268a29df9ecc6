"""Changing the configuration file without losing anything that stands in it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.config import editor
from podplane_tui.backend.config.editor import ConfigFile, Value, _edited, change_config, open_config
from podplane_tui.backend.config.model import CreateDefaults
from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import CorruptFile, InvalidInput
from tests.backend.core.test_file_lock import during

COMMENTED = """\
# how I like it

[stop]
# slow guests
kill = 3  # seconds

# Keys
[keys]
vm.start = 's' # the usual
# the end
"""


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ("", {"stop.kill": 3, "dashboard.theme": "nord"}, '[stop]\nkill = 3\n\n[dashboard]\ntheme = "nord"\n'),
        ("# mine", {"stop.kill": 3}, "# mine\n\n[stop]\nkill = 3\n"),
        ("[stop]", {"stop.kill": 3}, "[stop]\nkill = 3\n"),
        ("[stop]\n\n[keys]\n", {"stop.kill": 3}, "[stop]\nkill = 3\n\n[keys]\n"),
        ("stop.kill = 3 # why\n", {"stop.kill": 4.5}, "stop.kill = 4.5 # why\n"),
        ("stop = { kill = 3 } # why\n", {"stop.kill": 4}, "stop = { kill = 4 } # why\n"),
        ("[stop]\r\nkill = 1\r\n", {"stop.terminate": 2}, "[stop]\r\nkill = 1\r\nterminate = 2\r\n"),
        (
            "[stop]\nkill = 3 # k\nterminate = 1 # t\n[keys]\n",
            {"stop.kill": None},
            "[stop]\nterminate = 1 # t\n[keys]\n",
        ),
        ("[stop]\n", {"stop.kill": None, "create.memory": None}, "[stop]\n"),
        (
            COMMENTED,
            {"stop.kill": 5, "stop.powerdown": 30, "create.cpus": 4},
            COMMENTED.replace("kill = 3", "kill = 5").replace("seconds\n", "seconds\npowerdown = 30\n")
            + "\n[create]\ncpus = 4\n",
        ),
    ],
)
def test_only_what_is_changed_changes(
    tmp_path: Path, before: str, changes: dict[str, Value | None], after: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(before.encode())
    changed = change_config(open_config(path), changes)
    assert path.read_bytes().decode() == after
    assert changed == open_config(path)
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


def test_the_file_and_its_directory_are_made(tmp_path: Path) -> None:
    path = tmp_path / "podplane-tui" / "config.toml"
    file = open_config(path)
    assert file == ConfigFile(path)
    changed = change_config(file, {"create.memory": "8G", "stop.kill": 2})
    assert changed.config.create == CreateDefaults(memory="8G")
    assert changed.config.stop == StopTimeouts(kill=2)
    assert changed.said == {"create.memory": "8G", "stop.kill": 2}
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.chmod(0o640)
    assert change_config(changed, {"stop.kill": 3}).said["stop.kill"] == 3
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", [b"[stop]\nkill = 4\n", b"[stop", None])
def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[stop]\nkill = 3\n")
    file = open_config(path)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match="was changed by another program, so nothing was written"):
        change_config(file, {"stop.kill": 5})
    assert (path.read_bytes() if path.exists() else None) == content


def test_what_somebody_writes_while_it_is_changed_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[stop]\nkill = 3\n")
    file, errors = open_config(path), list[str]()

    def change() -> None:
        try:
            change_config(file, {"stop.kill": 5})
        except InvalidInput as error:
            errors.append(error.problem)

    other = during(monkeypatch, editor, change)
    change_config(file, {"stop.kill": 4})
    other.join()
    assert errors == [f"{path} was changed by another program, so nothing was written"]
    assert path.read_text() == "[stop]\nkill = 4\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_wrong_value_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[stop]\n\nkill = 3\n")
    with pytest.raises(InvalidInput, match=r"line 3: invalid number of seconds -1 for 'kill' in .stop."):
        change_config(open_config(path), {"stop.kill": -1})
    assert path.read_text() == "[stop]\n\nkill = 3\n"


def test_a_file_that_is_wrong_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[stop]\n\nkill = 'x'\n")
    with pytest.raises(InvalidInput, match="line 3"):
        open_config(path)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    kept, path = tmp_path / "dotfiles" / "podplane.toml", tmp_path / "config.toml"
    kept.parent.mkdir()
    kept.write_text("[stop]\nkill = 3\n")
    path.symlink_to(kept)
    change_config(open_config(path), {"stop.kill": 5})
    assert path.is_symlink()
    assert kept.read_text() == "[stop]\nkill = 5\n"


def test_a_place_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((CorruptFile, InvalidInput), match=r"file/config\.toml can't be"):
        change_config(ConfigFile(tmp_path / "file" / "config.toml"), {"stop.kill": 5})


LINES = st.sampled_from(
    [
        *("", "# a comment", "[stop]", "[stop] # head", "kill = 3 # k", "powerdown=90", "'terminate' = 1.5"),
        *(
            "[keys]",
            "[keys.vm]",
            "start = 's'",
            "vm.start = 's'",
            "stop.kill = 3",
            "stop = { kill = 3, terminate = 1 }",
        ),
        *("[dashboard]", "theme = 'nord'", "[create]", "memory = '''4G'''", "  cpus = 0x4"),
    ]
)
CHANGES = st.dictionaries(
    st.sampled_from(["stop.kill", "stop.powerdown", "dashboard.theme", "create.memory", "create.cpus"]),
    st.one_of(st.none(), st.integers(1, 9), st.just('it\'s "so"')),
    max_size=4,
)


@pytest.mark.slow
@given(st.lists(LINES, max_size=14), CHANGES)
def test_no_order_of_things_loses_a_comment_or_a_value(lines: list[str], changes: dict[str, Value | None]) -> None:
    before = "\n".join(lines)
    try:
        expected = tomllib.loads(before)
    except tomllib.TOMLDecodeError:
        return
    after = _edited(before, changes)
    for setting, value in changes.items():
        table, _, name = setting.partition(".")
        if value is not None:
            expected.setdefault(table, {})[name] = value
        else:
            expected.get(table, {}).pop(name, None)
    found = tomllib.loads(after)
    assert {name: table for name, table in found.items() if table} == {
        n: table for n, table in expected.items() if table
    }
    assert after.count("# a comment") == before.count("# a comment")
    assert after.count("# head") == before.count("# head")
