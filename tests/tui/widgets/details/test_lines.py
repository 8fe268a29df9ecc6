"""What the details say about a machine."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Action, Phase, Ports, Problem, Readiness, State, VMStatus
from podplane_tui.tui.widgets.details.lines import Line, describe, grouped_arguments, ssh_command

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


def test_what_is_known_of_a_vm_stands_in_lines_of_its_own() -> None:
    vm = replace(
        RUNNING,
        problems=(Problem("no image", "put it back"),),
        hint="the server is down",
        readiness=Readiness(((Phase.SSH, 12.0),), ()),
        action=Action("start", 7, 1.0),
        arguments=("qemu", "-m", "512M", "-S"),
    )
    texts = [" ".join(line.content.plain.split()) for line in describe(vm, ())]
    for text in (
        "problem no image: put it back",
        "hint the server is down",
        "readiness SSH 12 s",
        "in progress start by process 7",
        "process PID 42",
        "-m 512M",
    ):
        assert text in texts


def test_the_ssh_command_checks_host_keys_and_reads_no_configuration(tmp_path: Path) -> None:
    files = VMFiles("amd64", "default", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    vm = replace(RUNNING, files=files)
    words = shlex.split(ssh_command(vm))
    assert words[:7] == ["ssh", "-F", "none", "-p", "2222", "-i", str(files.identity)]
    assert words[-2:] == ["--", "debian@127.0.0.1"]
    expected = {f"HostKeyAlias={files.stem}", f'UserKnownHostsFile="{files.known_hosts}"', "StrictHostKeyChecking=ask"}
    assert expected <= set(words)
    assert list(tmp_path.iterdir()) == []  # looking changes nothing
    assert ssh_command(replace(vm, ports=Ports())) == ""
    with pytest.raises(InvalidInput, match="data directory without %"):
        ssh_command(replace(vm, files=files._replace(data_dir=tmp_path / "100%")))


def test_arguments_are_grouped_by_option() -> None:
    assert list(grouped_arguments(["qemu", "kernel", "-m", "512M", "-S", "-append", ""])) == [
        "qemu",
        "kernel",
        "-m 512M",
        "-S",
        "-append ''",
    ]
    assert list(grouped_arguments([])) == []
