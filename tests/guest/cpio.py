"""A writer for cpio archives in the "newc" format, the one Linux unpacks as its initramfs.

Written here and not with cpio(1), which records the owner of the files it reads: a build without root could then not
contain files of root. Format: Documentation/driver-api/early-userspace/buffer-format.rst of the Linux kernel.
"""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_MAGIC = "070701"
_ALIGNMENT = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: `mode` with its file type bits, `data` the content of a file or the target of a symbolic link."""

    path: str
    mode: int
    data: bytes = b""
    uid: int = 0
    gid: int = 0
    device: tuple[int, int] = (0, 0)


def directory(path: str, *, mode: int = 0o755, owner: int = 0) -> Entry:
    """Return the entry of a directory."""
    return Entry(path, stat.S_IFDIR | mode, uid=owner, gid=owner)


def regular_file(path: str, data: bytes, *, mode: int = 0o644) -> Entry:
    """Return the entry of a regular file of root."""
    return Entry(path, stat.S_IFREG | mode, data)


def symbolic_link(path: str, target: str) -> Entry:
    """Return the entry of a symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def character_device(path: str, major: int, minor: int, *, mode: int = 0o600) -> Entry:
    """Return the entry of a character device node."""
    return Entry(path, stat.S_IFCHR | mode, device=(major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the archive of `entries`, parents first, each path once; the same entries give the same bytes."""
    seen: set[str] = set()
    parts = []
    for inode, entry in enumerate(entries, start=1):
        parent = entry.path.rpartition("/")[0]
        if entry.path in seen or entry.path.startswith("/") or not entry.path:
            raise ValueError(f"path not relative or there twice: {entry.path!r}")
        if parent and parent not in seen:
            raise ValueError(f"parent of {entry.path!r} is missing")
        seen.add(entry.path)
        parts.append(_member(entry, inode=inode))
    parts.append(_member(Entry("TRAILER!!!", 0), inode=0))
    return b"".join(parts)


def _member(entry: Entry, *, inode: int) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    numbers = (
        inode,
        entry.mode,
        entry.uid,
        entry.gid,
        links,
        0,  # modification time: none, for the same bytes at every build
        len(entry.data),
        0,
        0,
        *entry.device,
        len(name),
        0,  # checksum: not used by this format
    )
    header = (_MAGIC + "".join(f"{number:08X}" for number in numbers)).encode()
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)
