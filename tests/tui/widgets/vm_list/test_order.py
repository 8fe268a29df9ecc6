"""Which VMs a list shows, and in which order."""

from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports, State, VMStatus
from podplane_tui.tui.widgets.vm_list.order import RESORT_INTERVAL, SORTABLE, RowOrder, Sorting, arranged, matching


def vm(cluster_id: str, state: State = State.STOPPED, arch: str = "amd64") -> VMStatus:
    return VMStatus(VMFiles(arch, cluster_id, Path("/d"), Path("/r")), state)


def ids(vms: list[VMStatus] | tuple[VMStatus, ...]) -> list[str]:
    return [each.cluster_id for each in vms]


BUSY = replace(
    vm("busy", State.RUNNING), pid=1, started_at=1000.0, cpu_percent=90.0, memory_bytes=1, disk_bytes=5, ports=Ports(22)
)
IDLE = replace(
    vm("idle", State.PAUSED), pid=2, started_at=2000.0, cpu_percent=0.0, memory_bytes=9, disk_bytes=2, ports=Ports(9)
)
OFF = vm("off")


@pytest.mark.parametrize(
    ("column", "rising"),
    [
        ("name", ["busy", "idle", "off"]),
        ("state", ["idle", "busy", "off"]),
        ("cpu", ["idle", "busy", "off"]),
        ("memory", ["busy", "idle", "off"]),
        ("disk", ["idle", "busy", "off"]),
        ("uptime", ["idle", "busy", "off"]),
    ],
)
def test_each_column_sorts_by_its_value_and_the_unknown_stays_last(column: str, rising: list[str]) -> None:
    vms = [OFF, BUSY, IDLE]
    assert ids(arranged(vms, Sorting(column))) == rising
    turned = rising[::-1] if column in {"name", "state"} else [*rising[1::-1], rising[2]]
    assert ids(arranged(vms, Sorting(column, descending=True))) == turned


def test_equals_stand_in_order_of_name_whichever_way() -> None:
    vms = [
        replace(vm(name, arch=arch), disk_bytes=1) for name, arch in (("b", "amd64"), ("a", "arm64"), ("a", "amd64"))
    ]
    for descending in (False, True):
        found = arranged(vms, Sorting("disk", descending=descending))
        assert [one.key for one in found] == ["a.amd64", "a.arm64", "b.amd64"]


def test_one_that_has_ended_has_no_uptime_to_sort_by() -> None:
    ended = replace(BUSY, pid=None)
    assert ids(arranged([ended, IDLE], Sorting("uptime", descending=True))) == ["idle", "busy"]


def test_what_is_looked_for_comes_first_and_the_same_column_turns_round() -> None:
    assert Sorting().toggled("name") == Sorting("name", descending=True)
    assert Sorting("cpu", descending=True).toggled("cpu") == Sorting("cpu")
    assert Sorting().toggled("memory") == Sorting("memory", descending=True)
    assert Sorting("memory", descending=True).toggled("ssh") == Sorting("ssh")
    assert set(SORTABLE) >= {"name", "memory", "ssh"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "web-1 web-2 db arm"),
        ("  ", "web-1 web-2 db arm"),
        ("WEB", "web-1 web-2"),
        ("web 2", "web-2"),
        ("run", "web-1 db"),
        ("state:run web", "web-1"),
        ("STATE:Stop", "web-2 arm"),
        ("state:", "web-1 web-2 db arm"),
        ("!web", "db arm"),
        ("!state:running !arm64", "web-2"),
        ("arm64", "arm"),
        ("arm6", ""),  # an architecture is one or is not
        ("!", "web-1 web-2 db arm"),  # somebody is about to type more
        ("state:unning", ""),  # from its beginning
    ],
)
def test_every_word_has_to_let_a_vm_through(text: str, shown: str) -> None:
    vms = (
        vm("web-1", State.RUNNING),
        vm("web-2"),
        vm("db", State.RUNNING),
        vm("arm", arch="arm64"),
    )
    assert ids(matching(vms, text)) == shown.split()


COLUMNS = ("name", "state", "cpu", "note")


@pytest.mark.parametrize(
    ("column", "step", "sorting"),
    [
        ("name", 1, Sorting("state")),
        ("state", 1, Sorting("cpu", descending=True)),
        ("cpu", 1, Sorting("name")),  # notes sort nothing, and after the last comes the first
        ("name", -1, Sorting("cpu", descending=True)),
        ("disk", 1, Sorting("name")),  # not in view
        ("disk", -1, Sorting("name")),
    ],
)
def test_the_column_beside_is_the_next_in_view_that_sorts(column: str, step: int, sorting: Sorting) -> None:
    assert Sorting(column, descending=True).beside(COLUMNS, step) == sorting


def test_a_sorting_turns_round_and_back() -> None:
    assert Sorting("cpu").inverted() == Sorting("cpu", descending=True)
    assert Sorting("cpu").inverted().inverted() == Sorting("cpu")


CPU = Sorting("cpu", descending=True)
START = 1000.0


def busy(**percents: float) -> list[VMStatus]:
    return [replace(vm(name, State.RUNNING), cpu_percent=percent) for name, percent in percents.items()]


def settled() -> RowOrder:
    """Three rows, sorted at the start."""
    order = RowOrder()
    assert order.update(busy(a=3, b=2, c=1), CPU, START)
    return order


def letters(order: RowOrder) -> str:
    return "".join(key[0] for key in order.keys)


@pytest.mark.parametrize(
    ("touched", "now", "rows"),
    [
        (None, START, "abc"),
        (None, START + RESORT_INTERVAL - 0.1, "abc"),
        (None, START + RESORT_INTERVAL, "cba"),
        (START + 3, START + RESORT_INTERVAL, "abc"),
        (START + 3, START + 3 + RESORT_INTERVAL, "cba"),
    ],
)
def test_rows_move_for_values_once_nobody_has_touched_anything(touched: float | None, now: float, rows: str) -> None:
    order = settled()
    if touched is not None:
        order.touch(touched)
    assert order.update(busy(a=1, b=2, c=3), CPU, now) is (rows != "abc")
    assert letters(order) == rows


def test_rows_that_have_moved_rest_as_long_again() -> None:
    order = settled()
    assert order.update(busy(a=1, b=2, c=3), CPU, START + RESORT_INTERVAL)
    assert not order.update(busy(a=3, b=2, c=1), CPU, START + RESORT_INTERVAL + 1)
    assert letters(order) == "cba"


def test_what_joins_sorts_all_and_what_goes_moves_none() -> None:
    order = settled()
    assert order.update(busy(a=1, c=3), CPU, START)
    assert letters(order) == "ac"
    assert order.update(busy(a=1, c=3, d=2), CPU, START)
    assert letters(order) == "cda"


def test_another_sorting_counts_at_once_when_it_is_asked_for() -> None:
    order = settled()
    order.touch(START)
    assert not order.update(busy(a=3, b=2, c=1), CPU.inverted(), START)
    order.restart()
    assert order.update(busy(a=3, b=2, c=1), CPU.inverted(), START)
    assert letters(order) == "cba"


def test_rows_have_numbers_and_beyond_the_ends_there_is_a_nearest_one() -> None:
    order = settled()
    assert [order.row_of(key) for key in order.keys] == [0, 1, 2]
    assert (order.row_of("gone.amd64"), order.row_of(None)) == (0, 0)
    assert [order.at(row) for row in (0, 2, 3)] == ["a.amd64", "c.amd64", None]
    assert [order.nearest(row) for row in (-1, 1, 3)] == ["a.amd64", "b.amd64", "c.amd64"]
    assert RowOrder().nearest(0) is None
