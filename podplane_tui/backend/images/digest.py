"""Digests as podplane's manifest writes them, `sha256:<hex>` or `sha512:<hex>`, and files held against them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, InvalidImage, InvalidInput
from podplane_tui.backend.core.files import open_regular

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
CHUNK = 2**20
"""Bytes that are read at a time, between two looks at whether the work was cancelled."""


def validate_digest(digest: str) -> str:
    """`digest` in lower case when it is one, else `InvalidInput`."""
    digest = digest.strip().lower()
    if not _DIGEST.fullmatch(digest):
        raise InvalidInput(
            f"the digest {digest[:80]!r} is not valid", hint="write sha256:<64 hex digits> or sha512:<128>"
        )
    return digest


def verify(path: Path, digest: str, control: Control) -> None:
    """Raise `InvalidImage` when the content of `path` has another digest or can't be read; `Cancelled` when told to."""
    algorithm, _, wanted = digest.partition(":")
    found = hashlib.new(algorithm)
    try:
        with open_regular(path, follow_links=True) as file:
            done, total = 0, path.stat().st_size
            while chunk := file.read(CHUNK):
                if control.cancel.is_set():
                    raise Cancelled(f"the look at {path.name} was cancelled")
                found.update(chunk)
                done += len(chunk)
                control.progress(Progress(done, total))
    except OSError as error:
        raise InvalidImage(f"{path} can't be read: {error.strerror}", hint="check the path") from error
    if found.hexdigest() != wanted:
        raise InvalidImage(
            f"{path} is not what its digest says ({algorithm} is {found.hexdigest()})", hint="get it anew"
        )
