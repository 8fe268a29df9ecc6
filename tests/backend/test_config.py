"""The configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.config import Config, RecordingLimits, load_config, read_config
from podplane_tui.backend.errors import InvalidInput
from podplane_tui.backend.interface import StopTimeouts


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config({"HOME": str(tmp_path)}) == Config(StopTimeouts(90, 10, 10))
    assert load_config({}) == Config()


def test_what_is_said_replaces_the_default(tmp_path: Path) -> None:
    path = tmp_path / "podplane-tui" / "config.toml"
    path.parent.mkdir()
    path.write_text("[stop]\npowerdown = 30\nkill = 2.5\n")
    assert load_config({"XDG_CONFIG_HOME": str(tmp_path), "HOME": "/nowhere"}).stop == StopTimeouts(30, 10, 2.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[stop", "is not TOML"),
        ("[stop]\npowerdown = soon\n", "line 2"),
        ("[stop]\npowerdown = 'soon'\n", "'powerdown' in .stop. is not a number"),
        ("[stop]\npowerdown = -1\n", "use 0 or more"),
        ("[stop]\nkill = inf\n", "use 0 or more"),
        ("[stop]\nkill = true\n", "use 0 or more"),
        ("[stop]\npatience = 1\n", "'patience' in .stop. is not known"),
        ("stop = 3\n", "not a table"),
        ("[stopp]\n", "'stopp' is not known"),
        ("\x00", "is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=words) as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_directory_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be read"):
        read_config(tmp_path)


def test_how_much_is_recorded_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert read_config(path).recordings == RecordingLimits(boots=10, megabytes=64)
    path.write_text("[recordings]\nboots = 3\n")
    assert read_config(path).recordings == RecordingLimits(boots=3, megabytes=64)
    for wrong, words in (
        ("boots = 0", "'boots' in .recordings. is not a number"),
        ("megabytes = true", "'megabytes' in .recordings. is not a number"),
        ("size = 3", "'size' in .recordings. is not known: use boots, megabytes"),
    ):
        path.write_text(f"[recordings]\n{wrong}\n")
        with pytest.raises(InvalidInput, match=words):
            read_config(path)
