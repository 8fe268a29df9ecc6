"""Where the partitions of a disk begin and end, told by its first bytes: GPT, or MBR without logical partitions.

Source: UEFI specification, chapter 5; numbers are those Linux gives the partitions.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from podplane_tui.backend.core.errors import InvalidImage

HEAD = 2**20
"""Bytes of the disk that are looked at."""

ANOTHER = "let podplane download the base image again, or boot with --firmware"
"""What to do about a base image in which the kernel to boot directly can't be found."""

_SECTOR = 512
_GPT_HEADER = struct.Struct("<8s64xQII")  # signature, entries' block, their number, the size of each
_GPT_ENTRY = struct.Struct("<16s16xQQ")  # type, first and last block
_MBR_ENTRY = struct.Struct("<4xB3xII")  # type, first block, number of blocks
_MBR_TABLE, _MBR_PROTECTIVE = 446, 0xEE


@dataclass(frozen=True, slots=True)
class Partition:
    """In bytes."""

    offset: int
    size: int


def find_partition(head: bytes, number: int) -> Partition:
    """Partition `number` (from 1) of the disk that begins with `head`. Raises `InvalidImage` when there is none."""
    if head[510:512] != b"\x55\xaa":
        raise InvalidImage("the base image has no partition table", hint=ANOTHER)
    found = _gpt(head, number) if head[_SECTOR : _SECTOR + 8] == b"EFI PART" else _mbr(head, number)
    if found is None or found.size <= 0:
        raise InvalidImage(f"the base image has no partition {number}", hint=ANOTHER)
    return found


def _gpt(head: bytes, number: int) -> Partition | None:
    if len(head) < _SECTOR + _GPT_HEADER.size:
        return None
    _, block, count, size = _GPT_HEADER.unpack_from(head, _SECTOR)
    begin = block * _SECTOR + (number - 1) * size
    if number > count or size < _GPT_ENTRY.size or begin + size > len(head):
        return None
    kind, first, last = _GPT_ENTRY.unpack_from(head, begin)
    return Partition(first * _SECTOR, (last - first + 1) * _SECTOR) if any(kind) else None


def _mbr(head: bytes, number: int) -> Partition | None:
    if number > 4:
        return None
    kind, first, count = _MBR_ENTRY.unpack_from(head, _MBR_TABLE + 16 * (number - 1))
    return Partition(first * _SECTOR, count * _SECTOR) if kind not in {0, _MBR_PROTECTIVE} else None
