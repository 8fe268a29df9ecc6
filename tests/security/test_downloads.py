"""Downloads from hostile and from honest servers: redirects, TLS, credentials, changed files."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from podplane_tui.backend.core.errors import CreateFailed
from podplane_tui.backend.images.download import download_image
from tests.backend.images.support import make
from tests.cli.support import Call
from tests.conftest import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]

Serve = Callable[..., "Server"]


class Server(ThreadingHTTPServer):
    """Serves `content` at /image.qcow2 and redirects from each path of `redirects`; notes what was asked for."""

    daemon_threads = True

    def __init__(self, content: bytes, certificate: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.redirects: dict[str, str] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.secure = certificate is not None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def url(self, path: str = "/image.qcow2", *, user: str = "") -> str:
        return f"http{'s' * self.secure}://{user}127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that left: some have to."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        path = self.path.partition("?")[0]
        if path in self.server.redirects:
            self.send_response(302)
            self.send_header("Location", self.server.redirects[path])
            self.end_headers()
            return
        if path != "/image.qcow2":
            self.send_error(403, f"not {self.path}")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def call(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> Call:
    return Call(workspace, capfd)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return make(tmp_path / "image.qcow2").read_bytes()


@pytest.fixture
def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key and a certificate for 127.0.0.1, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(encoding))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


@pytest.fixture
def serve(content: bytes) -> Iterator[Serve]:
    servers: list[tuple[Server, threading.Thread]] = []

    def start(certificate: Path | None = None) -> Server:
        server = Server(content, certificate)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "//", "http://user:SECRET@127.0.0.1/x"]
)
def test_a_server_redirects_nowhere_but_to_http(serve: Serve, digest: str, tmp_path: Path, place: str) -> None:
    server = serve()
    server.redirects["/x.qcow2"] = place
    with pytest.raises(CreateFailed, match=r"^can't download http://127\.0\.0\.1:\d+/x\.qcow2: it redirects") as caught:
        download_image(server.url("/x.qcow2?token=SECRET"), digest, tmp_path / "cache")
    assert "SECRET" not in str(caught.value)


def test_https_leads_to_https_only(serve: Serve, certificate: Path, digest: str, tmp_path: Path) -> None:
    plain, secure = serve(), serve(certificate)
    secure.redirects = {"/down.qcow2": plain.url(), "/on.qcow2": secure.url()}
    plain.redirects = {"/up.qcow2": secure.url(), "/up-and-down.qcow2": secure.url("/down.qcow2")}
    for url in (secure.url("/down.qcow2"), plain.url("/up-and-down.qcow2")):
        with pytest.raises(CreateFailed, match="it redirects from https to http"):
            download_image(url, digest, tmp_path / "cache")
    assert "/image.qcow2" not in [path for path, _ in plain.asked]
    for url in (secure.url("/on.qcow2"), plain.url("/up.qcow2")):
        assert download_image(url, digest, tmp_path / "cache").read_bytes() == plain.content


def test_redirects_end(serve: Serve, digest: str, tmp_path: Path) -> None:
    server = serve()
    server.redirects = {f"/{number}.qcow2": f"/{number + 1}.qcow2" for number in range(100)}
    server.redirects["/round.qcow2"] = "/round.qcow2"
    for path in ("/0.qcow2", "/round.qcow2"):
        with pytest.raises(CreateFailed, match="it redirects too often"):
            download_image(server.url(path), digest, tmp_path / "cache")
    assert len(server.asked) < 20


def test_a_server_that_nobody_vouches_for_is_not_used(
    serve: Serve, certificate: Path, digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    with pytest.raises(CreateFailed, match="certificate verify failed"):
        download_image(server.url(), digest, tmp_path / "cache")


def test_credentials_go_to_their_own_server_alone(serve: Serve, digest: str, tmp_path: Path) -> None:
    server, other = serve(), serve()
    server.redirects = {"/here.qcow2": "/image.qcow2", "/away.qcow2": other.url("/back.qcow2")}
    other.redirects = {"/back.qcow2": server.url()}
    download_image(server.url("/here.qcow2", user="user:SECRET@"), digest, tmp_path / "1")
    assert server.asked == [(path, "Basic dXNlcjpTRUNSRVQ=") for path in ("/here.qcow2", "/image.qcow2")]
    server.asked.clear()
    download_image(server.url("/away.qcow2", user="user:SECRET@"), digest, tmp_path / "2")
    assert other.asked == [("/back.qcow2", None)]
    assert server.asked == [("/away.qcow2", "Basic dXNlcjpTRUNSRVQ="), ("/image.qcow2", None)]


@pytest.mark.parametrize("path", ["/image.qcow2", "/missing.qcow2", "/a b.qcow2", "/", "/elsewhere.qcow2"])
def test_credentials_are_neither_printed_nor_kept(
    workspace: Workspace, call: Call, serve: Serve, digest: str, path: str
) -> None:
    server = serve()
    server.redirects["/elsewhere.qcow2"] = "file:///SECRET"
    url = server.url(f"{path}?token=SECRET#SECRET", user="user:SECRET@")
    done = call("create", "--id", "web", "--image", url, "--digest", digest, "--json")
    assert (done.returncode == 0) is (path == "/image.qcow2"), done
    assert "SECRET" not in done.stdout + done.stderr
    for program in ("list", "status", "doctor"):
        told = call(program, *(["--id", "web"] if program == "status" else []), "--json")
        assert "SECRET" not in told.stdout + told.stderr
    for file in workspace.root.rglob("*"):
        assert "SECRET" not in file.name
        assert not file.is_file() or b"SECRET" not in file.read_bytes(), file


@pytest.mark.parametrize(
    "url", ["ftp://user:SECRET@h/x.qcow2?SECRET", "https://user:SE/SECRET@h/x", "http://u:SECRET@["]
)
def test_credentials_in_what_is_no_url_are_not_printed(call: Call, digest: str, url: str) -> None:
    for arguments in ([url], [url, "--digest", digest]):
        done = call("create", "--id", "web", "--image", *arguments)
        assert done.returncode != 0
        assert "SECRET" not in done.stdout + done.stderr, done


def test_a_changed_download_is_no_base_and_stays_for_the_disks_on_it(
    workspace: Workspace, call: Call, serve: Serve, digest: str
) -> None:
    server = serve()

    def create(name: str) -> Path:
        done = call("create", "--id", name, "--image", server.url(), "--digest", digest)
        assert done.returncode == 0, done
        disk = workspace.data / "vms" / f"podplane-local-{name}.amd64.image.qcow2"
        info = subprocess.run(["qemu-img", "info", "--output=json", disk], check=True, capture_output=True).stdout
        return Path(json.loads(info)["full-backing-filename"])

    first = create("one")
    assert create("two") == first
    assert len(server.asked) == 1
    first.chmod(0o644)
    with first.open("ab") as file:
        file.write(b"changed")
    second = create("three")
    assert second != first
    assert second.read_bytes() == server.content
    assert first.read_bytes().endswith(b"changed")
