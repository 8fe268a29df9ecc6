"""The files that images bring along: as QEMU sees them, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import InvalidImage
from podplane_tui.backend.images.chain import file_version, is_usual, read_chain
from tests.backend.images.support import make, write_image

pytestmark = pytest.mark.usefixtures("require_qemu")


def on(base: Path | str, image: Path, *, kind: str = "qcow2") -> Path:
    """An image on top of `base`, which has to be neither there nor of that kind."""
    make(image)
    subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", kind, "-b", base, image], check=True)
    return image


def words(image: Path) -> list[str]:
    return [str(file) for file in read_chain(image)]


def test_the_chain_is_what_qemu_img_says_it_is(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(2**20))
    lowest = on("../secret", tmp_path / "sub" / "lowest", kind="raw")
    middle = on("sub/lowest", tmp_path / "middle")
    top = on(middle, tmp_path / "top")
    chain = read_chain(top)
    assert [(file.path, file.format) for file in chain] == [(middle, "qcow2"), (lowest, "qcow2"), (secret, "raw")]
    info = ["qemu-img", "info", "--backing-chain", "--output=json", str(top)]
    found = json.loads(subprocess.run(info, check=True, capture_output=True).stdout)
    assert [Path(os.path.realpath(each["filename"])) for each in found[1:]] == [file.path for file in chain]
    assert words(top)[-1] == f"{secret} (raw)"


def test_a_link_is_shown_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(512))
    (tmp_path / "innocent").symlink_to("secret")
    assert words(on("innocent", tmp_path / "i", kind="raw")) == [f"{tmp_path / 'secret'} (raw)"]


@pytest.mark.slow
def test_what_is_usual_for_a_disk(tmp_path: Path) -> None:
    alone = make(tmp_path / "alone")
    one = on(alone, tmp_path / "one")
    assert read_chain(alone) == ()
    assert is_usual(())
    assert is_usual(read_chain(one))
    assert not is_usual(read_chain(on(one, tmp_path / "two")))
    assert not is_usual(read_chain(on(alone, tmp_path / "raw", kind="raw")))
    assert not is_usual(read_chain(make(tmp_path / "data", "-o", f"data_file={tmp_path}/raw-data")))


def test_a_data_file_is_part_of_the_chain(tmp_path: Path) -> None:
    image = make(tmp_path / "i", "-o", f"data_file={tmp_path}/data")
    assert words(on(image, tmp_path / "top")) == [f"{image} (qcow2)", f"{tmp_path}/data (raw, data file)"]
    (tmp_path / "data").unlink()
    with pytest.raises(InvalidImage, match=r"the data file .*/data of .*/i is gone"):
        read_chain(image)
    image.write_bytes(
        image.read_bytes().replace(
            os.fsencode(tmp_path / "data"), b"nbd:localhost:1".ljust(len(os.fsencode(tmp_path / "data")), b"/")
        )
    )
    with pytest.raises(InvalidImage, match="is not an absolute path: nbd:"):
        read_chain(image)


@pytest.mark.parametrize(
    "name",
    ['json:{"driver":"file","filename":"/etc/passwd"}', "nbd://127.0.0.1/x", "ssh:x", "file:/etc/passwd", "fat:/etc"],
)
def test_a_name_that_is_no_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidImage, match="is not a plain path"):
        read_chain(write_image(tmp_path / "i", base=name, kind="raw"))


@pytest.mark.parametrize("kind", ["vmdk", "vpc", "luks"])
def test_other_formats_are_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "base").write_bytes(bytes(512))
    with pytest.raises(InvalidImage, match=f"has the format {kind}: convert it to qcow2 or raw"):
        read_chain(write_image(tmp_path / "i", base="base", kind=kind))


def test_a_format_that_qemu_would_guess_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "base")
    image = on("base", tmp_path / "i")
    image.write_bytes(image.read_bytes().replace(b"\xe2\x79\x2a\xca", b"\x01\x02\x03\x04"))
    with pytest.raises(InvalidImage, match="does not say which format its backing file base has"):
        read_chain(image)


def test_a_chain_that_does_not_end_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a", base="b")
    write_image(tmp_path / "b", base="a")
    with pytest.raises(InvalidImage, match="has an endless chain of backing files"):
        read_chain(tmp_path / "a")
    write_image(tmp_path / "0")
    for number in range(1, 70):
        write_image(tmp_path / str(number), base=str(number - 1))
    assert len(read_chain(tmp_path / "60")) == 60
    with pytest.raises(InvalidImage, match="has an endless chain of backing files"):
        read_chain(tmp_path / "69")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "/dev/null", str(tmp_path), "gone"):
        with pytest.raises(InvalidImage, match="is gone"):
            read_chain(write_image(tmp_path / "i", base=name, kind="raw"))


def test_unknown_features_are_refused(tmp_path: Path) -> None:
    image = make(tmp_path / "i")
    with image.open("r+b") as file:
        file.seek(72)
        file.write((2**5 | 2**63).to_bytes(8, "big"))
    with pytest.raises(InvalidImage, match=r"uses unknown features \(bits 5, 63\)"):
        read_chain(image)


def test_what_was_changed_is_another_version(tmp_path: Path) -> None:
    path = tmp_path / "i"
    path.write_text("a")
    before = file_version(path)
    assert file_version(path) == before
    path.write_text("b")
    assert file_version(path) != before
