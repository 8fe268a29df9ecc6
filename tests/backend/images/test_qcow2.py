"""Headers of qcow2 images of every kind, and images that are none."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.errors import InvalidImage
from podplane_tui.backend.images.qcow2 import backing_path, missing_base, read_image, require_standalone
from tests.backend.images.support import make, write_image

pytestmark = pytest.mark.usefixtures("require_qemu")


@pytest.mark.parametrize("options", [["-o", "compat=0.10"], ["-o", "cluster_size=2M"], ["-o", "extended_l2=on"]])
def test_headers_of_every_kind(tmp_path: Path, options: list[str]) -> None:
    base = make(tmp_path / "base.qcow2")
    image = make(tmp_path / "i.qcow2", *options, "-F", "qcow2", "-b", str(base))
    info = read_image(image)
    assert (info.virtual_bytes, info.backing_file) == (64 * 2**20, str(base))


@pytest.mark.parametrize("content", [b"", b"QFI", b"QFI\xfb", b"\x7fELF" + bytes(100), b"QFI\xfb" + bytes(20)])
def test_what_is_no_image_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "i").write_bytes(content)
    with pytest.raises(InvalidImage, match="qemu-img convert"):
        read_image(tmp_path / "i")


HEADERS = st.builds(
    lambda offset, length, virtual, rest: struct.pack(">IQIIQ", 3, offset, length, 16, virtual) + rest,
    st.integers(0, 300) | st.integers(0, 2**64 - 1),
    st.integers(0, 100) | st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(max_size=200),
)
"""All behind the magic number: more often than bytes by chance they say something that can be."""


@given(HEADERS | st.binary(min_size=28, max_size=200))
def test_any_header_is_read_or_refused(tail: bytes) -> None:
    path = Path(f"/tmp/pt-header-{os.getpid()}")
    path.write_bytes(b"QFI\xfb" + tail)
    try:
        info = read_image(path)
        assert info.virtual_bytes == int.from_bytes(tail[20:28], "big")
        if info.backing_file is not None:
            words = missing_base(path, info.backing_file)
            assert words is None or words.isprintable()
    except InvalidImage as error:
        assert str(error).isprintable()  # noqa: PT017 - one of two things that may come out
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("name", "there"),
    [("base.qcow2", True), ("none.qcow2", False), ("nbd://host/x", True), ("json:{}", True), (".", False)],
)
def test_a_base_is_looked_for_beside_the_image(tmp_path: Path, name: str, there: bool) -> None:
    (tmp_path / "base.qcow2").touch()
    assert (missing_base(tmp_path / "i.qcow2", name) is None) is there


def header(*, offset: int = 0, length: int = 0, virtual: int = 2**20) -> bytes:
    return struct.pack(">4sIQIIQ", b"QFI\xfb", 3, offset, length, 16, virtual)


def test_the_name_of_the_base_stands_where_the_header_says(tmp_path: Path) -> None:
    image = tmp_path / "i"
    image.write_bytes(header(offset=100, length=4, virtual=123) + bytes(68) + b"b\xffse and more")
    info = read_image(image)
    assert (info.virtual_bytes, info.backing_file) == (123, "b\udcffse")
    image.write_bytes(header(offset=100, length=0))
    assert read_image(image).backing_file is None


@pytest.mark.parametrize(("offset", "length"), [(2 * 2**20 + 1, 4), (100, 1024), (2**63, 2**31)])
def test_a_base_at_an_impossible_place_is_a_broken_header(tmp_path: Path, offset: int, length: int) -> None:
    (tmp_path / "i").write_bytes(header(offset=offset, length=length))
    with pytest.raises(InvalidImage, match="has a broken header"):
        read_image(tmp_path / "i")


def test_what_can_not_be_read_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match=r"there is no image .*/none: put it back"):
        read_image(tmp_path / "none")
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(InvalidImage, match="can't be read: not a regular file"):
            read_image(path)


def test_a_link_to_an_image_is_followed(tmp_path: Path) -> None:
    (tmp_path / "i").write_bytes(header(virtual=5))
    (tmp_path / "link").symlink_to("i")
    assert read_image(tmp_path / "link").virtual_bytes == 5


def test_a_base_is_named_as_a_path_from_the_image() -> None:
    assert backing_path(Path("/images/i.qcow2"), "base.qcow2") == Path("/images/base.qcow2")
    assert backing_path(Path("/images/i.qcow2"), "/other/base.qcow2") == Path("/other/base.qcow2")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("./a:b", "the base image ./a:b is gone: put it back, or delete the VM"),
        ("a\0b", "the image /images/i.qcow2 has a broken header: replace it with an intact copy"),
        ("https://x.test/base.qcow2", None),
    ],
)
def test_what_is_said_of_a_base_that_is_gone(name: str, words: str | None) -> None:
    assert missing_base(Path("/images/i.qcow2"), name) == words


def test_what_is_said_of_a_base_is_fit_to_be_shown(tmp_path: Path) -> None:
    words = missing_base(tmp_path / "i", "./\x1b]0;owned\x07" + "x/" * 1000)
    assert words is not None
    assert words.isprintable()
    assert len(words) < 400


def test_the_format_of_the_base_and_the_data_file_are_read(tmp_path: Path) -> None:
    base = make(tmp_path / "base.qcow2")
    for options in (["-o", "compat=0.10"], ["-o", "compat=1.1"]):
        image = make(tmp_path / "i.qcow2", *options, "-F", "qcow2", "-b", str(base))
        assert read_image(image) == (64 * 2**20, str(base), "qcow2", None, ())
    assert read_image(base) == (64 * 2**20, None, None, None, ())
    image = make(tmp_path / "d.qcow2", "-o", f"data_file={tmp_path}/data")
    assert read_image(image) == (64 * 2**20, None, None, f"{tmp_path}/data", ())


def test_the_last_of_two_formats_counts_as_it_does_for_qemu(tmp_path: Path) -> None:
    image = write_image(tmp_path / "i", base="b" * 8, kind="raw")
    content = bytearray(image.read_bytes())
    content[120:136] = struct.pack(">II8s", 0xE2792ACA, 5, b"qcow2")
    struct.pack_into(">Q", content, 8, len(content) + 8)
    image.write_bytes(content + bytes(8) + b"b" * 8)
    assert read_image(image).backing_format == "qcow2"


@pytest.mark.parametrize("length", [2**32 - 1, 100])
def test_an_extension_that_reaches_beyond_its_area_is_a_broken_header(tmp_path: Path, length: int) -> None:
    image = write_image(tmp_path / "i", base="base")
    content = bytearray(image.read_bytes())
    struct.pack_into(">I", content, 108, length)
    image.write_bytes(content)
    with pytest.raises(InvalidImage, match="has a broken header"):
        read_image(image)


def test_endless_extensions_are_a_broken_header(tmp_path: Path) -> None:
    head = header(virtual=1).ljust(100, b"\0") + struct.pack(">I", 104)
    (tmp_path / "i").write_bytes(head + struct.pack(">II", 1, 0) * 1000)
    with pytest.raises(InvalidImage, match="has a broken header"):
        read_image(tmp_path / "i")


def test_an_image_stands_alone_or_is_refused(tmp_path: Path) -> None:
    image = make(tmp_path / "i.qcow2", "-o", "extended_l2=on,compression_type=zlib,lazy_refcounts=on")
    require_standalone(image)
    with image.open("r+b") as file:
        file.seek(72)
        file.write((2**5).to_bytes(8, "big"))
    with pytest.raises(InvalidImage, match=r"the downloaded image x is refused: it uses unknown features \(bits 5\)"):
        require_standalone(image, name="x")
    with image.open("r+b") as file:
        file.seek(72)
        file.write((2**2).to_bytes(8, "big"))  # a data file without a name
    with pytest.raises(InvalidImage, match=r"the downloaded image i\.qcow2 is refused: it has a data file"):
        require_standalone(image)
    with pytest.raises(
        InvalidImage, match=r"i\.qcow2 is refused: it has a backing file \(\.\./id\); use an image that needs no other"
    ):
        require_standalone(write_image(image, base="../id", kind="raw"))
    (tmp_path / "zip").write_bytes(b"PK\x03\x04".ljust(512))
    with pytest.raises(InvalidImage, match="is not a qcow2 image"):
        require_standalone(tmp_path / "zip")
