"""What a VM's guest can read of this host, and what was confirmed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CreateFailed, InvalidImage, UnconfirmedChain
from podplane_tui.backend.vm.backing import confirm_chain, readable_chain, require_confirmed, unconfirmed_chain
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK, CreateSpec
from podplane_tui.backend.vm.launch import Launch, check
from podplane_tui.backend.vm.repair import RepairPlan
from podplane_tui.backend.vm.start import StartSpec
from tests.backend.vm import support

pytestmark = pytest.mark.usefixtures("require_qemu")


def rebase(image: Path, base: Path, kind: str) -> None:
    subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", kind, "-b", base, image], check=True)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"secret".ljust(512))
    return path


@pytest.fixture
def reading(made: Cluster, base: Path, secret: Path) -> Cluster:
    """A VM whose base image has become one on top of a file of this host."""
    rebase(base, secret, "raw")
    return made


def test_a_disk_on_a_base_image_needs_no_confirmation(made: Cluster) -> None:
    assert unconfirmed_chain(made.files) == ()
    require_confirmed(made.files)


@pytest.mark.slow
def test_everything_that_opens_the_disk_needs_the_files_confirmed(reading: Cluster, base: Path, secret: Path) -> None:
    chain = (f"{base} (qcow2)", f"{secret} (raw)")
    copy = support.cluster(base.parent, "copy")
    for verb in (
        lambda: reading.start(StartSpec(network=False)),
        lambda: reading.restart(StartSpec(network=False)),
        lambda: check(reading.files, Launch()),
        lambda: reading.disk.grow("2G"),
        lambda: reading.disk.take_snapshot("x"),
        lambda: copy.create(CreateSpec(source="a")),
        lambda: reading.repair(RepairPlan(), fix_leaks=True),
    ):
        with pytest.raises(
            UnconfirmedChain, match=r"names files that QEMU would read: .*; check them, then start"
        ) as caught:
            verb()
        assert caught.value.chain == chain == readable_chain(reading.files)
    confirm_chain(reading.files, chain)
    assert unconfirmed_chain(reading.files) == ()
    reading.disk.take_snapshot("x")
    copy.create(CreateSpec(source="a"))
    assert unconfirmed_chain(copy.files) == ()


def test_podplane_starts_no_vm_with_unconfirmed_files(
    reading: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    podplane = support.put(tmp_path / "bin" / "podplane", f"#!/bin/sh\ntouch {tmp_path}/started\n")
    podplane.chmod(0o755)
    monkeypatch.setenv("PATH", str(podplane.parent), prepend=":")
    support.put(reading.files.cluster_config, "{}")
    with pytest.raises(UnconfirmedChain, match="check them, then start it with"):
        reading.start()
    assert not (tmp_path / "started").exists()


@pytest.mark.slow
def test_what_was_confirmed_is_just_that(reading: Cluster, base: Path, secret: Path) -> None:
    confirm_chain(reading.files, unconfirmed_chain(reading.files))
    other = secret.with_name("other")
    other.write_bytes(bytes(512))
    rebase(base, other, "raw")
    assert unconfirmed_chain(reading.files) == (f"{base} (qcow2)", f"{other} (raw)")
    rebase(base, secret, "raw")
    assert unconfirmed_chain(reading.files) == ()
    reading.files.image.unlink()
    reading.create(EMPTY_DISK)  # another disk: nothing of it was confirmed
    rebase(reading.files.image, base, "qcow2")
    assert unconfirmed_chain(reading.files) == (f"{base} (qcow2)", f"{secret} (raw)")


def test_a_chain_that_can_not_be_read_is_the_starts_affair(made: Cluster, base: Path) -> None:
    base.unlink()
    assert readable_chain(made.files) == ()
    with pytest.raises(InvalidImage, match="is gone: put it back"):
        require_confirmed(made.files)


def test_an_image_that_brings_files_along_has_to_be_confirmed(tmp_path: Path, base: Path, secret: Path) -> None:
    rebase(base, secret, "raw")
    cluster, spec = support.cluster(tmp_path, "b"), CreateSpec(image=str(base))
    for confirmed in ((), (f"{tmp_path}/other (raw)",)):
        with pytest.raises(UnconfirmedChain, match=r"secret \(raw\); check them, then add --allow-backing-chain"):
            cluster.create(CreateSpec(image=str(base), confirmed_chain=confirmed))
        assert not cluster.files.image.exists()
    chain, warnings = cluster.image_chain(spec), list[str]()
    assert chain == (f"{secret} (raw)",)
    cluster.create(CreateSpec(image=str(base), confirmed_chain=chain), control=Control(warning=warnings.append))
    assert warnings == [f"the guest can read {secret} (raw)"]
    assert unconfirmed_chain(cluster.files) == ()


def test_an_image_that_changes_while_the_disk_is_made_is_no_base(
    tmp_path: Path, base: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.run(["which", "qemu-img"], check=True, capture_output=True, text=True).stdout.strip()
    script = f'"{real}" "$@"; "{real}" rebase -u -f qcow2 -F raw -b "{secret}" "{base}"'
    cluster = support.cluster(tmp_path, "b")
    support.be_qemu_img(script, tmp_path, monkeypatch)
    with pytest.raises(CreateFailed, match="was changed while the disk was made: try again"):
        cluster.create(CreateSpec(image=str(base)))
    assert not cluster.files.image.exists()
