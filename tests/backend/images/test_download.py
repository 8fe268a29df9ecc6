"""Downloading base images from a real HTTP server on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, CreateFailed, InvalidImage, InvalidInput
from podplane_tui.backend.images import download
from podplane_tui.backend.images.download import download_image, kept_digest
from podplane_tui.backend.runtime.lock import vm_lock
from tests.backend.core.test_socket_watch import full, silent_resolver
from tests.waiting import wait_until

CONTENT = (struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 2**20) + bytes(100) + bytes(range(256)) * 8192)[: 2**21]
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Server(ThreadingHTTPServer):
    """Serves `content`, and notes what ranges were asked for. `cut` breaks a connection off after so many bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.cut: int | None = None
        self.resumes = True
        self.announces = True
        self.content = CONTENT
        self.half_way: Callable[[], object] = lambda: None
        """Called when half of the content was sent."""

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that left: some have to."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/images/debian%20x.qcow2"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        if "missing" in self.path:
            self.send_error(404)
            return
        whole = self.server.content
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.resumes else 0
        if start >= len(whole):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if self.server.announces:
            self.send_header("Content-Length", str(len(whole) - start))
        self.end_headers()
        content = whole[start : None if self.server.cut is None else start + self.server.cut]
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        self.server.half_way()
        self.wfile.write(content[len(content) // 2 :])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def kept(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def test_an_image_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    told: list[Progress] = []
    steps: list[str] = []
    path = download_image(server.url, DIGEST, tmp_path, control=Control(report=steps.append, progress=told.append))
    assert path.read_bytes() == CONTENT
    assert path.name == "debian x.qcow2"
    assert download_image(server.url, DIGEST, tmp_path) == path
    assert len(server.ranges) == 1
    assert steps[0].startswith("downloading http://127.0.0.1")


@pytest.mark.parametrize("resumes", [True, False])
def test_a_download_goes_on_where_it_broke_off(server: Server, tmp_path: Path, resumes: bool) -> None:
    server.cut, server.resumes = 500_000, resumes
    with pytest.raises(CreateFailed, match="try again to continue the download"):
        download_image(server.url, DIGEST, tmp_path)
    (part,) = kept(tmp_path)
    have = part.stat().st_size
    assert 0 < have <= 500_000
    server.cut = None
    assert download_image(server.url, DIGEST, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={have}-"]


def test_all_there_but_not_checked_yet(server: Server, tmp_path: Path) -> None:
    path = download_image(server.url, DIGEST, tmp_path)
    path.rename(f"{path}.part")
    assert download_image(server.url, DIGEST, tmp_path).read_bytes() == CONTENT


def test_another_content_is_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match="check the URL and the digest, then download it again"):
        download_image(server.url, "sha256:" + "0" * 64, tmp_path)
    assert kept(tmp_path) == []


def test_cancelling_keeps_what_has_come(server: Server, tmp_path: Path) -> None:
    control = Control()
    server.half_way = control.cancel.set
    with pytest.raises(Cancelled, match="next try"):
        download_image(server.url, DIGEST, tmp_path, control=control)
    assert [path.suffix for path in kept(tmp_path)] == [".part"]


def test_a_server_that_stands_still_does_not_keep_a_download_from_being_cancelled(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_PIECE", len(CONTENT))
    control, over = Control(), threading.Event()
    control.cancel.set()
    server.half_way = over.wait
    try:
        with pytest.raises(Cancelled, match="next try"):
            download_image(server.url, DIGEST, tmp_path, control=control)
        assert not over.is_set()
    finally:
        over.set()


def test_two_that_want_the_same_image_get_it(server: Server, tmp_path: Path) -> None:
    server.resumes = False
    begun, reports = threading.Event(), list[str]()

    def wait_for_the_other() -> None:
        begun.set()
        wait_until(lambda: reports or len(server.ranges) >= 2, "the other")

    server.half_way = wait_for_the_other
    with ThreadPoolExecutor() as pool:
        first = pool.submit(download_image, server.url, DIGEST, tmp_path)
        assert begun.wait()
        second = pool.submit(download_image, server.url, DIGEST, tmp_path, control=Control(report=reports.append))
        assert first.result() == second.result()
    assert first.result().read_bytes() == CONTENT
    assert reports == ["another podplane-tui fetches this image: waiting for it"]
    assert len(server.ranges) == 1
    assert kept(tmp_path) == [first.result()]


def test_waiting_for_another_download_can_be_cancelled(server: Server, tmp_path: Path) -> None:
    path = download_image(server.url, DIGEST, tmp_path)
    path.unlink()
    control = Control()
    with vm_lock(path.with_name(f"{path.name}.lock"), "download"):
        control.cancel.set()
        with pytest.raises(Cancelled, match="another download"):
            download_image(server.url, DIGEST, tmp_path, control=control)


@pytest.mark.parametrize("url", ["http://[/x.qcow2", "http://127.0.0.1/\u00e4.qcow2", "http://h/\u0000.qcow2"])
def test_what_is_no_url_is_said(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput, match="invalid image URL"):
        download_image(url, DIGEST, tmp_path)


@pytest.mark.parametrize("url", ["http://a..b/x.qcow2", "http://127.0.0.1:x/y.qcow2", "http://127.0.0.1/a b.qcow2"])
def test_a_server_that_can_not_be_is_said(tmp_path: Path, url: str) -> None:
    with pytest.raises(CreateFailed, match="can't download http"):
        download_image(url, DIGEST, tmp_path)


def test_what_cannot_be_had_is_said(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CreateFailed, match="404"):
        download_image(server.url.replace("debian", "missing"), DIGEST, tmp_path)
    for url in ("ftp://host/x.qcow2", "http://host/", "/etc/passwd", "file:///etc/passwd", "http://host/.hidden"):
        with pytest.raises(InvalidInput, match=re.escape(f"invalid image URL {url!r}")):
            download_image(url, DIGEST, tmp_path)
    for digest in ("", "sha256:12", "md5:" + "0" * 32, "sha512:" + "0" * 64):
        with pytest.raises(InvalidInput, match="invalid digest"):
            download_image(server.url, digest, tmp_path)
    with Server() as closed:
        url = closed.url
    with pytest.raises(CreateFailed, match="can't download http"):
        download_image(url, DIGEST, tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CreateFailed, match="can't be stored"):
        download_image(server.url, DIGEST, tmp_path / "file")


def test_what_is_in_the_cache_is_verified_again(server: Server, tmp_path: Path) -> None:
    first = download_image(server.url, DIGEST, tmp_path)
    assert first.stat().st_mode & 0o777 == 0o444
    first.chmod(0o644)
    changed = CONTENT[:-1] + b"?"
    first.write_bytes(changed)
    warnings: list[str] = []
    second = download_image(server.url, DIGEST, tmp_path, control=Control(warning=warnings.append))
    assert (second.read_bytes(), second.name) == (CONTENT, "debian x-2.qcow2")
    assert first.read_bytes() == changed  # disks may be based on it
    assert len(warnings) == 1
    assert f"{first} is not what was downloaded" in warnings[0]
    assert download_image(server.url, DIGEST, tmp_path) == second
    assert len(server.ranges) == 2


def test_a_changed_image_is_not_used_when_it_can_not_be_downloaded_again(tmp_path: Path) -> None:
    with Server() as closed:
        url = closed.url
    path = tmp_path / "images" / DIGEST[:39].replace(":", "-") / "debian x.qcow2"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"changed")
    with pytest.raises(CreateFailed, match="can't download http"):
        download_image(url, DIGEST, tmp_path)
    assert path.read_bytes() == b"changed"


def test_only_images_in_our_cache_have_a_digest_to_go_by(server: Server, tmp_path: Path) -> None:
    path = download_image(server.url, DIGEST, tmp_path)
    (tmp_path / "link").symlink_to(path)
    assert kept_digest(tmp_path / "link", tmp_path) == kept_digest(path, tmp_path) == DIGEST[:39]
    assert kept_digest(tmp_path / "x", tmp_path) is None
    assert kept_digest(path, tmp_path / "other") is None


@pytest.mark.parametrize("announces", [True, False])
def test_no_more_than_the_limit_is_downloaded(server: Server, tmp_path: Path, announces: bool) -> None:
    server.announces = announces
    assert download_image(server.url, DIGEST, tmp_path / "1", max_bytes=len(CONTENT)).read_bytes() == CONTENT
    with pytest.raises(CreateFailed, match=r"is larger than the limit of 2M: check the URL, or allow more with"):
        download_image(server.url, DIGEST, tmp_path / "2", max_bytes=len(CONTENT) - 1)
    assert [path.stat().st_size for path in kept(tmp_path / "2")] in ([], [0])


def test_there_has_to_be_room(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=len(CONTENT) - 1))
    with pytest.raises(CreateFailed, match=r"needs 2M, and .* has 2M free: make room on that disk"):
        download_image(server.url, DIGEST, tmp_path)
    assert kept(tmp_path) == []


def test_an_image_that_refers_to_other_files_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.content = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 104, 11, 16, 2**20) + bytes(72) + b"/etc/passwd"
    digest = f"sha256:{hashlib.sha256(server.content).hexdigest()}"
    words = r"the downloaded image debian x\.qcow2 is refused: it has a backing file \(/etc/passwd\); use an image"
    with pytest.raises(InvalidImage, match=words):
        download_image(server.url, digest, tmp_path)
    assert kept(tmp_path) == []


def test_a_link_in_the_place_of_a_download_is_not_written_through(server: Server, tmp_path: Path) -> None:
    path = download_image(server.url, DIGEST, tmp_path)
    path.unlink()
    (tmp_path / "precious").touch()
    path.with_name(f"{path.name}.part").symlink_to(tmp_path / "precious")
    with pytest.raises(CreateFailed, match="can't be stored"):
        download_image(server.url, DIGEST, tmp_path)
    assert (tmp_path / "precious").read_bytes() == b""


# Servers that speak without end, or not at all

ENDLESS = {
    "says nothing": (b"", b""),
    "repeats that it continues": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "never ends its head": (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "never ends its trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        b"X: y\r\n",
    ),
    "redirects with much text": (b"HTTP/1.1 302 Found\r\nLocation: /images/x.qcow2\r\n\r\n", b"x" * 1000),
}


class RawServer:
    """Answers each request with `begin` and then `again` over and over, slowly, until the client is gone."""

    def __init__(self, begin: bytes, again: bytes) -> None:
        self._begin, self._again = begin, again
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.repeated = threading.Event()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/images/x.qcow2"

    def close(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):  # closed before
            self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._threads.append(threading.Thread(target=self._answer, args=(connection,)))
                self._threads[-1].start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(self._begin)
            while not self._ended.wait(0.01):
                connection.sendall(self._again)
                self.repeated.set()


@pytest.fixture(params=ENDLESS)
def endless(request: pytest.FixtureRequest) -> Iterator[RawServer]:
    server = RawServer(*ENDLESS[request.param])
    yield server
    server.close()


def test_a_download_is_cancelled_whatever_the_server_does(endless: RawServer, tmp_path: Path) -> None:
    control = Control()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(download_image, endless.url, DIGEST, tmp_path, control=control)
        try:
            assert endless.repeated.wait(60)
            control.cancel.set()
            with pytest.raises((Cancelled, CreateFailed), match=r"cancelled|redirects too often"):
                running.result(10)
        finally:
            endless.close()
    assert not [path for path in kept(tmp_path) if path.suffix == ".lock" and not is_free(path)]


def is_free(lock: Path) -> bool:
    with vm_lock(lock, "download"):
        return True


def test_a_server_that_sends_nothing_of_the_image_is_given_up(
    endless: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    monkeypatch.setattr(download, "HEAD_TIMEOUT", 0.2)
    with pytest.raises(CreateFailed, match=r"sends nothing of the image|redirects too often|timed out"):
        download_image(endless.url, DIGEST, tmp_path)


def test_each_server_that_is_redirected_to_is_watched(tmp_path: Path) -> None:
    last = RawServer(*ENDLESS["repeats that it continues"])
    first = RawServer(f"HTTP/1.1 302 Found\r\nLocation: {last.url}\r\n\r\n".encode(), b"x")
    control = Control()
    try:
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(download_image, first.url, DIGEST, tmp_path, control=control)
            assert last.repeated.wait(60)
            control.cancel.set()
            with pytest.raises(Cancelled, match="the download was cancelled"):
                running.result(10)
    finally:
        first.close()
        last.close()


def test_connecting_is_cancelled(tmp_path: Path) -> None:
    control = Control()
    with full() as port, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{port}/x.qcow2"
        running = pool.submit(download_image, url, DIGEST, tmp_path, control=control)
        wait_until(lambda: kept(tmp_path), "the download to begin")
        control.cancel.set()
        with pytest.raises(Cancelled, match="the download was cancelled"):
            running.result(10)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_looking_a_server_up_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    control = Control()
    with (
        silent_resolver(monkeypatch, control.cancel.set) as name,
        ThreadPoolExecutor(1) as pool,
        pytest.raises(Cancelled, match="the download was cancelled"),
    ):
        pool.submit(download_image, f"{scheme}://{name}/x.qcow2", DIGEST, tmp_path, control=control).result(10)


def test_a_server_that_can_not_be_connected_to_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    with full() as port, pytest.raises(CreateFailed, match=r"can't download .*: timed out"):
        download_image(f"http://127.0.0.1:{port}/x.qcow2", DIGEST, tmp_path)
