"""What tests of recordings share: host keys as consoles show them, and files with holes."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.file import punch_hole

MB = 2**20


def can_punch(directory: Path) -> bool:
    path = directory / "probe"
    path.write_bytes(bytes(MB))
    handle = os.open(path, os.O_RDWR)
    try:
        return punch_hole(handle, 0, MB // 2) > 0
    finally:
        os.close(handle)
        path.unlink()


def key(number: int, kind: str = "ssh-ed25519") -> str:
    """A public key that nobody has."""
    name = kind.encode()
    return f"{kind} " + base64.b64encode(len(name).to_bytes(4, "big") + name + bytes([number]) * 36).decode()


STAGE = (
    b"\r\n[    0.000000] Linux version 6.1\r\nCloud-init v. 22.4.2 running 'modules:final' at noon. Up 9.00 seconds\r\n"
)
"""A boot, up to the stage of cloud-init in which it shows the host keys."""


def shown(*keys: str) -> bytes:
    """Host keys as cloud-init shows them, in a boot of their own."""
    return STAGE + block(*keys)


def block(*keys: str) -> bytes:
    lines = "".join(f"{each} root@host\r\n" for each in keys)
    return f"-----BEGIN SSH HOST KEY KEYS-----\r\n{lines}-----END SSH HOST KEY KEYS-----\r\n".encode()


def recording(files: VMFiles, content: bytes, name: str = "20260102T000000.000000Z.raw") -> Path:
    path = files.recordings_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
