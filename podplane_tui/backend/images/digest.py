"""Digests as podplane's manifest writes them, `sha256:<hex>` or `sha512:<hex>`, and files held against them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, InvalidImage, InvalidInput
from podplane_tui.backend.core.files import open_regular
from podplane_tui.backend.images.url import display_path, is_url

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_FORM = "use sha256:<64 hex digits> or sha512:<128 hex digits>"
CHUNK = 2**20
"""Bytes that are read at a time, between two looks at whether the work was cancelled."""


def digest_fault(image: str, digest: str) -> InvalidInput | None:
    """What is wrong with a digest beside this image; None when nothing is."""
    if digest and not is_url(image):
        return InvalidInput(
            "a digest needs an image from a URL", hint="leave the digest empty, or give the image's URL"
        )
    if is_url(image) and not digest:
        return InvalidInput("an image from a URL needs its digest", hint=_FORM)
    return None


def validate_digest(digest: str) -> str:
    """`digest` in lower case when it is one, else `InvalidInput`."""
    digest = digest.strip().lower()
    if not _DIGEST.fullmatch(digest):
        raise InvalidInput(f"invalid digest {digest[:80]!r}", hint=_FORM)
    return digest


def verify(path: Path, digest: str, control: Control) -> None:
    """Raise `InvalidImage` when the content of `path` has another digest or can't be read; `Cancelled` when told to.

    `digest` may be cut, as it is in the names of our cache's directories.
    """
    algorithm, _, wanted = digest.partition(":")
    found = hashlib.new(algorithm)
    try:
        with open_regular(path, follow_links=True) as file:
            done, total = 0, path.stat().st_size
            while chunk := file.read(CHUNK):
                if control.cancel.is_set():
                    raise Cancelled(
                        f"the verification of {display_path(path.name)} was cancelled", hint="nothing was changed"
                    )
                found.update(chunk)
                done += len(chunk)
                control.progress(Progress(done, total))
    except OSError as error:
        raise InvalidImage(f"{display_path(path)} can't be read: {error.strerror}", hint="check the path") from error
    if not found.hexdigest().startswith(wanted):
        raise InvalidImage(
            f"digest mismatch for {display_path(path)}: expected {digest}, got {algorithm}:{found.hexdigest()}",
            hint="download it again",
        )
