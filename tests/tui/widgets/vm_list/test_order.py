"""Which VMs a list shows, and in which order."""

from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports, State, VMStatus
from podplane_tui.tui.widgets.vm_list.order import SORTABLE, Sorting, arranged, matching


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
