"""The program itself is killed, at any point of a verb; a fresh run has to come to a clean state."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time

import psutil

from podplane_tui.backend import AlreadyRunning, State, VMExists
from podplane_tui.backend.vm.create import EMPTY_DISK
from tests.faults.bench import AT_ONCE, SMALL, Bench
from tests.faults.matrix import case
from tests.waiting import wait_until

SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
"""Names the points: the same seed kills at the same ones. Set FAULTS_SEED to repeat a run."""


def kill_at(bench: Bench, verb: str, number: int) -> str:
    """Run `verb` in a program of its own and kill that: after some step and some time. Gives where it was."""
    rng = random.Random(f"{SEED}-{verb}-{number}")  # noqa: S311 - nobody is to be kept from guessing it
    after, delay = rng.randrange(4), rng.random() ** 2 * {"start": 0.4, "stop": 0.7}.get(verb, 0.1)
    driver = bench.drive(verb)
    assert driver.stdout is not None
    lines = []
    for _ in range(after + 1):
        lines.append(driver.stdout.readline().decode().strip())
    begun = time.monotonic()
    while time.monotonic() - begun < delay and driver.poll() is None:
        time.sleep(0.001)
    driver.kill()
    driver.wait(10)
    return f"{verb} killed {delay * 1000:.0f} ms after {lines[-1]!r} (FAULTS_SEED={SEED})"


def settled(bench: Bench, where: str) -> None:
    """A QEMU that was about to begin has begun, or never will."""
    held = [path for path in (bench.files.lock,) if path.exists()]

    def is_settled() -> bool:
        return not any(vm.action or vm.state is State.STARTING for vm in bench.inventory().statuses())

    wait_until(is_settled, f"the lock {held} after {where}")


def start_killed(bench: Bench, number: int) -> None:
    bench.create()
    where = kill_at(bench, "start", number)
    settled(bench, where)
    vm = bench.seen()
    # Never lost: what runs is named by its PID file.
    assert vm.state in {State.STOPPED, State.CRASHED, State.RUNNING}, f"{vm.state}: {vm.problem} after {where}"
    assert bench.real_machines() == (vm.state is State.RUNNING), where
    fresh = bench.again()
    fresh.repair(fresh.repair_plan())
    assert fresh.repair_plan().steps == (), where
    if vm.state is State.RUNNING:
        try:
            fresh.start(SMALL)
        except AlreadyRunning:
            pass
        else:
            raise AssertionError(where)
    else:
        fresh.start(SMALL)
    assert bench.state() is State.RUNNING, where
    assert fresh.stop(timeouts=AT_ONCE).step == "terminate", where
    assert bench.state() is State.STOPPED, where


def stop_killed(bench: Bench, number: int) -> None:
    bench.create()
    pid = bench.start()
    where = kill_at(bench, "stop", number)
    settled(bench, where)
    vm = bench.seen()
    assert vm.state in {State.STOPPED, State.CRASHED, State.RUNNING}, f"{vm.state}: {vm.problem} after {where}"
    assert vm.pid in {None, pid}, where
    fresh = bench.again()
    if vm.state is not State.STOPPED:
        fresh.stop(timeouts=AT_ONCE)
    assert bench.state() is State.STOPPED, where
    fresh.start(SMALL)
    fresh.stop(timeouts=AT_ONCE)


for _number in range(10):
    case(f"kill -9 during start, point {_number + 1}", needs="qemu", quick=_number < 2)(
        lambda bench, number=_number: start_killed(bench, number)  # type: ignore[misc]
    )
for _number in range(10):
    case(f"kill -9 during stop, point {_number + 1}", needs="qemu", quick=_number < 2)(
        lambda bench, number=_number: stop_killed(bench, number)  # type: ignore[misc]
    )


def any_qemu_img(bench: Bench) -> bool:
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "qemu-img" and str(bench.root) in " ".join(process.info["cmdline"] or []):
            return True
    return False


@case("kill -9 during create, five points", needs="qemu")
def create_killed(bench: Bench) -> None:
    for number in range(5):
        where = kill_at(bench, "create", number)
        with contextlib.suppress(VMExists):
            bench.again().create(EMPTY_DISK)
        # A qemu-img that outlives its caller writes on for a moment; the rest is repair's.
        wait_until(lambda: not any_qemu_img(bench), f"the end of qemu-img after {where}")
        bench.again().repair(bench.again().repair_plan())
        names = [path.name for path in bench.files.image_dir.iterdir()]
        assert names == [bench.files.image.name], f"{names} after {where}"
        bench.guard(bench.files.image)
        bench.start()
        bench.cluster.stop(timeouts=AT_ONCE)
        bench.unguard(bench.files.image)
        bench.cluster.delete(bench.cluster.delete_plan())


@case("kill -9 during restart and repair", needs="qemu")
def restart_killed(bench: Bench) -> None:
    bench.create()
    for number in range(3):
        bench.start()
        where = kill_at(bench, "restart", number)
        settled(bench, where)
        fresh = bench.again()
        kill_at(bench, "repair", number)
        fresh.repair(fresh.repair_plan())
        if fresh.qemu.running():
            fresh.stop(timeouts=AT_ONCE)
        assert bench.state() is State.STOPPED, where


@case("a killed program's lock holds nobody up", quick=True)
def abandoned_lock(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True)
    holder = bench.drive("stop", "patiently")
    assert holder.stdout is not None
    wait_until(lambda: b"pressing" in holder.stdout.readline(), "the stop")  # type: ignore[union-attr]
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert bench.files.lock.exists()
    assert bench.state() is State.RUNNING
    bench.cluster.stop(timeouts=AT_ONCE)
    assert child.wait(5) == 0
