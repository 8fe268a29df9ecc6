"""What the details say about a machine."""

from dataclasses import replace
from pathlib import Path

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports, State, VMStatus
from podplane_tui.tui.widgets.details.lines import Line, describe

RUNNING = VMStatus(
    VMFiles("amd64", "default", Path("/d"), Path("/r")), State.RUNNING, pid=42, ports=Ports(ssh=2222, registry=40213)
)


def port_lines(lines: list[Line]) -> list[str]:
    return [line.content.plain for line in lines if line.value.startswith("127.0.0.1:")]


def test_who_listens_stands_beside_the_port() -> None:
    shown = describe(RUNNING, (), listeners={2222: "process 42 (\x1b[31m[b]qemu)"})
    assert port_lines(shown) == [
        "ssh                127.0.0.1:2222 → 22     process 42 ([b]qemu)",
        "registry           127.0.0.1:40213 → 5000  nothing listens",
    ]
    assert {line.value for line in shown} >= {"127.0.0.1:2222", "127.0.0.1:40213"}


def test_nobody_is_accused_where_it_is_not_known() -> None:
    for vm in (RUNNING, replace(RUNNING, state=State.STOPPED, pid=None)):
        assert port_lines(describe(vm, ())) == [
            "ssh                127.0.0.1:2222 → 22",
            "registry           127.0.0.1:40213 → 5000",
        ]
