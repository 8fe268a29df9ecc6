"""Partition tables as tools write them, and as nobody should."""

from __future__ import annotations

import struct

import pytest

from podplane_tui.backend.core.errors import InvalidImage
from podplane_tui.backend.images.partitions import Partition, find_partition

pytestmark = pytest.mark.usefixtures("require_qemu")


def test_partition_tables_of_hostile_disks() -> None:
    for head, missing in (
        (b"", "partition table"),
        (bytes(2**20), "partition table"),
        (bytes(510) + b"\x55\xaa" + bytes(600), "partition 1"),
    ):
        with pytest.raises(InvalidImage, match=f"no {missing}"):
            find_partition(head, 1)
    gpt = bytearray(bytes(510) + b"\x55\xaa" + b"EFI PART" + b"\xff" * 2000)
    with pytest.raises(InvalidImage, match="no partition 1"):
        find_partition(bytes(gpt), 1)
    for length in range(520, 600, 8):  # a disk that ends in the header
        with pytest.raises(InvalidImage, match="no partition 1"):
            find_partition(bytes(gpt[:length]), 1)
    mbr = bytearray(510) + b"\x55\xaa"
    mbr[446 : 446 + 16] = bytes([0, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (8).to_bytes(4, "little")
    assert find_partition(bytes(mbr), 1) == Partition(2048 * 512, 8 * 512)
    with pytest.raises(InvalidImage, match="no partition 2"):
        find_partition(bytes(mbr), 2)


LINUX_DATA = bytes.fromhex("af3dc60f838472478e793d69d8477de4")


def gpt(*entries: tuple[bytes, int, int], size: int = 128, count: int = 128) -> bytes:
    """The head of a disk with such partitions: type, first and last block."""
    head = bytearray(2**20)
    head[450] = 0xEE
    head[510:512] = b"\x55\xaa"
    struct.pack_into("<8s64xQII", head, 512, b"EFI PART", 2, count, size)
    for index, (kind, first, last) in enumerate(entries):
        struct.pack_into("<16s16xQQ", head, 1024 + index * size, kind, first, last)
    return bytes(head)


def mbr(*entries: tuple[int, int, int]) -> bytes:
    """The same with types, first blocks and numbers of blocks."""
    head = bytearray(512)
    head[510:512] = b"\x55\xaa"
    for index, (kind, first, count) in enumerate(entries):
        struct.pack_into("<4xB3xII", head, 446 + 16 * index, kind, first, count)
    return bytes(head)


@pytest.mark.parametrize("size", [128, 256])
def test_a_partition_of_gpt_reaches_to_its_last_block(size: int) -> None:
    head = gpt((LINUX_DATA, 2048, 4095), (bytes(16), 0, 0), (LINUX_DATA, 8192, 8192), size=size)
    assert find_partition(head, 1) == Partition(2048 * 512, 2048 * 512)
    assert find_partition(head, 3) == Partition(8192 * 512, 512)


@pytest.mark.parametrize(
    ("head", "number"),
    [
        pytest.param(gpt((LINUX_DATA, 2048, 4095)), 2, id="unused"),
        pytest.param(gpt((LINUX_DATA, 2048, 4095)), 129, id="beyond the table"),
        pytest.param(gpt((LINUX_DATA, 2048, 2047)), 1, id="ends before it begins"),
        pytest.param(gpt((LINUX_DATA, 2048, 4095), count=0), 1, id="table of none"),
        pytest.param(gpt((LINUX_DATA, 2048, 4095), size=48)[:1024], 1, id="table beyond the head"),
        pytest.param(gpt((LINUX_DATA, 2048, 4095), size=40), 1, id="entries too small"),
        pytest.param(mbr((0x83, 2048, 8)), 5, id="logical"),
        pytest.param(mbr((0x83, 2048, 8)), 2, id="unused of MBR"),
        pytest.param(mbr((0xEE, 1, 8)), 1, id="protective"),
        pytest.param(mbr((0x83, 2048, 0)), 1, id="empty"),
    ],
)
def test_a_partition_that_is_not_there_is_told_by_its_number(head: bytes, number: int) -> None:
    with pytest.raises(InvalidImage, match=f"the base image has no partition {number}: "):
        find_partition(head, number)


def test_the_fourth_of_mbr_is_its_last() -> None:
    assert find_partition(mbr((0, 0, 0), (0, 0, 0), (0, 0, 0), (0x0C, 100, 20)), 4) == Partition(51200, 10240)


def test_a_disk_without_a_table_is_told() -> None:
    with pytest.raises(InvalidImage, match=r"^the base image has no partition table: "):
        find_partition(b"\x55\xaa" * 200, 1)
