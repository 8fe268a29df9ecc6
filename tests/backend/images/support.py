"""Images made by the real qemu-img."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make(path: Path, *arguments: str) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *arguments, path, "64M"], check=True)
    return path
