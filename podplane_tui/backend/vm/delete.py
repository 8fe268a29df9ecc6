"""What deleting a machine removes: found first, shown to the user, then removed, and nothing else."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CorruptFile, DeleteFailed
from podplane_tui.backend.core.files import read_small_file
from podplane_tui.backend.core.paths import ARCHITECTURES, VMFiles, lock_beside
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.filesystems import mount_points
from podplane_tui.backend.runtime.leftovers import temporaries
from podplane_tui.backend.sync.log import previous


def machine_files(files: VMFiles) -> tuple[Path, ...]:
    """Disk, seed, UEFI variables and runtime files of the machine of `files`, whatever stands there in their place.

    That is all of it that podplane's VM manager knows; recordings, settings and the cluster's data are not among it.
    """
    own = (files.image, files.seed, files.efivars, files.pid_file, files.console, files.qmp, files.qemu_log)
    return tuple(path for path in (*own, *temporaries(files)) if os.path.lexists(path))


def deletion_plan(files: VMFiles) -> tuple[Path, ...]:
    """Everything that belongs to the machine of `files`, existing paths only; folders stand for all they hold.

    Its recordings, the host keys it has shown and what is remembered of it are among it.

    Shared keys, caches and TLS assets stay, and so do logins in podplane's own configuration and kubectl's. While the
    same cluster has a disk of the other architecture, what the two share stays as well.
    """
    own = [
        files.console_lock,
        files.console_request,
        files.recordings_dir,
        files.known_hosts,
        lock_beside(files.known_hosts),
        files.settings,
        files.settings_lock,
        files.kept_user_data,
        files.sync_log,
        previous(files.sync_log),
    ]
    shared = [files.state_file, *_set_aside([files.state_file]), files.cluster_dir, *_server_records(files)]
    others = (
        VMFiles(arch, files.cluster_id, files.data_dir, files.runtime_dir, files.state_dir)
        for arch in ARCHITECTURES
        if arch != files.arch
    )
    if any(os.path.lexists(other.image) for other in others):
        shared = []
    aside = _set_aside(
        [files.seed, files.efivars, files.pid_file, files.console, files.qmp, files.qemu_log, files.lock]
    )
    return (*machine_files(files), *(path for path in [*own, *aside, *shared] if os.path.lexists(path)))


def _set_aside(paths: Iterable[Path]) -> list[Path]:
    """What repairs have moved aside of these files."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            found += sorted(each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}.broken-"))
    return found


def _server_records(files: VMFiles) -> list[Path]:
    """What podplane's local server keeps for this cluster: buckets, and its fake Nstance's records."""
    cluster_id, data = files.cluster_id, files.data_dir
    nstance = data / "nstance-fake"
    folders = (data / "s3" / "buckets", data / "s3" / "metadata")
    paths = [folder / f"{cluster_id}-{name}" for folder in folders for name in ("netsy", "telemetry")]
    paths += [nstance / "fakeserver" / "tenants" / cluster_id, nstance / "podplane" / "clusters" / cluster_id]
    with contextlib.suppress(OSError):
        for instance in sorted((nstance / "fakeserver" / "instances").iterdir()):
            if not instance.is_symlink() and _tenant_of(instance / "instance.json") == cluster_id:
                paths.append(instance)
    return paths


def _tenant_of(instance_file: Path) -> str | None:
    """The tenant a fake Nstance instance record names; None when it can't be told."""
    try:
        content = read_small_file(instance_file)
        value = json.loads(content) if content is not None else None
    except (CorruptFile, ValueError, RecursionError):
        return None
    tenant = value.get("tenant_id") if isinstance(value, dict) else None
    return tenant if isinstance(tenant, str) else None


def remove(plan: Iterable[Path], files: VMFiles, control: Control) -> None:
    """Remove what is in `plan` and still in the machine's own: the rest is gone, or never was its own.

    The disk goes last: until then there is a machine to be seen, and to be deleted again, whatever ends this half-way.
    Raises `OSError`, `DeleteFailed`.
    """
    allowed = set(deletion_plan(files))
    doomed = [path for path in sorted(plan, key=lambda path: path == files.image) if path in allowed]
    _require_no_mounts(doomed)
    for path in doomed:
        control.report(f"removing {path.name}")
        if path.is_dir() and not path.is_symlink():
            _remove_folder(path)
        else:
            path.unlink(missing_ok=True)


def _require_no_mounts(paths: Iterable[Path]) -> None:
    """Raise `DeleteFailed` when something is mounted at or below one of these: that is no part of the VM."""
    mounts = mount_points()
    for path in paths:
        real = Path(os.path.realpath(path.parent), path.name)  # what a link leads to stays anyway
        found = next((mount for mount in mounts if mount.is_relative_to(real)), None)
        if found is not None:
            raise DeleteFailed(f"something is mounted at {found}", hint="remove that mount, then delete again")


def kind_of(path: Path) -> str:
    """What to say behind the name of a path that a deletion removes: a slash for a folder, of a link what stays."""
    try:
        if path.is_symlink():
            return f" (a link; {one_line(str(path.readlink()), limit=4000)} stays)"
        return "/" if path.is_dir() else ""
    except OSError:
        return ""


def _remove_folder(path: Path) -> None:
    """Remove a folder with all it holds, however deep. Raises `OSError`, `DeleteFailed`."""
    try:
        shutil.rmtree(path)
    except RecursionError:
        _leave_to_rm(path)  # before Python 3.13 every level is a nested call
    except OSError as error:
        if error.errno != errno.EMFILE:  # in every version every level keeps a descriptor open
            raise
        _leave_to_rm(path)


def _leave_to_rm(path: Path) -> None:
    """Remove with `rm`, which has no limit on the depth."""
    command = ["rm", "-rf", "--", str(path)]
    environment = {**os.environ, "LC_ALL": "C"}
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if result.returncode:
        words = one_line(result.stderr)
        raise DeleteFailed(f"{path} could not be removed: {words}", hint="remove it by hand, then delete again")
