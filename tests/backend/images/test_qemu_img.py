"""What qemu-img makes and checks for us, and how it is run."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import Cancelled, CreateFailed, InvalidImage
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.images.qemu_img import VIRTUAL_SIZE, check_image, create_overlay, run_qemu_img
from tests.backend.images.support import make

pytestmark = pytest.mark.usefixtures("require_qemu")


def qemus_view(path: Path) -> dict[str, object]:
    output = subprocess.run(["qemu-img", "info", "--output=json", path], check=True, capture_output=True).stdout
    view: dict[str, object] = json.loads(output)
    return view


def test_an_overlay_is_what_qemu_img_says_it_is(tmp_path: Path) -> None:
    base, image = make(tmp_path / "bäse, x.qcow2"), tmp_path / "i.qcow2"
    create_overlay(image, base)
    view, info = qemus_view(image), read_image(image)
    assert info.backing_file == view["backing-filename"] == str(base)
    assert info.virtual_bytes == view["virtual-size"] == 128 * 2**30
    assert view["backing-filename-format"] == "qcow2"
    assert VIRTUAL_SIZE == "128G"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def test_an_existing_disk_is_never_replaced(tmp_path: Path) -> None:
    image = tmp_path / "i.qcow2"
    image.write_text("precious")
    with pytest.raises(CreateFailed, match="already exists: another program has made it"):
        create_overlay(image, None)
    assert image.read_text() == "precious"


def stand_in(directory: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a shell script in the place of qemu-img."""
    program = directory / "qemu-img"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")


def test_ctrl_c_does_not_reach_a_change_of_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    os.mkfifo(begun)
    os.mkfifo(go_on)
    stand_in(tmp_path, f"echo >'{begun}'; read -r line <'{go_on}'", monkeypatch)
    code = (
        "from podplane_tui.backend.images.qemu_img import run_qemu_img; "
        "run_qemu_img(['snapshot', '-a', 'x', 'disk'], 'disk')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, lambda *_: None); {code}"],
        start_new_session=True,
    ) as program:
        begun.read_bytes()
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does
        handle = os.open(go_on, os.O_RDWR)  # also when nobody reads there any more
        os.write(handle, b"\n")
        assert program.wait() == 0
        os.close(handle)


def test_ctrl_c_at_a_copy_cancels_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "kill -INT $$", monkeypatch)
    with pytest.raises(Cancelled, match="qemu-img convert was cancelled: nothing is left of it"):
        run_qemu_img(["convert", "disk"], tmp_path / "disk", cancel=threading.Event())
    with pytest.raises(CreateFailed, match="exit code -2"):
        run_qemu_img(["create", "disk"], tmp_path / "disk")


def test_qemu_imgs_words_are_told(tmp_path: Path) -> None:
    with pytest.raises(CreateFailed, match="No such file"):
        create_overlay(tmp_path / "none" / "i.qcow2", None)


def test_a_hint_about_a_failure_is_about_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = make(tmp_path / "i.qcow2")
    stand_in(tmp_path, "echo 'Failed to get \"write\" lock' >&2; exit 1", monkeypatch)
    with (
        image.open("rb"),
        pytest.raises(CreateFailed, match=rf"process {os.getpid()} \(.*\) is using the disk: Failed to get"),
    ):
        run_qemu_img(["create", "-q", "-f", "qcow2", str(image), "64M"], image)


def test_what_is_secret_in_a_name_is_hidden_in_qemu_imgs_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = make(tmp_path / "base.qcow2?token=s3cret")
    stand_in(tmp_path, 'for word; do echo "no: $word" >&2; done; exit 1', monkeypatch)
    with pytest.raises(CreateFailed, match=r"no: /\S*/base\.qcow2\?… ") as raised:
        create_overlay(tmp_path / "i.qcow2", base)
    assert "s3cret" not in str(raised.value)


def test_a_check_of_a_sound_image(tmp_path: Path) -> None:
    image = make(tmp_path / "i.qcow2")
    before = image.read_bytes()
    assert "no errors" in check_image(image)
    assert "no errors" in check_image(image, fix_leaks=True)
    assert image.read_bytes() == before


def test_a_check_of_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "i").write_bytes(struct.pack(">4sI", b"QFI\xfb", 99) + bytes(100))
    with pytest.raises(InvalidImage, match="could not be checked"):
        check_image(tmp_path / "i")


@pytest.mark.parametrize(
    ("code", "fix_leaks", "said"),
    [
        ("exit 3", False, "i was checked: some space is lost and no data; repair with leaks fixed to free it"),
        ('[ "$5" = -r ] || exit 3', True, "i was checked: the space that was lost is free again, no errors are left"),
        ("exit 3", True, "i was checked: some space is lost and no data; repair with leaks fixed to free it"),
    ],
)
def test_space_that_is_lost_is_told_and_freed_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, fix_leaks: bool, said: str
) -> None:
    stand_in(tmp_path, code, monkeypatch)
    assert check_image(tmp_path / "i", fix_leaks=fix_leaks) == said


@pytest.mark.parametrize("fix_leaks", [False, True])
def test_a_corrupt_image_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fix_leaks: bool) -> None:
    stand_in(tmp_path, f"echo run >>{tmp_path}/runs; echo broken >&2; exit 2", monkeypatch)
    with pytest.raises(InvalidImage, match="is corrupt") as caught:
        check_image(tmp_path / "i", fix_leaks=fix_leaks)
    assert str(caught.value) == (
        f"the image {tmp_path}/i is corrupt (broken): copy it, then try qemu-img check -r all on the copy"
    )
    assert (tmp_path / "runs").read_text() == "run\n"
