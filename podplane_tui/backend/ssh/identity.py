"""The SSH key pair that all machines share: made on first need, in OpenSSH's formats, never overwritten."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from podplane_tui.backend.core.errors import CorruptFile, ShellError
from podplane_tui.backend.core.files import (
    MAX_SMALL_FILE,
    open_regular,
    os_error_as,
    private_directory,
    write_atomic,
)

if TYPE_CHECKING:
    import paramiko

_COMMENT = "podplane"

_PRIVATE_KEY = re.compile(
    rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END OPENSSH PRIVATE KEY-----",
    re.DOTALL,
)
_MAGIC = b"openssh-key-v1\0"
_OPEN = (b"none", b"none", b"", b"\0\0\0\1", b"")
"""Cipher, key derivation and its options of a key without a passphrase, how many keys there are, what follows them."""


def ensure_identity(path: Path) -> str:
    """The authorized_keys line of the private key at `path`, which is made (ed25519, 0600) when there is none.

    Any number of processes may ask at once: all get the same key. A missing or foreign `.pub` beside it is made anew.
    Raises `CorruptFile` when what is there is no private key, `ShellError` when it can't be read or made.
    """
    try:
        private_directory(path.parent)
        if not path.exists():
            _create(path)
        line = _public_line(path)
        public = path.with_name(path.name + ".pub")
        with contextlib.suppress(FileNotFoundError):
            with open_regular(public, follow_links=True) as file:
                found = file.read(MAX_SMALL_FILE).decode("utf-8", "replace").strip()
            if found.isprintable() and found.split()[:2] == line.split():
                return found
        line = f"{line} {_COMMENT}"
        write_atomic(public, f"{line}\n".encode(), mode=0o644)
    except OSError as error:
        raise os_error_as(ShellError, f"the SSH key {path} can't be created or read", error) from error
    return line


def require_identity(path: Path) -> None:
    """Raise `ShellError` unless there is a file to read at `path`: paramiko and ssh would wait for a FIFO for good."""
    for file in (path, path.with_name(path.name + ".pub"), path.with_name(path.name + "-cert.pub")):  # ssh reads all
        try:
            open_regular(file, follow_links=True).close()
        except FileNotFoundError as error:
            if file == path:
                raise ShellError(f"the SSH key {path} is missing", hint="restart the VM to create one") from error
        except OSError as error:
            raise os_error_as(ShellError, f"the SSH key {file} can't be read", error) from error


def load_identity(path: Path) -> paramiko.PKey:
    """The private key at `path`. Raises `ShellError` when it is missing or can't be used."""
    import paramiko  # noqa: PLC0415 - takes a third of a second, which only a connection should cost

    require_identity(path)
    try:
        return paramiko.PKey.from_path(path)
    except OSError as error:
        raise os_error_as(ShellError, f"the SSH key {path} can't be read", error) from error
    except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError, TypeError) as error:
        raise ShellError(f"the SSH key {path} is not a private key, or has a passphrase", hint="replace it") from error


def _create(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - only the first machine needs it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    content = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600 from the start
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never takes the place of a key that another process has put there meanwhile.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()


def _public_line(path: Path) -> str:
    """The public half of the key at `path`, which stands in the open in OpenSSH's format (its PROTOCOL.key).

    Every start asks for it, and the library that makes keys takes longer to import than all else of a start.
    """
    try:
        with open_regular(path, follow_links=True) as file:
            public = _public_half(file.read(MAX_SMALL_FILE))
        return f"{_string(public)[0].decode('ascii')} {base64.b64encode(public).decode('ascii')}"
    except ValueError as error:
        raise CorruptFile(f"{path} is not an OpenSSH private key without a passphrase", hint="move it away") from error


def _public_half(content: bytes) -> bytes:
    """The public key of the private one in `content`. Raises `ValueError` unless that is one, whole and readable."""
    match = _PRIVATE_KEY.search(content)
    data = base64.b64decode(match[1]) if match else b""
    if not data.startswith(_MAGIC):
        raise ValueError("not OpenSSH's format")
    cipher, data = _string(data.removeprefix(_MAGIC))
    derivation, data = _string(data)
    options, data = _string(data)
    keys, data = data[:4], data[4:]
    public, data = _string(data)
    private, data = _string(data)
    # Behind two numbers, which are the same where the passphrase was right, comes what kind of key it is.
    if (cipher, derivation, options, keys, data) != _OPEN or private[:4] != private[4:8]:
        raise ValueError("needs a passphrase, or is damaged")
    if not _string(private[8:])[0] == _string(public)[0] != b"":
        raise ValueError("its halves are not of one key")
    return public


def _string(data: bytes) -> tuple[bytes, bytes]:
    """The first of the strings in `data`, each behind its length, and the rest. Raises `ValueError`."""
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < end:
        raise ValueError("cut off")
    return data[4:end], data[end:]
