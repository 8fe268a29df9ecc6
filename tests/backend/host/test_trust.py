"""Directories that others may write to."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

import pytest

from podplane_tui.backend.host.trust import Weakness, weakness, weakness_of

US = os.geteuid()
PRIVATE = pwd.getpwuid(US).pw_gid
OTHERS = next(group.gr_gid for group in grp.getgrall() if group.gr_gid != PRIVATE)

OWN = f"sudo chown {US} '/a b'" if US else "run podplane-tui as that user"


def info(mode: int, user: int = US, group: int = PRIVATE) -> os.stat_result:
    return os.stat_result((stat.S_IFDIR | mode, 1, 1, 1, user, group, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("facts", "own", "problem", "command"),
    [
        (info(0o700), True, None, None),
        (info(0o755, user=0), True, None, None),
        (info(0o775, group=OTHERS), True, "others of its group may write to /a b", "chmod g-w '/a b'"),
        (info(0o775, group=2**31 - 3), True, "others of its group may write to /a b", "chmod g-w '/a b'"),
        (info(0o777), True, "anybody may write to /a b", "chmod o-w '/a b'"),
        (info(0o1777), True, "anybody may write to /a b", "chmod o-w '/a b'"),
        (info(0o700, user=US + 1), True, "/a b belongs to another user", OWN),
        (info(0o755, user=US + 1, group=OTHERS), False, None, None),
        (info(0o775, group=OTHERS), False, None, None),
        (info(0o1777, user=US + 1), False, None, None),
        (info(0o777), False, "anybody may write to /a b", "chmod o-w '/a b'"),
    ],
)
def test_what_others_may_do(facts: os.stat_result, own: bool, problem: str | None, command: str | None) -> None:
    expected = None if problem is None or command is None else Weakness(problem, command)
    assert weakness_of(Path("/a b"), facts, own=own) == expected


def test_a_group_of_ones_own_may_write() -> None:
    if grp.getgrgid(PRIVATE).gr_name != pwd.getpwuid(US).pw_name:
        pytest.skip("this user has no group of that name")
    assert weakness_of(Path("/a"), info(0o775), own=True) is None


def test_the_directories_above_are_looked_at_too(tmp_path: Path) -> None:
    below = tmp_path / "open" / "below"
    below.mkdir(parents=True)
    assert weakness(below) is None
    assert weakness(tmp_path / "none" / "yet") is None
    below.parent.chmod(0o777)
    for path in (below, below / "none" / "yet"):
        assert weakness(path) == Weakness(f"anybody may write to {below.parent}", f"chmod o-w {below.parent}")


def test_a_directory_is_no_better_than_those_above_what_a_link_leads_to(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "vms").mkdir(parents=True)
    (tmp_path / "vms").symlink_to(shared / "vms")
    assert weakness(tmp_path / "vms") is None
    shared.chmod(0o777)
    found = weakness(tmp_path / "vms")
    assert found is not None
    assert found.problem == f"anybody may write to {shared}"
