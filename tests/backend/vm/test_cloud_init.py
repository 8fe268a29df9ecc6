"""The seed ISO, read back with pycdlib and listed by an independent program."""

import os
import re
import resource
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.errors import CorruptFile, InvalidInput, StartFailed
from podplane_tui.backend.vm import cloud_init
from podplane_tui.backend.vm.cloud_init import Seed, meta_data, network_config, read_seed, write_seed
from tests.conftest import missing

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0 podplane"
NETWORK = """\
version: 2
ethernets:
  primary:
    match:
      driver: virtio_net
    dhcp4: true
    dhcp6: false
"""


def _write(path: Path, *, arch: str = "amd64", user_data: str = "#cloud-config\n", key: str = KEY) -> None:
    write_seed(path, cluster_id="default", arch=arch, user_data=user_data, ssh_authorized_key=key)


def _isoinfo(*arguments: str | Path) -> bytes:
    if shutil.which("isoinfo") is None:
        missing("isoinfo is not installed (Debian's package is genisoimage)")
    return subprocess.run(["isoinfo", *arguments], stdout=subprocess.PIPE, check=True).stdout


def test_meta_data_names_the_cluster_twice() -> None:
    assert meta_data("my-id") == 'instance-id: "my-id"\nlocal-hostname: "my-id"\n'


def test_meta_data_lists_the_key() -> None:
    assert meta_data("a", KEY + "\n") == (f'instance-id: "a"\nlocal-hostname: "a"\npublic-keys:\n  - "{KEY}"\n')


def test_key_comment_can_not_break_out_of_its_quotes() -> None:
    assert meta_data("a", 'ssh-rsa AA "q" \\n # é').endswith('  - "ssh-rsa AA \\"q\\" \\\\n # é"\n')


@pytest.mark.parametrize("key", ["ssh-rsa AA\nruncmd: [x]", "ssh-rsa \x00", "ssh-rsa \u2028 x", "ssh-rsa \udcff"])
def test_key_of_several_lines_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match=r"\.pub"):
        meta_data("a", key)


@pytest.mark.parametrize("cluster_id", ["", "A", "a--b", "local", 'a"b', "a\nb", "x" * 33])
def test_bad_cluster_id_is_refused(cluster_id: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"cluster id {cluster_id!r}")):
        meta_data(cluster_id)


def test_network_config_of_each_architecture() -> None:
    assert network_config("amd64") == NETWORK
    assert network_config("arm64") == ""
    with pytest.raises(InvalidInput, match="amd64 or arm64"):
        network_config("riscv64")


@pytest.mark.parametrize(("arch", "network"), [("amd64", NETWORK), ("arm64", "")])
def test_seed_is_read_back(tmp_path: Path, arch: str, network: str) -> None:
    path = tmp_path / "new" / "folder" / "seed.iso"
    _write(path, arch=arch, user_data="#cloud-config\r\nname: é\n\n")
    assert read_seed(path) == Seed("cidata", "#cloud-config\r\nname: é\n\n", meta_data("default", KEY), network)


def test_independent_program_sees_label_names_and_contents(tmp_path: Path) -> None:
    path = tmp_path / "seed.iso"
    _write(path, user_data="#cloud-config\nthis: one\n")
    description = _isoinfo("-d", "-i", path).decode()
    assert "Volume id: cidata\n" in description
    assert "NO Joliet present" in description
    assert "Rock Ridge signatures" in description
    names = _isoinfo("-R", "-f", "-i", path).decode().split()
    assert sorted(names) == ["/meta-data", "/network-config", "/user-data"]
    assert _isoinfo("-R", "-x", "/user-data", "-i", path) == b"#cloud-config\nthis: one\n"
    assert _isoinfo("-R", "-x", "/meta-data", "-i", path) == meta_data("default", KEY).encode()
    assert _isoinfo("-R", "-x", "/network-config", "-i", path) == NETWORK.encode()


def test_large_user_data(tmp_path: Path) -> None:
    user_data = "#cloud-config\n" + "".join(f"# line {number}\n" for number in range(300_000))
    _write(tmp_path / "seed.iso", user_data=user_data)
    assert read_seed(tmp_path / "seed.iso").user_data == user_data


@pytest.mark.slow
@given(st.binary(max_size=5000))
def test_user_data_is_stored_unchanged(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "seed.iso"
    _write(path, user_data=content.decode("utf-8", "surrogateescape"))
    assert read_seed(path).user_data.encode("utf-8", "surrogateescape") == content


def test_text_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="character 2"):
        _write(tmp_path / "seed.iso", user_data="ab\ud800")
    assert list(tmp_path.iterdir()) == []


def test_seed_is_private_and_replaced_as_one_step(tmp_path: Path) -> None:
    path = tmp_path / "seed.iso"
    _write(path, user_data="old")
    path.chmod(0o644)
    with path.open("rb") as reader:  # as QEMU has it open
        before = reader.read()
        _write(path, user_data="new")
        reader.seek(0)
        assert reader.read() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_seed(path).user_data == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["seed.iso"]


def test_seed_of_the_same_stays(tmp_path: Path) -> None:
    path = tmp_path / "seed.iso"
    _write(path)
    before = path.stat()
    _write(path)
    assert path.stat() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),  # where nothing stands
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.write_bytes(b""),
        lambda path: path.chmod(0o644),
        lambda path: path.rename(path.with_name("other")).parent.joinpath(path.name).symlink_to("other"),
        lambda path: _write(path, user_data="#cloud-config"),
        lambda path: _write(path, key=""),
        lambda path: _write(path, arch="arm64"),
    ],
)
def test_seed_of_anything_else_is_made_anew(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path = tmp_path / "seed.iso"
    _write(path)
    made = path.stat().st_size
    change(path)
    changed = path.lstat().st_ino
    _write(path)
    after = path.lstat()
    assert (after.st_mode, after.st_size) == (stat.S_IFREG | 0o600, made)
    assert after.st_ino != changed
    assert read_seed(path) == Seed("cidata", "#cloud-config\n", meta_data("default", KEY), NETWORK)


def test_seed_made_in_another_way_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "seed.iso"
    _write(path)
    before = path.stat().st_ino
    monkeypatch.setattr(cloud_init, "_MAKING", b"another")
    _write(path)
    assert path.stat().st_ino != before


def test_a_file_that_can_not_be_written_whole_keeps_the_old_seed(tmp_path: Path) -> None:
    path = tmp_path / "seed.iso"
    _write(path, user_data="old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(StartFailed, match="File too large"):
            _write(path, user_data="new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read_seed(path).user_data == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["seed.iso"]


def test_missing_seed_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match="No such file"):
        read_seed(tmp_path / "none.iso")


def test_a_fifo_in_place_of_a_seed_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "seed.iso")
    with pytest.raises(CorruptFile, match="not a regular file"):
        read_seed(tmp_path / "seed.iso")


@pytest.mark.slow
@given(keep=st.floats(0, 1), at=st.floats(0, 1), junk=st.binary(min_size=1, max_size=64))
def test_damaged_seed_is_an_error_or_a_seed(
    tmp_path_factory: pytest.TempPathFactory, keep: float, at: float, junk: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.iso"
    _write(path)
    image = bytearray(path.read_bytes())
    start = int(at * (len(image) - len(junk)))
    image[start : start + len(junk)] = junk
    path.write_bytes(image[: int(keep * len(image))] if keep < 0.9 else image)
    try:
        seed = read_seed(path)
    except CorruptFile as error:
        assert "\n" not in str(error)  # noqa: PT017 - one of two things that may come out
    else:
        assert isinstance(seed.user_data, str)


def test_other_iso_is_no_seed(tmp_path: Path) -> None:
    path = tmp_path / "other.iso"
    path.write_bytes(cloud_init._image({"user-data": b""}))
    with pytest.raises(CorruptFile, match="not a seed ISO"):
        read_seed(path)
