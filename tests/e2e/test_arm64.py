"""VMs of arm64 on a host of any architecture: the firmware's shell, Linux on its serial port, amd64 beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from podplane_tui.backend import Cluster, StartSpec, StopTimeouts
from podplane_tui.backend.config.model import Config
from podplane_tui.backend.core.errors import MissingProgram
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.facts import find_firmware
from podplane_tui.backend.runtime.ports import ports_of, read_state_file
from podplane_tui.tui.app import PodplaneApp
from tests.cli.json_schema import check_output
from tests.cli.support import Terminal
from tests.conftest import Workspace, missing
from tests.guest.tiny import PROMPT, TinyGuest
from tests.tui.support import dashboard, listed, painted
from tests.waiting import until, wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(600), pytest.mark.usefixtures("require_qemu", "require_qemu_arm64")]

BOOT = 300.0
"""Seconds a guest may take on a loaded host."""

ARM64 = ("--id", "a", "--arch", "arm64")
AMD64 = ("--id", "a", "--arch", "amd64")


def succeed(workspace: Workspace, verb: str, *arguments: str) -> str:
    """Run the program and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-m", "podplane_tui", verb, *arguments],
        env=workspace.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOOT,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    check_output((verb, *arguments), result.returncode, result.stdout)
    return result.stdout


def listed_vms(workspace: Workspace) -> dict[str, dict[str, object]]:
    """The VMs of `list`, by architecture."""
    return {vm["arch"]: vm for vm in json.loads(succeed(workspace, "list", "--json"))["vms"]}


def files_of(workspace: Workspace, arch: str) -> VMFiles:
    return VMFiles(arch, "a", workspace.data, workspace.runtime, workspace.state)


def regular_files(*roots: Path) -> list[Path]:
    return sorted(path for root in roots for path in root.rglob("*") if not path.is_dir())


def attached(workspace: Workspace, *which: str) -> Terminal:
    """`console` on a terminal of its own."""
    console = Terminal(workspace, "console", *which)
    console.wait_for(r"Ctrl-\] detaches")
    return console


def detach(console: Terminal) -> None:
    console.type("\x1d")
    console.wait_for("detached")
    assert console.end() == 0


def test_the_firmware_s_shell_from_create_to_delete(workspace: Workspace) -> None:
    try:
        find_firmware("arm64")
    except MissingProgram as error:
        missing(str(error))
    succeed(workspace, "create", *ARM64, "--image", "empty")
    cluster = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="arm64")
    # The command line gives every VM a network card, from which the firmware would try to boot for minutes.
    cluster.start(StartSpec(network=False, memory="128M", cpus="1"))
    [vm] = json.loads(succeed(workspace, "list", "--json"))["vms"]
    assert (vm["arch"], vm["running"], vm["cpus"], vm["memory_limit_bytes"]) == ("arm64", True, 1, 128 * 2**20)
    assert cluster.files.efivars.stat().st_size == find_firmware("arm64").vars.stat().st_size  # type: ignore[union-attr]

    [recording] = cluster.files.recordings_dir.glob("*.raw")
    wait_until(lambda: b"UEFI Interactive Shell" in recording.read_bytes(), "the shell's banner", seconds=BOOT)
    console = attached(workspace, *ARM64)
    console.type("\r")  # for a key it waits some seconds, before it prompts
    console.wait_for("Shell>")
    console.type("ver\r")
    console.wait_for(r"UEFI v\d")
    detach(console)

    assert "SIGTERM" in succeed(workspace, "stop", *ARM64, "--timeout", "1")  # nothing there listens to the button
    assert workspace.qemu_processes() == []
    assert regular_files(workspace.runtime) == []
    succeed(workspace, "delete", *ARM64, "--yes")
    assert regular_files(workspace.data, workspace.runtime) == []
    assert json.loads(succeed(workspace, "list", "--json"))["vms"] == []


def boot_options(guest: TinyGuest, cmdline: str) -> Sequence[str]:
    direct = ("--kernel", str(guest.kernel), "--initrd", str(guest.initramfs), "--cmdline", cmdline)
    return (*direct, "-c", "1", "-m", "256M", "--accel", "tcg")


async def test_vms_of_both_architectures_of_one_id_are_told_apart(
    workspace: Workspace, tiny_ssh_guest: TinyGuest, tiny_ssh_guest_arm64: TinyGuest
) -> None:
    for which in (ARM64, AMD64):
        succeed(workspace, "create", *which, "--image", "empty")
    # Which console the kernel gets is left to the program.
    succeed(workspace, "start", *ARM64, *boot_options(tiny_ssh_guest_arm64, "quiet"))
    succeed(workspace, "start", *AMD64, *boot_options(tiny_ssh_guest, tiny_ssh_guest.cmdline))
    vms = listed_vms(workspace)
    assert [(vm["id"], vm["arch"], vm["accelerator"]) for vm in vms.values()] == [
        ("a", "amd64", "tcg"),
        ("a", "arm64", "tcg"),
    ]
    qemus = {process.name(): process for process in workspace.qemu_processes()}
    for arch, name in (("amd64", "qemu-system-x86_64"), ("arm64", "qemu-system-aarch64")):
        assert vms[arch]["pid"] == qemus[name].pid
        assert vms[arch]["ports"] == dict(ports_of(tuple(qemus[name].cmdline())).items())
    assert vms["amd64"]["ports"] != vms["arm64"]["ports"]

    console = attached(workspace, *ARM64)
    console.type("\r")
    console.wait_for(PROMPT, timeout=BOOT)
    console.type("uname -m; tty; cat /proc/cmdline\r")
    console.wait_for(r"^aarch64\r?\n/dev/ttyAMA0\r?\nquiet .* console=ttyAMA0,115200n8")
    detach(console)
    for which, machine in ((AMD64, "x86_64"), (ARM64, "aarch64")):
        succeed(workspace, "wait", *which, "--timeout", str(BOOT))
        assert succeed(workspace, "shell", *which, "uname", "-m") == f"{machine}\n"

    await stop_arm64_in_the_dashboard(workspace)
    vms = listed_vms(workspace)
    assert (vms["amd64"]["state"], vms["arm64"]["state"]) == ("running", "stopped")
    assert [process.pid for process in workspace.qemu_processes()] == [vms["amd64"]["pid"]]
    # podplane reads there where the running one is.
    state_file = files_of(workspace, "amd64").state_file
    assert dict(read_state_file(state_file).items()) == vms["amd64"]["ports"]

    before = regular_files(workspace.root)
    succeed(workspace, "delete", *ARM64, "--yes")
    assert list(listed_vms(workspace)) == ["amd64"]
    assert regular_files(workspace.root) == [path for path in before if ".arm64" not in str(path)]
    assert succeed(workspace, "shell", *AMD64, "uname", "-m") == "x86_64\n"
    assert "powered off" in succeed(workspace, "stop", *AMD64, "--timeout", str(BOOT))
    assert not state_file.exists()


async def stop_arm64_in_the_dashboard(workspace: Workspace) -> None:
    """See both in the dashboard of an amd64 host, and stop the one of arm64 by keys."""
    app = PodplaneApp(
        workspace.data,
        workspace.runtime,
        "amd64",
        config=Config(StopTimeouts(powerdown=BOOT)),
        state_dir=workspace.state,
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await listed(app, "a", "a")
        await until(lambda: sum("● running" in line for line in painted(app)) == 2, what="both running")
        assert [line.split("●")[0].split() for line in painted(app) if "● running" in line] == [["a"], ["a", "arm64"]]
        await pilot.press("down")
        await until(lambda: (vm := dashboard(app).vm) is not None and vm.arch == "arm64", what="the other one")
        await until(lambda: any("Server ─ a arm64" in line for line in painted(app)), what="its name in the title")
        await pilot.press("x")
        await until(lambda: "Stop a arm64?" in "\n".join(painted(app)), what="the question")
        await pilot.press("right", "enter")
        await until(lambda: app.jobs and app.jobs[-1].headline == "stopped a arm64", what="the stop", seconds=BOOT)
        # Over SSH: the kernel has no driver of the power button that QEMU gives a VM without firmware.
        assert "powered off" in app.jobs[-1].message
        await until(lambda: [vm.live for vm in app.vms or ()] == [True, False], what="what is left running")
