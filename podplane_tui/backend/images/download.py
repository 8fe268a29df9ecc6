"""Base images that have to be downloaded first.

A download goes on where an earlier one of the same file broke off, is checked against its digest before anybody sees
it, and stays in our own cache, `<own cache>/images/<digest>/<name>`; podplane's cache is read only.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, CreateFailed, InvalidImage, InvalidInput
from podplane_tui.backend.core.files import os_error_as, private_directory, sync_directory
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.images.digest import is_url, validate_digest, verify
from podplane_tui.backend.runtime.lock import release, try_acquire

TIMEOUT = 30.0
"""Seconds a server may say nothing."""

_PIECE = 256 * 1024
_TELL = 0.2
_PARTIAL, _LOCK = ".part", ".lock"


def download_image(url: str, digest: str, own_cache: Path, *, control: Control | None = None) -> Path:
    """The image at an http(s) `url` with this digest, from the cache where it is there; give its path.

    Raises `InvalidInput` for a URL or digest that is none, `InvalidImage` when the content is another (nothing of it
    is kept then), `CreateFailed` when it can't be had or kept, and `Cancelled`; what has come by then is kept for the
    next try.
    """
    control = control or Control()
    digest = validate_digest(digest)
    kind, _, value = digest.partition(":")
    try:
        name = PurePosixPath(unquote(urlsplit(url).path)).name
    except ValueError:
        name = ""
    if not is_url(url) or not url.isascii() or not name or not name.isprintable() or name.startswith("."):
        raise InvalidInput(
            f"invalid image URL {url[:200]!r}",
            hint="use http:// or https://, a host and a path, with %XX for characters that are not ASCII",
        )
    path = own_cache / "images" / f"{kind}-{value[:32]}" / (name if name.endswith(".qcow2") else f"{name}.qcow2")
    if path.is_file():
        return path
    partial = path.with_name(path.name + _PARTIAL)
    try:
        private_directory(path.parent)
        with _alone(path.with_name(path.name + _LOCK), control):
            if path.is_file():  # by now: somebody else has fetched it
                return path
            _fetch(url, partial, control)
            control.report(f"checking {name}")
            try:
                verify(partial, digest, control)
            except InvalidImage as error:
                partial.unlink()
                raise InvalidImage(error.problem, hint="check the URL and the digest, then download it again") from None
            partial.replace(path)
            sync_directory(path.parent)
    except OSError as error:
        raise os_error_as(CreateFailed, f"{name} can't be stored", error) from error
    return path


@contextlib.contextmanager
def _alone(lock: Path, control: Control) -> Iterator[None]:
    """Wait until nobody else fetches the same file: two that write into one would spoil it."""
    told = False
    while (handle := try_acquire(lock)) is None:
        if not told:
            control.report("another podplane-tui fetches this image: waiting for it")
            told = True
        if control.cancel.wait(_TELL):
            raise Cancelled("the wait for another download was cancelled", hint="that download continues")
    try:
        yield
    finally:
        release(lock, handle)


def _fetch(url: str, partial: Path, control: Control) -> None:
    """Bring `partial` up to the whole of what is at `url`."""
    request = urllib.request.Request(url, headers={"User-Agent": "podplane-tui", "Accept-Encoding": "identity"})  # noqa: S310 - http(s), checked before
    have = partial.stat().st_size if partial.exists() else 0
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            if have and answer.status != http.HTTPStatus.PARTIAL_CONTENT:
                have = 0  # the server begins anew, so do we
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length and length.isdigit() else None
            control.report(f"downloading {one_line(url, limit=200)}" + (", where it broke off" if have else ""))
            with partial.open("r+b" if have else "wb") as file:
                file.seek(have)
                for done in _pieces(answer, file.write, have, total, control):
                    if total is not None and done > total:
                        raise CreateFailed(
                            f"{url} sends more than it announced", hint="try again, or use another server"
                        )
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # it is all there; the digest decides
        raise CreateFailed(
            f"can't download {url}: HTTP {error.code} {one_line(error.reason, limit=80)}",
            hint="check the URL, or try again later",
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        words = one_line(str(why), limit=200) or type(why).__name__
        raise CreateFailed(f"can't download {url}: {words}", hint="try again to continue the download") from error


def _pieces(
    answer: http.client.HTTPResponse,
    write: Callable[[bytes], object],
    have: int,
    total: int | None,
    control: Control,
) -> Iterator[int]:
    """Write what comes; give how much there is after each piece. Raises `Cancelled`, and when less comes than said."""
    started = told = time.monotonic()
    done = have
    while piece := answer.read1(_PIECE):  # what there is: a slow server must not keep us from looking up
        write(piece)
        done += len(piece)
        now = time.monotonic()
        if now - told >= _TELL:
            told = now
            rate = (done - have) / max(now - started, 0.001)
            eta = (total - done) / rate if total is not None and rate else None
            control.progress(Progress(done, total, rate=rate, eta=eta))
        if control.cancel.is_set():
            raise Cancelled("the download was cancelled", hint="what was downloaded is kept for the next try")
        yield done
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)
