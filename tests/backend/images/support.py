"""Images made by the real qemu-img."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path


def make(path: Path, *arguments: str) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *arguments, path, "64M"], check=True)
    return path


def write_image(path: Path, *, base: str = "", kind: str = "qcow2") -> Path:
    """The header of an image on top of `base`, as qemu-img writes it, and nothing else."""
    name, extension = base.encode(), struct.pack(">II8s", 0xE2792ACA, len(kind), kind.encode()) + bytes(8)
    offset = 104 + len(extension)
    head = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, offset if name else 0, len(name), 16, 2**20)
    path.write_bytes(head.ljust(100, b"\0") + struct.pack(">I", 104) + extension + name)
    return path
