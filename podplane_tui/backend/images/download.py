"""Base images that have to be downloaded first.

A download goes on where an earlier one of the same file broke off, is checked against its digest before anybody sees
it, must refer to no other file, and stays in our own cache, `<own cache>/images/<digest>/<name>`; podplane's cache is
read only. Nothing is unpacked: what comes is the image, or refused.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.request import OpenerDirector, Request

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, CreateFailed, InvalidImage, InvalidInput
from podplane_tui.backend.core.file_lock import release, try_acquire
from podplane_tui.backend.core.files import os_error_as, private_directory, sync_directory
from podplane_tui.backend.core.format import format_size
from podplane_tui.backend.core.socket_watch import SocketWatch
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.images.digest import validate_digest, verify
from podplane_tui.backend.images.qcow2 import require_standalone
from podplane_tui.backend.images.url import display_url, file_name_of, is_url, origin_of, target_of

TIMEOUT = 30.0
"""Seconds a server may send nothing of the image."""
HEAD_TIMEOUT = 60.0
"""Seconds from the attempt to connect, each that a redirect leads to, until the image begins."""

_PIECE = 256 * 1024
_TELL = 0.2
_PARTIAL, _LOCK = ".part", ".lock"
_FOLDER, _CUT = "images", 32
_KEPT = re.compile(rf"(sha256|sha512)-([0-9a-f]{{{_CUT}}})")
DEFAULT_MAX_SIZE = "20G"
"""The most that is downloaded of an image of which nothing tells the size beforehand."""


def download_image(
    url: str, digest: str, own_cache: Path, *, max_bytes: int | None = None, control: Control | None = None
) -> Path:
    """The image at an http(s) `url` with this digest, from the cache where it is there; give its path.

    What is in the cache is verified again. A file there that was changed stays, for disks may be based on it: the image
    is downloaded beside it. Raises `InvalidInput` for a URL or digest that is none, `InvalidImage` when the content is
    another or refers to other files (nothing of it is kept then), `CreateFailed` when it can't be had or kept, or has
    more than `max_bytes`, and `Cancelled`; what has come by then is kept for the next try.
    """
    control = control or Control()
    digest = validate_digest(digest)
    kind, _, value = digest.partition(":")
    name = file_name_of(url)
    if not is_url(url) or not url.isascii() or not name.isprintable() or "/" in name or name[:1] in {"", "."}:
        raise InvalidInput(
            f"invalid image URL {display_url(url)[:200]!r}",
            hint="use http:// or https://, a host and a path, with %XX for characters that are not ASCII",
        )
    first = own_cache / _FOLDER / f"{kind}-{value[:_CUT]}" / (name if name.endswith(".qcow2") else f"{name}.qcow2")
    try:
        path, there = _look(first, digest, control)
        if there:
            return path
        private_directory(first.parent)
        with _alone(first.with_name(first.name + _LOCK), control):
            path, there = _look(first, digest, Control(cancel=control.cancel))
            if not there:  # else somebody else has fetched it by now
                _put(url, path, digest, max_bytes, control)
    except OSError as error:
        raise os_error_as(CreateFailed, f"{name} can't be stored", error) from error
    return path


def kept_digest(path: Path, own_cache: Path) -> str | None:
    """The digest, maybe cut, of the image at `path` when that is one of our cache's; None when it is not."""
    folder = path.resolve().parent
    match = _KEPT.fullmatch(folder.name)
    if match is None or folder.parent != (own_cache / _FOLDER).resolve():
        return None
    return f"{match[1]}:{match[2]}"


def _look(first: Path, digest: str, control: Control) -> tuple[Path, bool]:
    """The path at which the image is, or is to be put, and whether it is there."""
    for number in itertools.count(1):
        path = first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")
        if not os.path.lexists(path):
            return path, False
        control.report(f"verifying {path.name}")
        try:
            verify(path, digest, control)
        except InvalidImage:
            control.warn(
                f"{path} is not what was downloaded: disks based on it may be damaged, so the image is downloaded again"
            )
        else:
            require_standalone(path)
            return path, True
    raise AssertionError("numbers do not end")


def _put(url: str, path: Path, digest: str, max_bytes: int | None, control: Control) -> None:
    """Download into `path`, which is not there, if it is what it should be."""
    partial = path.with_name(path.name + _PARTIAL)
    _fetch(url, partial, max_bytes, control)
    control.report(f"checking {path.name}")
    try:
        try:
            verify(partial, digest, control)
        except InvalidImage as error:
            raise InvalidImage(error.problem, hint="check the URL and the digest, then download it again") from None
        require_standalone(partial, name=path.name)
    except InvalidImage:
        partial.unlink()
        raise
    partial.replace(path)
    path.chmod(0o444)  # nobody writes to a base image
    sync_directory(path.parent)


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


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server elsewhere, but never to another scheme than http(s), nor from https to http.

    Credentials go only to the server that they are for.
    """

    def __init__(self, shown: str, authorization: str) -> None:
        self._shown = shown
        self._authorization = authorization

    def redirect_request(  # noqa: PLR0917 - as urllib calls it
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> Request | None:
        """The request to follow with; raises `CreateFailed` for a place that is not followed to."""
        fp.close()  # what comes with it is read by nobody, and may have no end
        fault, same_server = _redirect_fault(req.full_url, newurl)
        if fault:
            raise CreateFailed(f"can't download {self._shown}: it redirects {fault}", hint="use another URL")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and self._authorization and same_server:
            request.add_unredirected_header("Authorization", self._authorization)
        else:
            self._authorization = ""
        return request


def _redirect_fault(url: str, target: str) -> tuple[str, bool]:
    """Where a redirect goes that is not followed, "" for one that is, and whether it stays at its server."""
    try:
        before, after = origin_of(url), origin_of(target)
        if (before[0], after[0]) == ("https", "http"):
            return "from https to http", False
        if target_of(target).authorization:
            return "to a URL with a user name", False
    except ValueError:
        return "to something other than http or https", False
    return "", before == after


def _check(watch: SocketWatch, control: Control, shown: str) -> None:
    """Raise `Cancelled`, or `CreateFailed`, when the connection was, or is to be, cut off."""
    if control.cancel.is_set():
        raise Cancelled("the download was cancelled", hint="what was downloaded is kept for the next try")
    if watch.cut:
        raise CreateFailed(
            f"can't download {shown}: the server sends nothing of the image", hint="try again, or use another URL"
        )


class _Watched(http.client.HTTPConnection):
    """Connects by way of a watch, which can cut it off from the look-up of the name on."""

    def __init__(self, host: str, *, timeout: float, watch: SocketWatch, **arguments: Any) -> None:
        super().__init__(host, timeout=timeout, **arguments)

        def connect(address: tuple[str, int], timeout: float, _source: object) -> socket.socket:
            watch.allow(HEAD_TIMEOUT)
            return watch.connect(*address, timeout=timeout)

        self._create_connection = connect  # http.client's own, which it has for this


class _WatchedTLS(_Watched, http.client.HTTPSConnection):
    """The same over TLS."""


class _HTTP(urllib.request.HTTPHandler):
    def __init__(self, watch: SocketWatch) -> None:
        super().__init__()
        self._watch = watch

    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Watched, watch=self._watch), req)


class _HTTPS(urllib.request.HTTPSHandler):
    def __init__(self, watch: SocketWatch) -> None:
        super().__init__()
        self._watch = watch

    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_WatchedTLS, watch=self._watch), req)


def _opener(redirects: _Redirects, watch: SocketWatch) -> OpenerDirector:
    """What speaks http and https, and nothing else: no file, no ftp, no data."""
    opener = OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _HTTP(watch),
        _HTTPS(watch),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        redirects,
    ):
        opener.add_handler(handler)
    return opener


def _fetch(url: str, part: Path, max_bytes: int | None, control: Control) -> None:
    """Bring `part` up to the whole of what is at `url`."""
    shown = one_line(display_url(url), limit=200)
    try:
        with SocketWatch(control.cancel) as watch:
            try:
                _transfer(url, shown, part, max_bytes, control=control, watch=watch)
            except Exception:
                _check(watch, control, shown)  # what was cut off fails in many ways
                raise
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # it is all there; the digest decides
        raise _refused_by_server(shown, error.code) from None
    except (
        *(urllib.error.URLError, http.client.HTTPException, ssl.SSLError),
        *(TimeoutError, ConnectionError, ValueError),
    ) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        words = one_line(str(why), limit=200) or type(why).__name__
        if isinstance(error, http.client.InvalidURL | ValueError) and not isinstance(error, ssl.SSLError):
            words = "invalid URL"  # Python's words have all of it, with what nobody may see
        raise CreateFailed(f"can't download {shown}: {words}", hint="try again to continue the download") from None


def _transfer(url: str, shown: str, part: Path, max_bytes: int | None, *, control: Control, watch: SocketWatch) -> None:
    """Ask for what `part` lacks, and write it there."""
    have = part.stat().st_size if part.exists() else 0
    target = target_of(url)
    request = Request(target.url, headers={"User-Agent": "podplane-tui", "Accept-Encoding": "identity"})  # noqa: S310 - http(s), checked before
    if target.authorization:
        request.add_unredirected_header("Authorization", target.authorization)
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _opener(_Redirects(shown, target.authorization), watch).open(request, timeout=TIMEOUT) as answer:
        if have and answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0  # the server starts over, so do we
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdecimal() else None
        _require_room(shown, part, total, have, max_bytes)
        control.report(f"downloading {shown}" + (", where it broke off" if have else ""))
        watch.allow(TIMEOUT)
        with _writing(part) as file:
            file.truncate(have)
            file.seek(have)
            for done in _pieces(answer, file.write, have, total, control):
                watch.allow(TIMEOUT)
                _check(watch, control, shown)
                if total is not None and done > total:
                    raise CreateFailed(f"{shown} sends more than it announced", hint="try again, or use another server")
                if max_bytes is not None and done > max_bytes:
                    file.truncate(0)
                    raise _too_large(shown, max_bytes)
            _check(watch, control, shown)  # a connection that was cut off ends as the image does
            file.flush()
            os.fsync(file.fileno())


def _refused_by_server(shown: str, code: int) -> CreateFailed:
    """The error for an HTTP status. What the server says besides may be anything: of a redirect, its URL."""
    if 300 <= code < 400:
        return CreateFailed(f"can't download {shown}: it redirects too often, or nowhere", hint="use another URL")
    known = code in set(http.HTTPStatus)
    words = f"HTTP {code} {http.HTTPStatus(code).phrase}" if known else f"HTTP {code}"
    return CreateFailed(f"can't download {shown}: {words}", hint="check the URL, or try again later")


def _require_room(shown: str, partial: Path, total: int | None, have: int, max_bytes: int | None) -> None:
    """Raise `CreateFailed` when the whole is more than may come, or than there is room for."""
    if total is None:
        return
    if max_bytes is not None and total > max_bytes:
        raise _too_large(shown, max_bytes)
    free = shutil.disk_usage(partial.parent).free
    if total - have > free:
        raise CreateFailed(
            f"{shown} needs {format_size(total - have)}, and {partial.parent} has {format_size(free)} free",
            hint="make room on that disk",
        )


def _too_large(shown: str, max_bytes: int) -> CreateFailed:
    return CreateFailed(
        f"{shown} is larger than the limit of {format_size(max_bytes)}",
        hint="check the URL, or allow more with --max-size, or max_size under [create] in config.toml",
    )


def _writing(path: Path) -> BinaryIO:
    """Open a file to be written to, kept as it is; never by way of a link."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return open(handle, "r+b")  # noqa: PTH123 - a descriptor, not a path


def _pieces(
    answer: http.client.HTTPResponse,
    write: Callable[[bytes], object],
    have: int,
    total: int | None,
    control: Control,
) -> Iterator[int]:
    """Write what comes; give how much there is after each piece. Raises when less comes than said."""
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
        yield done
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)
