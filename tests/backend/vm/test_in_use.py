"""Whether anybody uses a VM's disk: what that forbids, in words, and real disks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import InUse
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.holders import Holder, Lock
from podplane_tui.backend.vm import in_use
from podplane_tui.backend.vm.in_use import Access, Use, overlays, require_free, require_no_overlays
from tests.conftest import Workspace

WRITER, READER = Holder(7, "qemu-nbd", writes=True), Holder(8, "cp", writes=False)


def files(workspace: Workspace, cluster_id: str = "a") -> VMFiles:
    return VMFiles("amd64", cluster_id, workspace.data, workspace.runtime)


def disk(workspace: Workspace, cluster_id: str = "a", base: Path | None = None) -> Path:
    image = files(workspace, cluster_id).image
    image.parent.mkdir(parents=True, exist_ok=True)
    options = [] if base is None else ["-b", str(base), "-F", "qcow2"]
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, str(image), "1M"], check=True)
    return image


@pytest.mark.parametrize(
    ("use", "forbidden"),
    [
        (Use(Lock.NONE), set()),
        (Use(Lock.UNKNOWN), set()),
        (Use(Lock.READER), {Access.WRITE, Access.ALONE}),
        (Use(Lock.WRITER), set(Access)),
        (Use(Lock.NONE, (READER,)), {Access.ALONE}),
        (Use(Lock.NONE, (READER, WRITER)), set(Access)),
        (Use(Lock.UNKNOWN, (WRITER,)), set(Access)),
        (Use(Lock.UNKNOWN, (READER,)), {Access.ALONE}),
    ],
)
def test_what_a_use_forbids(use: Use, forbidden: set[Access]) -> None:
    assert {access for access in Access if use.forbids(access)} == forbidden


def test_the_words_name_who_writes_first() -> None:
    assert Use(Lock.WRITER, (READER, WRITER)).words == "qemu-nbd (process 7), and 1 more, has its disk open"
    assert Use(Lock.NONE, (READER,)).words == "cp (process 8) has its disk open"
    assert Use(Lock.NONE, (Holder(9, "a\x1b[31mb\n", writes=True),)).words.isprintable()
    assert "can't be seen from here" in Use(Lock.WRITER).words


@pytest.mark.usefixtures("require_qemu")
def test_a_disk_that_nobody_has_open_is_free(workspace: Workspace) -> None:
    disk(workspace)
    for access in Access:
        require_free(files(workspace), access)
    require_free(files(workspace, "without-a-disk"), Access.ALONE)


@pytest.mark.usefixtures("require_qemu")
def test_whoever_lets_go_in_a_moment_is_waited_for(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    image = disk(workspace)
    with image.open("rb") as reading:
        child = subprocess.Popen(["sleep", "1000"], stdin=reading)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        child.kill()
        child.wait()

    monkeypatch.setattr("podplane_tui.backend.vm.in_use.time.sleep", sleep)
    require_free(files(workspace), Access.ALONE)
    assert len(waits) == 1


@pytest.mark.usefixtures("require_qemu")
def test_where_the_locks_can_not_be_asked_force_is_needed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(workspace)
    monkeypatch.setattr(in_use, "image_lock", lambda _: Lock.UNKNOWN)
    with pytest.raises(InUse, match="can't tell whether podplane-local-a is in use") as caught:
        require_free(files(workspace), Access.WRITE)
    assert "--force" in caught.value.hint
    require_free(files(workspace), Access.WRITE, force=True)


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
def test_force_does_not_take_a_disk_from_anybody(workspace: Workspace) -> None:
    image = disk(workspace)
    with image.open("r+b") as writing:
        child = subprocess.Popen(["sleep", "1000"], stdin=writing)
    try:
        with pytest.raises(InUse, match=rf"sleep \(process {child.pid}\) has its disk open"):
            require_free(files(workspace), Access.READ, force=True)
    finally:
        child.kill()
        child.wait()


@pytest.mark.usefixtures("require_qemu")
def test_a_base_of_a_base_is_needed_too(workspace: Workspace) -> None:
    base = disk(workspace)
    disk(workspace, "c", disk(workspace, "b", base))
    (base.parent / "podplane-local-broken.amd64.image.qcow2").write_bytes(b"no image")
    assert overlays(files(workspace)) == ("b", "c")
    assert overlays(files(workspace, "b")) == ("c",)
    assert overlays(files(workspace, "c")) == ()
    assert overlays(files(workspace, "missing")) == ()
    with pytest.raises(InUse, match="podplane-local-a is the base of other VMs: b, c"):
        require_no_overlays(files(workspace))
    require_no_overlays(files(workspace, "c"))


@pytest.mark.usefixtures("require_qemu")
def test_a_chain_that_bites_its_tail_comes_to_an_end(workspace: Workspace) -> None:
    first, second = disk(workspace, "a"), disk(workspace, "b")
    for image, base in ((first, second), (second, first)):
        subprocess.run(["qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", base, image], check=True)
    assert overlays(files(workspace, "a")) == ("b",)
