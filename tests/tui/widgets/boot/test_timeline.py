"""A boot as a picture in text, whatever the width and however much of it is known."""

import pytest

from podplane_tui.backend.boot.compare import Overdue, compare
from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.parser import BootParser
from podplane_tui.backend.boot.rules import StageName
from podplane_tui.tui.widgets.boot.timeline import Picture, draw
from tests.paths import RECORDINGS
from tests.tui.widgets.boot.support import FAILURES, GOOD, HALF


def boot_of(content: bytes) -> Boot:
    parser = BootParser()
    parser.feed(content)
    (boot,) = parser.boots
    return boot


def lines(picture: Picture, width: int) -> list[str]:
    return draw(picture, width).plain.split("\n")


@pytest.mark.parametrize("width", [20, 40, 56, 78, 200])
def test_the_picture_fits_whatever_the_width(width: int) -> None:
    boot, before = boot_of(FAILURES), boot_of(GOOD)
    drawn = lines(Picture(boot, compare(boot, before), (), None), width)
    assert all(len(line) <= max(width, 37) for line in drawn)
    assert [line[:17].strip() for line in drawn[2:]] == [stage.name.value for stage in boot.stages]


def test_stages_are_bars_on_one_scale_with_figures_beside_them() -> None:
    boot, before = boot_of(FAILURES), boot_of(GOOD)
    rows = {line[:17].strip(): line for line in lines(Picture(boot, compare(boot, before), (), None), 78)}
    assert rows["kernel"][17] == "█"
    assert rows["kernel"].split()[-5:] == ["13.2", "s", "5.5", "s", "slower"]
    assert rows["shutdown"].endswith("new")
    ends = {name: len(line[17:41].rstrip()) for name, line in rows.items() if "█" in line}
    assert ends["kernel"] < ends["initramfs"] < ends["systemd"] < ends["cloud-init final"]
    assert rows["failures"].split() == ["failures", "1", "2+"]


def test_what_has_no_time_is_no_mark_and_what_has_no_stage_is_said() -> None:
    shell = boot_of((RECORDINGS / "ovmf-uefi-shell.raw").read_bytes())
    assert shell.failures
    assert [line.split()[0] for line in lines(Picture(shell, None, (), None), 80)] == ["STAGE", "firmware"]
    assert lines(Picture(boot_of(b"hello"), None, (), None), 80) == ["Nothing it has printed tells of a stage."]


def test_what_runs_is_open_at_its_end_and_late_is_a_word() -> None:
    boot = boot_of(GOOD[:HALF])
    late = (Overdue(StageName.CLOUD_INIT, 48.0, 12.0),)
    drawn = lines(Picture(boot, None, late, 92.5, beat=True), 78)
    (row,) = [line for line in drawn if line.startswith("cloud-init init  ")]
    assert "▒▶" in row
    assert row.endswith("48 s… late")
    assert drawn[-1] == "cloud-init init: 48 s, usually 12 s"
