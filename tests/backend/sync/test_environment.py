"""What rsync is run with."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import ShellError
from podplane_tui.backend.sync.environment import rsync_environment


def test_rsync_is_given_the_locale_and_where_programs_are() -> None:
    kept = {"PATH": "/bin", "TMPDIR": "/tmp", "TZ": "UTC", "LANG": "C.UTF-8", "LC_TIME": "C"}
    dropped = {"RSYNC_RSH": "x", "HOME": "/root", "SSH_AUTH_SOCK": "/a", "LD_PRELOAD": "x.so", "POSIXLY_CORRECT": "1"}
    with rsync_environment({**kept, **dropped}) as environment:
        home = Path(environment.pop("HOME"))
        assert environment == kept
        assert list(home.iterdir()) == []
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not home.exists()


def test_what_others_put_into_its_home_is_left_to_them() -> None:
    with rsync_environment({}) as environment:
        file = Path(environment["HOME"], "file")
        file.touch()
    file.unlink()
    file.parent.rmdir()


def test_a_home_that_can_not_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(ShellError, match=r"rsync can't be given a home directory of its own: .*/nowhere.*; check that"):
        rsync_environment({}).__enter__()
