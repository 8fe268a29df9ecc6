"""Copying into a real Debian guest: odd names, and what goes wrong there."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import CommandFailed, StillBooting
from podplane_tui.backend.ssh import client as ssh
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.backend.sync.copy import preview_sync, run_sync
from podplane_tui.backend.sync.output import ChangeKind
from podplane_tui.backend.sync.rsync import Rsync, SyncRequest, find_rsync
from tests.debian.clusters import BOOT_LIMIT, Clusters
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]

NAMES = [
    b"plain",
    b"two  words",
    b"it's",
    b'"q"',
    b"-v",
    b"--delete",
    b"new\nline",
    b"\xff\xfe",
    b"a:b",
    b"$HOME",
    b"*",
]


@pytest.fixture
def target(alpha: Clusters) -> SSHTarget:
    return alpha.ssh_target("alpha")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "- source"
    for folder in (root, root / "sub 'folder'"):
        folder.mkdir()
        for name in NAMES:
            (folder / os.fsdecode(name)).write_bytes(name * 9)
    (root / "out").symlink_to("../../etc/passwd")
    return root


@contextlib.contextmanager
def scratch(target: SSHTarget, folder: str, *, mount: str = "") -> Iterator[None]:
    """A folder of root's in the guest, on a file system of its own where `mount` has its options."""
    run(target, ["sudo", "mkdir", folder])
    try:
        if mount:
            run(target, ["sudo", "mount", "-t", "tmpfs", "-o", mount, "none", folder])
        yield
    finally:
        if mount:
            run(target, ["sudo", "umount", folder])
        run(target, ["sudo", "rm", "-rf", folder])


def run(target: SSHTarget, command: list[str] | str) -> bytes | None:
    """Run a command in the guest, which may be slow to answer."""
    end = time.monotonic() + BOOT_LIMIT
    while True:
        try:
            return ssh.run(target, command)
        except StillBooting:
            if time.monotonic() > end:
                raise


def listed(target: SSHTarget, folder: str) -> list[bytes]:
    """Every path below a folder of the guest, what a link points to behind it."""
    found = run(target, ["sudo", "find", folder, "-mindepth", "1", "-printf", r"%P>%l\0"])
    assert found is not None
    return sorted(found.split(b"\0")[:-1])


def tree(root: Path) -> list[bytes]:
    """The same of a folder here."""
    return sorted(
        os.fsencode(path.relative_to(root)) + b">" + (os.fsencode(path.readlink()) if path.is_symlink() else b"")
        for path in root.rglob("*")
    )


@pytest.mark.parametrize("version", [(), (3, 1, 3)], ids=["as it is", "asked to protect operands"])
def test_names_of_every_kind_arrive_as_root(
    target: SSHTarget, source: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]
) -> None:
    rsync = find_rsync()
    monkeypatch.setattr(
        "podplane_tui.backend.sync.copy.find_rsync", lambda: Rsync(rsync.path, version or rsync.version)
    )
    monkeypatch.chdir(source.parent)
    folder = "/root/two  words 'q' \"$HOME\" `id` ;id"
    shown: list[Progress] = []
    with scratch(target, folder):
        run_sync(target, SyncRequest("- source/", folder, "1000:1000"), control=Control(progress=shown.append))
        assert listed(target, folder) == tree(source)
        assert run(target, ["sudo", "stat", "-c", "%u:%g", f"{folder}/-v"]) == b"1000:1000\n"
    assert shown[-1].fraction == 1


def test_preview_and_deletion(target: SSHTarget, source: Path) -> None:
    with scratch(target, "/srv/previewed"):
        request = SyncRequest(f"{source}/", "/srv/previewed", delete=True)
        run_sync(target, request)
        run(target, ["sudo", "touch", "/srv/previewed/old"])
        preview = preview_sync(target, request)
        assert [change.path for change in preview.deletions] == ["old"]
        assert preview.counts[ChangeKind.NEW] == 0
        assert b"old>" in listed(target, "/srv/previewed")
        run_sync(target, request)
        assert listed(target, "/srv/previewed") == tree(source)


def test_full_disk(target: SSHTarget, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(2**20))
    with scratch(target, "/srv/small", mount="size=64k"):
        with pytest.raises(CommandFailed, match=r"disk is full|its disk has room"):
            run_sync(target, SyncRequest(f"{tmp_path}/", "/srv/small"))
        assert listed(target, "/srv/small") == []


@contextlib.contextmanager
def without(target: SSHTarget, program: str) -> Iterator[None]:
    """The guest without one of its programs. Whoever waits there as root brings it back, also `sudo`."""
    script = (
        f"mv {program} {program}.away; rm -f /tmp/back;"
        f" (until [ -e /tmp/back ]; do sleep 0.1; done; mv {program}.away {program}) >/dev/null 2>&1 </dev/null &"
    )
    run(target, ["sudo", "sh", "-c", script])
    try:
        yield
    finally:
        run(target, ["touch", "/tmp/back"])
        wait_until(
            lambda: run(target, f"[ -e {program} ] && echo yes || true") == b"yes\n",
            f"{program} to be back",
            seconds=BOOT_LIMIT,
        )


@pytest.mark.parametrize("name", ["rsync"])
def test_guest_without(target: SSHTarget, source: Path, name: str) -> None:
    with without(target, f"/usr/bin/{name}"), pytest.raises(CommandFailed, match=f"the VM has no {name} "):
        run_sync(target, SyncRequest(f"{source}/", "/tmp/never"))
    assert run(target, "ls -d /tmp/never 2>/dev/null || true") == b""
