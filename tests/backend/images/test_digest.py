"""Files held against their digests."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, InvalidImage, InvalidInput
from podplane_tui.backend.images.digest import CHUNK, digest_fault, validate_digest, verify

CONTENT = bytes(range(256)) * (CHUNK // 256) + b"more"

FORM = "use sha256:<64 hex digits> or sha512:<128 hex digits>"
LEAVE = "leave the digest empty, or give the image's URL"


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
    with pytest.raises(InvalidInput, match=r"^invalid digest '") as raised:
        validate_digest(text)
    assert raised.value.hint == FORM


@pytest.mark.parametrize(
    ("image", "given"),
    [("", ""), ("base.qcow2", ""), ("ftp://x.test/y.qcow2", ""), ("HTTPS://x.test/y.qcow2", digest("sha256"))],
)
def test_an_image_from_a_url_has_a_digest_and_no_other_has(image: str, given: str) -> None:
    assert digest_fault(image, given) is None


@pytest.mark.parametrize(
    ("image", "given", "problem", "hint"),
    [
        ("http://x.test/y.qcow2", "", "an image from a URL needs its digest", FORM),
        *(
            (image, digest("sha256"), "a digest needs an image from a URL", LEAVE)
            for image in ("", "/images/base.qcow2", "ftp://x.test/y.qcow2")
        ),
    ],
)
def test_a_digest_that_is_missing_or_too_much_is_said(image: str, given: str, problem: str, hint: str) -> None:
    fault = digest_fault(image, given)
    assert fault is not None
    assert (fault.problem, fault.hint) == (problem, hint)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_content_is_held_against_the_digest(image: Path, algorithm: str) -> None:
    verify(image, digest(algorithm), Control())
    image.write_bytes(CONTENT[:-1])
    found = hashlib.new(algorithm, CONTENT[:-1]).hexdigest()
    with pytest.raises(InvalidImage, match="digest mismatch") as raised:
        verify(image, digest(algorithm), Control())
    assert raised.value.problem == (
        f"digest mismatch for {image}: expected {digest(algorithm)}, got {algorithm}:{found}"
    )
    assert raised.value.hint == "download it again"


def test_how_far_it_has_come_is_told(image: Path) -> None:
    told: list[Progress] = []
    verify(image, digest("sha256"), Control(progress=told.append))
    assert told == [Progress(CHUNK, CHUNK + 4), Progress(CHUNK + 4, CHUNK + 4)]


def test_it_can_be_cancelled_on_the_way(image: Path) -> None:
    control = Control(progress=lambda progress: control.cancel.set())
    with pytest.raises(Cancelled, match=r"the verification of image\.qcow2 was cancelled"):
        verify(image, digest("sha256"), control)


def test_what_can_not_be_read_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, words in (("none", "No such file"), ("fifo", "not a regular file"), ("", "not a regular file")):
        with pytest.raises(InvalidImage, match=f"can't be read: {words}.*; check the path"):
            verify(tmp_path / name, digest("sha256"), Control())
