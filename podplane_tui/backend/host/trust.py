"""Whether others can put their own files into a directory of ours: then what stands in it proves nothing."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from pathlib import Path
from typing import NamedTuple

if sys.platform != "win32":
    import grp
    import pwd


class Weakness(NamedTuple):
    """What is wrong with a directory, and the command that puts it right."""

    problem: str
    command: str


def weakness(path: Path) -> Weakness | None:
    """How others can change what is in the directory at `path`, if it exists; None when they can't.

    Of the directories above it only those count in which anybody may rename others' entries. Raises `OSError`.
    """
    real = Path(os.path.realpath(path))
    for directory in dict.fromkeys((path, *path.parents, *real.parents)):  # links may be exchanged on the way as well
        try:
            info = directory.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        found = weakness_of(directory, info, own=directory == path)
        if found is not None:
            return found
    return None


def weakness_of(directory: Path, info: os.stat_result, *, own: bool) -> Weakness | None:
    """The same for one directory with these facts: one of our own, or one above those."""
    operand = shlex.quote(str(directory))
    if info.st_mode & stat.S_IWOTH and (own or not info.st_mode & stat.S_ISVTX):
        return Weakness(f"anybody may write to {directory}", f"chmod o-w {operand}")
    if not own:
        return None
    if info.st_uid not in {0, os.geteuid()}:
        # To root it may be somebody's, who would lose it.
        command = f"sudo chown {os.geteuid()} {operand}" if os.geteuid() else "run podplane-tui as that user"
        return Weakness(f"{directory} belongs to another user", command)
    if info.st_mode & stat.S_IWGRP and not _is_private(info.st_gid):
        return Weakness(f"others of its group may write to {directory}", f"chmod g-w {operand}")
    return None


def _is_private(group_id: int) -> bool:
    """Whether the group is this user's alone, as many distributions give each user one."""
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(group_id)
    except KeyError:
        return False
    return group_id == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
