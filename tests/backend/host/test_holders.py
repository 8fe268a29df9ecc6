"""Who has a file open: real locks of real programs, real descriptors, real sockets."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend.host.holders import Holder, Lock, answers_at, holders, image_lock
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the locks and /proc are Linux's")


@pytest.fixture
def image(require_qemu: None, tmp_path: Path) -> Path:
    path = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)
    return path


@contextlib.contextmanager
def qemu_io(*arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that opens an image as QEMU does, and keeps it open."""
    with subprocess.Popen(["qemu-io", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"length\n")
            process.stdin.flush()
            assert b"1 MiB" in process.stdout.readline()
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def child_with(handle: object) -> Iterator[int]:
    with subprocess.Popen(["sleep", "1000"], stdin=handle) as process:  # type: ignore[call-overload]
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("options", "lock"), [((), Lock.WRITER), (("-r",), Lock.READER), (("-U", "-r"), Lock.READER)], ids=str
)
def test_the_locks_tell_a_writer_from_a_reader(image: Path, options: tuple[str, ...], lock: Lock) -> None:
    assert image_lock(image) is Lock.NONE
    with qemu_io(*options, image) as process:
        assert image_lock(image) is lock
        assert holders(image) == (Holder(process.pid, "qemu-io", writes=lock is Lock.WRITER),)
    assert image_lock(image) is Lock.NONE
    assert holders(image) == ()


def test_a_backing_file_has_a_reader_and_its_overlay_a_writer(image: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", overlay], check=True)
    with qemu_io(overlay):
        assert (image_lock(image), image_lock(overlay)) == (Lock.READER, Lock.WRITER)


def test_without_locks_the_descriptors_tell(image: Path) -> None:
    with qemu_io("--image-opts", f"driver=qcow2,file.driver=file,file.locking=off,file.filename={image}") as process:
        assert image_lock(image) is Lock.NONE
        assert holders(image) == (Holder(process.pid, "qemu-io", writes=True),)


def test_asking_takes_no_lock(image: Path) -> None:
    with image.open("rb") as own:
        assert image_lock(image) is Lock.NONE
        assert image_lock(image) is Lock.NONE
        assert own.read(3) == b"QFI"
    subprocess.run(["qemu-io", "-c", "write 0 512", image], check=True, stdout=subprocess.DEVNULL)


def test_a_descriptor_tells_whether_it_may_write(image: Path) -> None:
    with image.open("rb") as reading, child_with(reading) as pid:
        assert holders(image) == (Holder(pid, "sleep", writes=False),)
    with image.open("r+b") as writing, child_with(writing) as pid:
        assert holders(image) == (Holder(pid, "sleep", writes=True),)


def test_another_name_of_the_file_is_the_same_file_and_another_file_of_the_name_is_not(image: Path) -> None:
    other = image.with_name("other.qcow2")
    other.hardlink_to(image)
    with image.open("r+b") as writing, child_with(writing) as pid:
        assert [holder.pid for holder in holders(other)] == [pid]
        image.unlink()
        image.write_bytes(b"a new one")
        assert holders(image) == ()


def test_our_own_descriptors_do_not_count(image: Path) -> None:
    with image.open("r+b"):
        assert holders(image) == ()


def test_what_is_no_image_is_used_by_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("link")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("missing", "missing/too", ".", "fifo", "socket", "link"):
            assert image_lock(tmp_path / name) is Lock.NONE, name
    assert holders(tmp_path / "missing") == ()


def test_an_image_that_may_not_be_read_is_unknown(image: Path) -> None:
    image.parent.chmod(0o755)
    image.chmod(0)
    lines = [
        "import os, pathlib",
        "from podplane_tui.backend.host.holders import image_lock",
        "if os.geteuid() == 0: os.setuid(65534)",  # root may read everything
        f"print(image_lock(pathlib.Path({str(image)!r})).name)",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout == "UNKNOWN\n"


def test_a_socket_answers_while_somebody_listens(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    assert answers_at(path) is None
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert answers_at(path) is None, "nobody listens yet"
        server.listen(0)
        assert answers_at(path) == os.getpid()
        wait_until(lambda: answers_at(path) == 0, what="no place left in the queue")
    assert answers_at(path) is None, "a dead socket"
    (tmp_path / "file").touch()
    assert answers_at(tmp_path / "file") is None
    assert answers_at(tmp_path / ("long" * 40)) is None
