"""The archive writer against an independent reader."""

import shutil
import subprocess

import pytest

from tests.conftest import missing
from tests.guest import cpio

ENTRIES = [
    cpio.directory("dev"),
    cpio.character_device("dev/console", 5, 1),
    cpio.directory("home", owner=1000),
    cpio.regular_file("home/odd", b"12345", mode=0o4755),
    cpio.symbolic_link("init", "home/odd"),
]


def test_cpio_lists_what_was_written() -> None:
    if shutil.which("cpio") is None:
        missing("cpio is not installed")
    command = ["cpio", "--list", "--verbose", "--numeric-uid-gid", "--quiet"]
    output = subprocess.run(command, input=cpio.archive(ENTRIES), capture_output=True, check=True).stdout.decode()
    listed = [(line.split()[0], line.split()[2], line.split()[3], line.split()[-1]) for line in output.splitlines()]
    assert listed == [
        ("drwxr-xr-x", "0", "0", "dev"),
        ("crw-------", "0", "0", "dev/console"),
        ("drwxr-xr-x", "1000", "1000", "home"),
        ("-rwsr-xr-x", "0", "0", "home/odd"),
        ("lrwxrwxrwx", "0", "0", "home/odd"),
    ]


def test_members_are_aligned_and_carry_their_content() -> None:
    data = cpio.archive([cpio.regular_file("a", b"content")])
    assert len(data) % 4 == 0
    assert data[110:112] == b"a\0"
    assert data[112:119] == b"content"
    assert data[120:126] == b"070701"


@pytest.mark.parametrize(
    "entries",
    [
        [cpio.regular_file("a/b", b"")],
        [cpio.directory("a"), cpio.directory("a")],
        [cpio.directory("/a")],
        [cpio.directory("")],
    ],
    ids=["parent missing", "twice", "absolute", "empty"],
)
def test_what_the_kernel_would_not_unpack_is_refused(entries: list[cpio.Entry]) -> None:
    with pytest.raises(ValueError, match=r"parent of|path not relative"):
        cpio.archive(entries)
