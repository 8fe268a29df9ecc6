"""Minutes of figures, bounded, and their plots."""

from dataclasses import replace
from pathlib import Path

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.tui.state.history import SPAN, History, Point, plot

VM = VMStatus(VMFiles("amd64", "a", Path("/d"), Path("/r")), State.RUNNING, pid=1, cpu_percent=50.0)


def test_minutes_are_kept_and_no_more() -> None:
    history = History()
    for second in range(1000):
        history.add([VM], float(second))
    points = history.of(VM.key)
    assert points[0].at == 999 - SPAN
    assert points[-1] == Point(999.0, 50.0, None, None, None)


def test_who_is_gone_is_forgotten() -> None:
    history = History()
    history.add([VM], 1.0)
    history.add([], 2.0)
    assert history.of(VM.key) == ()


def test_a_plot_has_now_at_the_right_and_blanks_where_nothing_is_known() -> None:
    history = History()
    for second, cpu in ((270, 0.0), (275, None), (285, 25.0), (295, 100.0), (299, 100.0)):
        history.add([replace(VM, cpu_percent=cpu)], float(second))
    assert plot(history.of(VM.key), "cpu", width=30, now=299.0, top=100.0) == " " * 27 + "▁▂█"
    assert plot(history.of(VM.key), "read", width=30, now=299.0) == " " * 30


def test_without_a_top_the_largest_is_full() -> None:
    history = History()
    for second in range(0, 300, 10):
        history.add([replace(VM, disk_read_rate=second * 1e3)], float(second))
    shown = plot(history.of(VM.key), "read", width=30, now=299.0)
    assert len(shown) == 30
    assert shown[0] == "▁"
    assert shown[-1] == "█"


def test_cells_stay_what_they_are_while_time_goes_by() -> None:
    history = History()
    for second in range(100):
        history.add([replace(VM, cpu_percent=float(second % 17))], float(second))
    before = plot(history.of(VM.key), "cpu", width=30, now=90.0, top=20.0)
    after = plot(history.of(VM.key), "cpu", width=30, now=110.0, top=20.0)
    assert after[:27].strip() == before[2:-1].strip()
