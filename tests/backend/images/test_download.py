"""Downloading base images from a real HTTP server on this machine."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, CreateFailed, InvalidImage, InvalidInput
from podplane_tui.backend.images import download
from podplane_tui.backend.images.download import download_image
from podplane_tui.backend.runtime.lock import vm_lock
from tests.waiting import wait_until

CONTENT = bytes(range(256)) * 8192
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Server(ThreadingHTTPServer):
    """Serves `CONTENT`, and notes what ranges were asked for. `cut` breaks a connection off after so many bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.cut: int | None = None
        self.resumes = True
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
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.resumes else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        content = CONTENT[start : None if self.server.cut is None else start + self.server.cut]
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
    control.cancel.set()
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
