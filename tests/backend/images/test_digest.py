"""Files held against their digests."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, InvalidImage, InvalidInput
from podplane_tui.backend.images.digest import CHUNK, validate_digest, verify

CONTENT = bytes(range(256)) * (CHUNK // 256) + b"more"


def digest(algorithm: str) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.qcow2"
    path.write_bytes(CONTENT)
    return path


def test_a_digest_is_written_in_lower_case() -> None:
    assert validate_digest(f" SHA256:{'AB' * 32}\n") == f"sha256:{'ab' * 32}"
    assert validate_digest(f"sha512:{'0' * 128}") == f"sha512:{'0' * 128}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 64,
        "sha256:",
        f"sha256:{'0' * 63}",
        f"sha256:{'0' * 65}",
        f"sha256:{'0' * 128}",
        f"sha512:{'0' * 64}",
        f"sha256:{'g' * 64}",
        f"md5:{'0' * 32}",
        f"sha256:{'0' * 64}\nsha256:{'0' * 64}",
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not valid: write sha256:<64 hex digits> or sha512:<128>"):
        validate_digest(text)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_content_is_held_against_the_digest(image: Path, algorithm: str) -> None:
    verify(image, digest(algorithm), Control())
    image.write_bytes(CONTENT[:-1])
    found = hashlib.new(algorithm, CONTENT[:-1]).hexdigest()
    with pytest.raises(InvalidImage, match=rf"not what its digest says \({algorithm} is {found}\): get it anew"):
        verify(image, digest(algorithm), Control())


def test_how_far_it_has_come_is_told(image: Path) -> None:
    told: list[Progress] = []
    verify(image, digest("sha256"), Control(progress=told.append))
    assert told == [Progress(CHUNK, CHUNK + 4), Progress(CHUNK + 4, CHUNK + 4)]


def test_it_can_be_cancelled_on_the_way(image: Path) -> None:
    control = Control(progress=lambda progress: control.cancel.set())
    with pytest.raises(Cancelled, match=r"the look at image\.qcow2 was cancelled"):
        verify(image, digest("sha256"), control)


def test_what_can_not_be_read_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, words in (("none", "No such file"), ("fifo", "not a regular file"), ("", "not a regular file")):
        with pytest.raises(InvalidImage, match=f"can't be read: {words}.*; check the path"):
            verify(tmp_path / name, digest("sha256"), Control())
