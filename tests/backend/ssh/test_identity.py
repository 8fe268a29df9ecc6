"""The SSH key pair that all machines share: made once, read back, never overwritten."""

import base64
import os
import stat
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CorruptFile, ShellError
from podplane_tui.backend.ssh.identity import ensure_identity, load_identity, require_identity

pytestmark = pytest.mark.slow


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_key_is_made_on_first_need(tmp_path: Path) -> None:
    path = tmp_path / "data" / "ssh" / "id_ed25519"
    line = ensure_identity(path)
    assert line.startswith("ssh-ed25519 AAAA")
    assert (_mode(path.parent), _mode(path), _mode(tmp_path / "data")) == (0o700, 0o600, 0o700)
    public = path.with_suffix(".pub")
    assert public.read_text() == line + "\n"
    assert path.read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    derived = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True, check=True).stdout
    assert derived.split()[:2] == line.split()[:2]
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["id_ed25519", "id_ed25519.pub"]


def test_key_that_is_there_is_kept_with_its_comment(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me@here", "-f", path], check=True)
    before = path.read_bytes(), path.with_suffix(".pub").read_bytes()
    assert ensure_identity(path).endswith(" me@here")
    assert (path.read_bytes(), path.with_suffix(".pub").read_bytes()) == before


def test_a_public_key_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    ensure_identity(path)
    path.with_suffix(".pub").unlink()
    os.mkfifo(path.with_suffix(".pub"))
    with pytest.raises(ShellError, match="not a regular file"):
        ensure_identity(path)


@pytest.mark.parametrize("public", [None, b"", b"ssh-ed25519 AAAA other\n", b"\xff\xfe"])
def test_public_key_that_is_missing_or_wrong_is_made_anew(tmp_path: Path, public: bytes | None) -> None:
    path = tmp_path / "id_ed25519"
    line = ensure_identity(path)
    path.with_suffix(".pub").unlink()
    if public is not None:
        path.with_suffix(".pub").write_bytes(public)
    assert ensure_identity(path) == line
    assert path.with_suffix(".pub").read_text() == line + "\n"


def test_many_at_once_get_one_key(tmp_path: Path) -> None:
    for attempt in range(20):
        path = tmp_path / str(attempt) / "id_ed25519"
        barrier = threading.Barrier(8)

        def ask(path: Path = path, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            return ensure_identity(path)

        with ThreadPoolExecutor(8) as pool:
            lines = {future.result() for future in [pool.submit(ask) for _ in range(8)]}
        assert lines == {path.with_suffix(".pub").read_text().strip()}
        assert len(list(path.parent.iterdir())) == 2


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_public_half_is_that_of_the_private_key(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", path], check=True)
    derived = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True, check=True).stdout
    path.with_suffix(".pub").unlink()
    assert ensure_identity(path).split()[:2] == derived.split()[:2]


def _damaged(content: bytes, damage: Callable[[bytes], bytes]) -> bytes:
    """A private key's file with something done to what is inside."""
    begin, *lines, end = content.splitlines()
    return b"\n".join([begin, base64.b64encode(damage(base64.b64decode(b"".join(lines)))), end, b""])


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"precious\n",
        lambda _: b"",
        lambda content: content[: len(content) // 2],
        lambda content: _damaged(content, lambda _: b""),
        lambda content: _damaged(content, lambda inside: inside[:-1]),
        lambda content: _damaged(content, lambda inside: inside + b"x"),
        lambda content: _damaged(content, lambda inside: inside.replace(b"-v1", b"-v2")),
        lambda content: _damaged(content, lambda inside: inside.replace(b"none", b"nine", 1)),
        lambda content: _damaged(content, lambda inside: inside.replace(b"ssh-ed25519", b"ssh-ed25518", 1)),
        # the number of keys
        lambda content: _damaged(content, lambda inside: inside[:38] + b"\2" + inside[39:]),
        # the first of the two numbers that have to be the same
        lambda content: _damaged(content, lambda inside: inside[:98] + bytes([inside[98] ^ 1]) + inside[99:]),
    ],
)
def test_corrupt_key_is_never_overwritten(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "id_ed25519"
    ensure_identity(path)
    content = damage(path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match="move it away"):
        ensure_identity(path)
    assert path.read_bytes() == content


def test_key_with_a_passphrase_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "passphrase", "-f", path], check=True)
    with pytest.raises(CorruptFile, match="without a passphrase"):
        ensure_identity(path)


def test_key_that_can_not_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShellError, match="Not a directory"):
        ensure_identity(tmp_path / "file" / "ssh" / "id_ed25519")


def test_key_that_is_loaded_is_the_one_that_was_made(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    line = ensure_identity(path)
    key = load_identity(path)
    assert [key.get_name(), key.get_base64()] == line.split()[:2]
    assert key.can_sign()


@pytest.mark.parametrize("content", [b"", b"no key\n", b"\xff\0", b"-----BEGIN OPENSSH PRIVATE KEY-----\n"])
def test_what_is_no_key_is_not_loaded(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "id_ed25519"
    path.write_bytes(content)
    with pytest.raises(ShellError, match=r"id_ed25519 is not a private key, or has a passphrase: replace it"):
        load_identity(path)


def test_missing_key_says_what_makes_one(tmp_path: Path) -> None:
    for ask in (require_identity, load_identity):
        with pytest.raises(ShellError, match=r"none is missing: restart the VM to create one"):
            ask(tmp_path / "none")


def test_folder_in_the_place_of_the_key_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    path.mkdir()
    with pytest.raises(ShellError, match="id_ed25519 can't be read: not a regular file"):
        require_identity(path)
    with pytest.raises(ShellError, match="not a regular file"):
        ensure_identity(path)
    assert path.is_dir()


def test_key_behind_a_link_is_used(tmp_path: Path) -> None:
    line = ensure_identity(tmp_path / "real")
    (tmp_path / "id_ed25519").symlink_to("real")
    require_identity(tmp_path / "id_ed25519")
    assert ensure_identity(tmp_path / "id_ed25519") == line
    assert (tmp_path / "id_ed25519").is_symlink()


def test_public_key_whose_comment_is_not_printable_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    line = ensure_identity(path)
    path.with_suffix(".pub").write_text(" ".join(line.split()[:2]) + " me\nssh-ed25519 AAAA of somebody else\n")
    assert ensure_identity(path) == line
    assert path.with_suffix(".pub").read_text() == line + "\n"
