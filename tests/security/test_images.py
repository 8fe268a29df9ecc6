"""Images that try to put files of this host into a guest, with the real qemu-img and a real guest."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import UnconfirmedChain
from podplane_tui.backend.images.qemu_img import check_image
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import CreateSpec
from podplane_tui.backend.vm.start import StartSpec
from tests.backend.images.support import make, write_image
from tests.cli.support import Call
from tests.conftest import Workspace
from tests.guest.boot import Serial
from tests.guest.tiny import PROMPT, TinyGuest

pytestmark = pytest.mark.usefixtures("require_qemu")

SECRET = b"-----BEGIN OPENSSH PRIVATE KEY-----"
AT_ONCE = StopTimeouts(powerdown=0, terminate=60)


@pytest.fixture
def call(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> Call:
    return Call(workspace, capfd)


@pytest.fixture
def secret(workspace: Workspace) -> Path:
    path = workspace.root / ".ssh" / "id_ed25519"
    path.parent.mkdir()
    path.write_bytes(SECRET.ljust(512, b"\n"))
    return path


def hostile(path: Path, secret: Path, *, by: str) -> Path:
    """An image that reads `secret`, named relative to itself, as its backing file or data file."""
    if by == "backing file":
        make(path)
        name = f"../.ssh/{secret.name}"
        subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", name, path], check=True)
        return path
    data = path.with_name("d" * (len(str(secret)) - len(str(path.parent)) - 1))
    make(path, "-o", f"data_file={data},data_file_raw=on")
    path.write_bytes(path.read_bytes().replace(bytes(data), bytes(secret)))
    return path


@pytest.fixture
def images(workspace: Workspace) -> Path:
    path = workspace.root / "images"
    path.mkdir()
    return path


@pytest.mark.vm
def test_a_guest_reads_no_file_of_this_host_unless_it_was_confirmed(
    workspace: Workspace, call: Call, images: Path, secret: Path, tiny_ssh_guest: TinyGuest
) -> None:
    base, guest = hostile(images / "base.qcow2", secret, by="backing file"), tiny_ssh_guest
    create = ("create", "--id", "web", "--image", str(base), "--disk-size", "64M")
    refused = call(*create, "--json")
    assert refused.returncode == 1
    error = json.loads(refused.stdout.splitlines()[-1])["error"]
    assert error["type"] == "UnconfirmedChain"
    assert str(secret) in error["problem"]
    assert not (workspace.data / "vms").exists()

    # A disk whose base turns into such an image after it was made.
    harmless = make(images / "harmless.qcow2")
    assert call("create", "--id", "web", "--image", str(harmless), "--disk-size", "64M").returncode == 0
    shutil.copyfile(base, harmless)
    cluster = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="web", arch="amd64")
    direct = ("--kernel", str(guest.kernel), "--initrd", str(guest.initramfs), "--cmdline", guest.cmdline)
    start = ("start", "--id", "web", "--accel", "tcg", "--memory", "256M", *direct)
    refused = call(*start)
    assert refused.returncode == 1
    assert f"{secret} (raw); check them, then start it with --allow-backing-chain" in refused.stderr
    assert not cluster.qemu.running()

    # What is refused is no fancy: once confirmed, the guest reads it.
    allowed = call(*start, "--allow-backing-chain")
    try:
        assert allowed.returncode == 0, allowed
        assert f"the guest can read {harmless} (qcow2), {secret} (raw)" in allowed.stderr
        with contextlib.closing(Serial(cluster.files.console)) as serial:
            serial.send("\n")
            serial.wait_for(PROMPT)
            serial.send("head -c 35 /dev/vda\n")
            serial.wait_for(SECRET.decode())
    finally:
        cluster.stop(timeouts=AT_ONCE)


@pytest.mark.parametrize("by", ["backing file", "data file"])
def test_an_image_that_reads_a_file_of_this_host_is_no_base(
    workspace: Workspace, call: Call, images: Path, secret: Path, by: str
) -> None:
    base = hostile(images / "base.qcow2", secret, by=by)
    done = call("create", "--id", "web", "--image", str(base))
    assert done.returncode == 1
    assert str(secret) in done.stderr, done
    assert not (workspace.data / "vms").exists()


def test_a_downloaded_image_has_to_stand_alone_even_when_it_is_confirmed(
    workspace: Workspace, call: Call, secret: Path
) -> None:
    folder = workspace.root / "cache" / "podplane" / "deps" / "vmconfig" / "artifacts" / "os-image" / "1"
    folder.mkdir(parents=True)
    image = write_image(folder / "debian.qcow2", base=str(secret), kind="raw")
    (folder / "link").symlink_to(image)
    for name in ("debian.qcow2", str(image), str(folder / "link")):
        done = call("create", "--id", "web", "--image", name, "--allow-backing-chain")
        assert done.returncode == 1
        assert "the downloaded image debian.qcow2 is refused: it has a backing file" in done.stderr, done
    assert not (workspace.data / "vms").exists()


@pytest.mark.slow
def test_no_image_is_opened_in_a_format_that_has_to_be_guessed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, images: Path
) -> None:
    log, program = workspace.root / "log", workspace.root / "bin" / "qemu-img"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >>"{log}"\nexec "{shutil.which("qemu-img")}" "$@"\n')
    program.chmod(0o755)
    base = make(images / "base.qcow2")
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    place = {"data_dir": workspace.data, "runtime_dir": workspace.runtime, "arch": "amd64"}
    cluster = Cluster(cluster_id="a", **place)  # type: ignore[arg-type]
    cluster.create(CreateSpec(image=str(base), disk_size="64M"))
    cluster.disk.grow("65M")
    cluster.disk.take_snapshot("x")
    cluster.disk.restore_snapshot("x")
    cluster.disk.delete_snapshot("x")
    check_image(cluster.files.image, fix_leaks=True)
    Cluster(cluster_id="b", **place).create(CreateSpec(source="a"))  # type: ignore[arg-type]
    lines = log.read_text().splitlines()
    assert {line.split()[0] for line in lines} == {"create", "resize", "info", "snapshot", "check", "convert"}
    for line in lines:
        assert "-f qcow2" in line or "--image-opts driver=qcow2," in line, line
        assert ("-b " not in line and "-B " not in line) or "-F qcow2" in line, line


@pytest.mark.vm
@pytest.mark.slow
def test_qemu_guesses_no_format_where_firmware_boots(workspace: Workspace) -> None:
    cluster = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="amd64")
    cluster.create(CreateSpec(image="empty"))
    cluster.start(StartSpec(network=False, memory="64M", cpus="1", accelerator="tcg"))
    try:
        process = cluster.qemu.process()
        assert process is not None
        files = [item for item in process.arguments if "file=" in item and "logfile=" not in item]
        assert len(files) == 4
        assert all("format=" in item for item in files)
        assert "-hda" not in process.arguments
    finally:
        cluster.stop(timeouts=AT_ONCE)


@pytest.mark.vm
@pytest.mark.slow
def test_a_base_that_changes_between_the_check_and_its_use_ends_the_vm(
    workspace: Workspace, images: Path, secret: Path
) -> None:
    base = make(images / "base.qcow2")
    evil = hostile(images / "evil.qcow2", secret, by="backing file")
    cluster = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="amd64")
    cluster.create(CreateSpec(image=str(base)))

    def swap(step: str) -> None:
        if step.startswith("starting QEMU"):
            evil.replace(base)

    with pytest.raises(UnconfirmedChain, match=r"id_ed25519 \(raw\)"):
        cluster.start(StartSpec(network=False, memory="64M", accelerator="tcg"), control=Control(report=swap))
    assert not cluster.qemu.running()
    assert not cluster.files.pid_file.exists()
