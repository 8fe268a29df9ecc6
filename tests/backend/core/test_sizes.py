"""Sizes of disks as people write them."""

from __future__ import annotations

import pytest

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.sizes import parse_disk_size

pytestmark = pytest.mark.usefixtures("require_qemu")


@pytest.mark.parametrize("size", ["", "1", "1K", "-1G", "+1G", "1.5G", "0G", "0M", "65T", "1GB", "x"])
def test_sizes_without_sense(size: str) -> None:
    with pytest.raises(InvalidInput, match="such as 128G"):
        parse_disk_size(size)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1M", 2**20),
        ("128G", 128 * 2**30),
        ("2g", 2 * 2**30),
        ("064M", 64 * 2**20),
        (" 40G\n", 40 * 2**30),
        ("64T", 64 * 2**40),
        ("65536G", 64 * 2**40),
    ],
)
def test_a_size_is_a_whole_number_and_a_unit(text: str, size: int) -> None:
    assert parse_disk_size(text) == size


@pytest.mark.parametrize("text", ["65537G", "1 G", "9999999M", "1G\n1G", "0x1G", "1_0G"])
def test_a_size_that_is_none_or_too_much_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="a whole number with a unit up to 64T"):
        parse_disk_size(text)


def test_a_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(
        InvalidInput, match=r"^invalid disk size 'x{40}': use a whole number with a unit up to 64T, such as 128G$"
    ):
        parse_disk_size("x" * 5000)
