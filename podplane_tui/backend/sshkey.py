"""The SSH key pair that all machines share: made on first need, in OpenSSH's formats, never overwritten."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from podplane_tui.backend.errors import CorruptFile, ShellError
from podplane_tui.backend.files import (
    MAX_SMALL_FILE,
    explain_os_error,
    open_regular,
    private_directory,
    write_atomic,
)

if TYPE_CHECKING:
    import paramiko

_COMMENT = "podplane"


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
        raise ShellError(f"the SSH key {path} can't be made or read: {error.strerror or error}") from error
    return line


def require_identity(path: Path) -> None:
    """Raise `ShellError` unless there is a file to read at `path`: paramiko and ssh would wait for a FIFO for good."""
    try:
        open_regular(path, follow_links=True).close()
        for beside in (path.with_name(path.name + ".pub"), path.with_name(path.name + "-cert.pub")):
            with contextlib.suppress(FileNotFoundError):  # they look for these as well
                open_regular(beside, follow_links=True).close()
    except FileNotFoundError as error:
        raise ShellError(f"the SSH key {path} is missing: starting the machine anew makes one") from error
    except OSError as error:
        raise ShellError(f"the SSH key {path} can't be read: {explain_os_error(error)}") from error


def load_identity(path: Path) -> paramiko.PKey:
    """The private key at `path`. Raises `ShellError` when it is missing or can't be used."""
    import paramiko  # noqa: PLC0415 - takes a third of a second, which only a connection should cost

    require_identity(path)
    try:
        return paramiko.PKey.from_path(path)
    except OSError as error:
        raise ShellError(f"the SSH key {path} can't be read: {explain_os_error(error)}") from error
    except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError, TypeError) as error:
        raise ShellError(f"the SSH key {path} is no private key, or has a passphrase: replace it") from error


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
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    try:
        with open_regular(path, follow_links=True) as file:
            key = serialization.load_ssh_private_key(file.read(MAX_SMALL_FILE), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CorruptFile(f"{path} is no OpenSSH private key without a passphrase: move it away") from error
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
