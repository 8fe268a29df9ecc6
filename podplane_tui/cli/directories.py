"""Where the machines are that a verb is about, and which one it means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.paths import (
    DEFAULT_CLUSTER_ID,
    IMAGE_SUFFIX,
    BaseDirectories,
    base_directories,
    base_directory,
    host_arch,
    parse_stem,
    validate_cluster_id,
)
from podplane_tui.cli.context import Choices


class Place(NamedTuple):
    """The directories, absolute, and the architecture. Without a `state_dir` it is the usual one."""

    data_dir: Path
    runtime_dir: Path
    arch: str
    state_dir: Path | None


def directories_of(choices: Choices) -> BaseDirectories:
    """podplane's directories and ours, with those chosen on the command line in place of the usual ones."""
    directories = base_directories(os.environ)
    return directories._replace(
        data=_absolute(choices.data_dir or directories.data),
        runtime=_absolute(choices.runtime_dir or directories.runtime),
        own_state=_absolute(choices.state_dir or directories.own_state),
    )


def place_of(choices: Choices) -> Place:
    """The place chosen. A home directory is needed only when a directory is left open."""
    arch = choices.arch or host_arch(os.environ)
    state = None if choices.state_dir is None else _absolute(choices.state_dir)
    data = choices.data_dir or base_directory("data", os.environ)
    runtime = choices.runtime_dir or base_directory("runtime", os.environ)
    return Place(_absolute(data), _absolute(runtime), arch, state)


def cluster_id_of(choices: Choices) -> str:
    """The cluster chosen, or the default one. Raises `InvalidInput`."""
    return validate_cluster_id(DEFAULT_CLUSTER_ID if choices.cluster_id is None else choices.cluster_id)


def _absolute(path: Path) -> Path:
    """Absolute without resolving links: QEMU's arguments name the path as the user does."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def cluster_ids(choices: Choices) -> list[str]:
    """The clusters that have a disk, sorted; [] where that can't be read. One listing: it runs at a key press."""
    try:
        names = os.listdir((choices.data_dir or base_directory("data", os.environ)) / "vms")  # noqa: PTH208 - names are all that is needed
    except (OSError, VMError):
        return []
    return sorted({parsed[0] for name in names if (parsed := parse_stem(name, IMAGE_SUFFIX))})
