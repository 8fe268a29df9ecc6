"""Real guests that do not run any more: asleep, panicked, halted. Seen, resumed where that can be, and stopped."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from podplane_tui.backend import Cluster, Control, DirectBootOptions, RunStateError, State, StopTimeouts, VMStatus
from podplane_tui.backend.qemu import qmp
from podplane_tui.backend.qemu.arguments import qemu_arguments
from podplane_tui.backend.vm.create import EMPTY_DISK
from tests.conftest import Workspace
from tests.guest.boot import BOOT_LIMIT, Serial
from tests.guest.tiny import TinyGuest
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(400)]

NOT_WAITED_FOR = StopTimeouts(powerdown=86400, terminate=60)
"""Whoever waits for a guest that can't power off does not come back."""


@dataclass(frozen=True, slots=True)
class Booted:
    """A VM at its guest's prompt, which its serial port shows."""

    cluster: Cluster
    serial: Serial

    def seen(self) -> VMStatus:
        vm = self.cluster.status()
        assert vm is not None
        return vm

    def wait_for(self, run_state: str) -> VMStatus:
        wait_until(
            lambda: self.seen().run_state == run_state, f"the run state {run_state}", seconds=BOOT_LIMIT, seen=self.seen
        )
        return self.seen()

    def stop(self) -> tuple[str, list[str]]:
        """Which step ended it, and what was said on the way."""
        steps: list[str] = []
        return self.cluster.stop(timeouts=NOT_WAITED_FOR, control=Control(report=steps.append)).step, steps


@contextlib.contextmanager
def booted(workspace: Workspace, guest: TinyGuest, *arguments: str) -> Iterator[Booted]:
    """A VM with the arguments that it is started with, and these."""
    cluster = Cluster(data_dir=workspace.data, runtime_dir=workspace.runtime, cluster_id="a", arch="amd64")
    cluster.create(EMPTY_DISK)
    files = cluster.files
    files.seed.write_bytes(bytes(2**20))
    files.pid_dir.mkdir(parents=True, exist_ok=True)
    usual = qemu_arguments(
        arch="amd64",
        vm_image=files.image,
        cloud_init_data_iso_path=files.seed,
        serial_console_path=files.console,
        cpus="1",
        memory="256M",
        direct_boot=DirectBootOptions(str(guest.kernel), str(guest.initramfs), guest.cmdline),
        network=False,
        accelerator="tcg",
        qmp_path=files.qmp,
    )
    process = subprocess.Popen(["qemu-system-x86_64", *usual, *arguments], stdin=subprocess.DEVNULL)
    try:
        serial = Serial(files.console)
        try:
            serial.wait_for_prompt()
            cluster.adopt()
            yield Booted(cluster, serial)
        finally:
            serial.close()
    finally:
        process.kill()
        process.wait()


def control_of(cluster: Cluster) -> qmp.ControlSocket:
    process = cluster.qemu.process()
    assert process is not None
    assert process.control is not None
    return process.control


def test_a_guest_that_sleeps_is_woken_by_a_resume(workspace: Workspace, tiny_guest: TinyGuest) -> None:
    with booted(workspace, tiny_guest) as vm:
        vm.serial.send("echo mem > /sys/power/state; echo awake $((40 + 2))\n")
        asleep = vm.wait_for("suspended")
        assert (asleep.state, asleep.told_state, asleep.problem) == (State.PAUSED, "paused (suspended)", None)
        assert asleep.hint == "it is suspended by its guest: resume wakes it"
        assert vm.cluster.resume()
        vm.serial.wait_for("awake 42")
        assert vm.wait_for("running").state is State.RUNNING
        assert not vm.cluster.resume()


def test_a_guest_that_panicked_says_so_and_is_not_asked_to_power_off(
    workspace: Workspace, tiny_guest: TinyGuest
) -> None:
    with booted(workspace, tiny_guest, "-device", "pvpanic-pci", "-action", "panic=pause") as vm:
        vm.serial.send("echo c > /proc/sysrq-trigger\n")
        vm.serial.wait_for("Kernel panic")
        vm.serial.wait_for("</TASK>")  # a console that nobody reads halts the guest before it can tell
        panicked = vm.wait_for("guest-panicked")
        assert (panicked.state, panicked.told_state) == (State.PAUSED, "paused (guest-panicked)")
        assert panicked.problem == (
            "it is stopped by a panic of its guest: see its console for the reason, then restart it"
        )
        with pytest.raises(RunStateError, match="podplane-local-a can't be paused: it is stopped by a panic"):
            vm.cluster.pause()
        step, steps = vm.stop()
        assert step == "terminate"
        assert steps[0] == "the VM is stopped by a panic of its guest, so its guest can't power off"


def test_a_guest_that_powered_off_in_a_qemu_that_stays_is_cleared_by_a_stop(
    workspace: Workspace, tiny_guest: TinyGuest
) -> None:
    with booted(workspace, tiny_guest, "-action", "shutdown=pause") as vm:
        vm.serial.send("poweroff -f\n")
        off = vm.wait_for("shutdown")
        assert (off.state, off.hint) == (State.PAUSED, "it is shut down, but QEMU has not ended: stop clears it")
        with pytest.raises(RunStateError, match="can't be resumed: it is shut down, but QEMU has not ended; stop"):
            vm.cluster.resume()
        step, steps = vm.stop()
        assert step == "terminate"
        assert steps[0] == "the VM is shut down, but QEMU has not ended, so its guest can't power off"


def test_a_guest_that_is_paused_over_qmp_is_seen_and_powers_off(workspace: Workspace, tiny_guest: TinyGuest) -> None:
    with booted(workspace, tiny_guest) as vm:
        qmp.execute(control_of(vm.cluster), "stop")
        paused = vm.wait_for("paused")
        assert (paused.state, paused.told_state, paused.hint) == (State.PAUSED, "paused", "resume it")
        assert not vm.cluster.pause()
        assert vm.cluster.resume()
        assert vm.cluster.pause()
        step, steps = vm.stop()
        assert step == "powerdown"
        assert "the VM is paused: waking it" in steps


def test_a_guest_that_sleeps_is_woken_by_a_stop(workspace: Workspace, tiny_guest: TinyGuest) -> None:
    with booted(workspace, tiny_guest) as vm:
        vm.serial.send("echo mem > /sys/power/state; echo awake $((40 + 2))\n")
        vm.wait_for("suspended")
        steps: list[str] = []

        def report(step: str) -> None:
            if step not in steps:
                steps.append(step)
            if "for the guest to power off" in step:  # which its button may not tell it any more
                vm.serial.wait_for("awake 42")
                control.skip.set()

        control = Control(report=report)
        vm.cluster.stop(timeouts=NOT_WAITED_FOR, control=control)
        assert "the VM is suspended by its guest: waking it" in steps


def test_a_guest_that_has_not_run_yet_is_let_run(workspace: Workspace, tiny_guest: TinyGuest) -> None:
    with booted(workspace, tiny_guest) as vm:
        qmp.execute(control_of(vm.cluster), "stop")
        qmp.execute(control_of(vm.cluster), "system_reset")
        held = vm.wait_for("prelaunch")
        assert held.hint == "it is started, but has not run yet: resume it to let it run"
        assert vm.cluster.resume()
        vm.serial.wait_for("the shell is ready")
