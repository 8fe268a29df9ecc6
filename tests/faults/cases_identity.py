"""PID files that lie, and machines nobody wrote a PID file for."""

from __future__ import annotations

import os
import shutil
import subprocess

from podplane_tui.backend import AlreadyRunning, NotRunning, PIDFile, State
from podplane_tui.backend.qemu.process import boot_id, create_ticks
from tests.faults.bench import AT_ONCE, SMALL, Bench
from tests.faults.matrix import case, refused


def stale(bench: Bench, pid: int, data: dict[str, str] | None = None) -> None:
    """A PID file that names `pid`, which is not this machine's: seen as such, cleared by stop, never signalled."""
    bench.create()
    bench.write_pid_file(pid, data)
    before = bench.tree()
    vm = bench.seen()
    assert vm.state is State.CRASHED
    assert f"process {pid}, which is not its QEMU" in (vm.problem or "")
    assert vm.pid is None
    assert not bench.cluster.qemu.running()
    assert bench.cluster.repair_plan().steps
    assert bench.tree() == before, "looking changed something"
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "gone"
    assert bench.state() is State.STOPPED


@case("reused PID of an ordinary process", quick=True)
def reused_by_a_plain_process(bench: Bench) -> None:
    stale(bench, bench.plain.pid)


@case("reused PID of another machine's QEMU", quick=True)
def reused_by_another_qemu(bench: Bench) -> None:
    stale(bench, bench.bystander.pid)


@case("reused PID, recorded start and boot of the former process")
def reused_with_ticks(bench: Bench) -> None:
    stale(bench, bench.bystander.pid, {"create_ticks": "1", "boot_id": boot_id()})


@case("PID of this program itself")
def our_own_pid(bench: Bench) -> None:
    stale(bench, os.getpid())


@case("PID 1")
def the_first_process(bench: Bench) -> None:
    stale(bench, 1)


@case("PID larger than any")
def the_largest_pid(bench: Bench) -> None:
    stale(bench, 2**31 - 1)


@case("zombie", quick=True)
def zombie(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in()
    assert bench.state() is State.RUNNING
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and nobody has collected it
    assert os.path.exists(f"/proc/{child.pid}")  # noqa: PTH110
    assert bench.state() is State.CRASHED
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "gone"


@case("process of another user has our disk among its arguments", needs="root")
def another_users_process(bench: Bench) -> None:
    bench.create()
    bench.root.chmod(0o755)
    child = bench.stand_in(user=65534, console=False, disk_mode="no")
    assert bench.state() is State.CRASHED
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "gone"
    assert child.poll() is None, "another user's process was ended"


@case("the disk's name stands in a foreign command line", quick=True)
def editor_with_the_disk(bench: Bench) -> None:
    bench.create()
    sleeper = bench.child("sleep", "1000", start_new_session=True)
    viewer = bench.child("tail", "-f", str(bench.files.image), stdout=subprocess.DEVNULL, start_new_session=True)
    bench.write_pid_file(viewer.pid)
    assert bench.state() is State.CRASHED
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "gone"
    assert (sleeper.poll(), viewer.poll()) == (None, None)


@case("recorded boot is another one, though our QEMU lives")
def rebooted(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(record=False)
    bench.write_pid_file(child.pid, {"boot_id": "another", "create_ticks": create_ticks(child.pid) or ""})
    assert bench.state() is State.ORPHANED
    assert bench.cluster.adopt() == child.pid
    assert bench.state() is State.RUNNING
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("orphan: stopped", quick=True)
def orphan_stopped(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(record=False, sockets=True)
    vm = bench.seen()
    assert (vm.state, vm.pid, vm.console) == (State.ORPHANED, child.pid, bench.files.console)
    with refused(AlreadyRunning, str(child.pid)):
        bench.cluster.start(SMALL)
    with refused(AlreadyRunning, str(child.pid), "stop it"):
        bench.cluster.delete(bench.cluster.delete_plan())
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"
    assert child.wait(5) == 0


@case("orphan: adopted", quick=True)
def orphan_adopted(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in("-nic", "user,hostfwd=tcp:127.0.0.1:2299-:22", record=False, sockets=True)
    plan = bench.cluster.repair_plan()
    assert [step.kind for step in plan.steps] == ["adopt"]
    assert str(child.pid) in plan.steps[0].description
    assert not bench.files.pid_file.exists()
    bench.cluster.repair(plan)
    recorded = PIDFile.read(bench.files.pid_file)
    assert recorded is not None
    assert (recorded.pid, recorded.data and recorded.data["qmp"]) == (child.pid, str(bench.files.qmp))
    assert bench.cluster.ports().ssh == 2299
    assert (bench.state(), bench.cluster.repair_plan().steps) == (State.RUNNING, ())


@case("orphan that spells the disk's path through a link")
def orphan_by_another_path(bench: Bench) -> None:
    bench.create()
    (bench.root / "link").symlink_to(bench.workspace.data)
    child = bench.stand_in(disk=bench.root / "link" / "vms" / bench.files.image.name, record=False)
    assert (bench.state(), bench.cluster.qemu.pid()) == (State.ORPHANED, child.pid)


@case("orphan with a relative path")
def orphan_by_a_relative_path(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(disk=bench.files.image.name, cwd=bench.files.image_dir, record=False)
    assert (bench.state(), bench.cluster.qemu.pid()) == (State.ORPHANED, child.pid)


@case("two processes have the disk, the PID file names one")
def two_holders(bench: Bench) -> None:
    bench.create()
    first, second = (bench.stand_in(record=False, console=False) for _ in range(2))
    for child in (first, second):
        bench.write_pid_file(child.pid, {"boot_id": boot_id(), "create_ticks": create_ticks(child.pid) or ""})
        assert (bench.state(), bench.seen().pid) == (State.RUNNING, child.pid)


@case("logout removed the runtime directory: stop", needs="qemu", quick=True)
def logout_then_stop(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    shutil.rmtree(bench.workspace.runtime)
    vm = bench.seen()
    assert (vm.state, vm.pid) == (State.ORPHANED, pid)
    assert bench.again().stop(timeouts=AT_ONCE).step == "terminate"
    assert bench.state() is State.STOPPED


@case("logout removed the runtime directory: adopt, then stop", needs="qemu")
def logout_then_adopt(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    shutil.rmtree(bench.workspace.runtime)
    assert bench.again().adopt() == pid
    assert bench.state() is State.RUNNING
    assert bench.again().stop(timeouts=AT_ONCE).step == "terminate"


@case("the disk was removed under a running QEMU", needs="qemu")
def disk_removed(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    bench.unguard(bench.files.image)
    bench.files.image.unlink()
    vm = bench.seen()
    assert (vm.pid, vm.state) == (pid, State.RUNNING)
    assert "there is no image" in (vm.problem or "")
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("looking at a mess changes nothing", quick=True)
def looking_writes_nothing(bench: Bench) -> None:
    bench.create()
    files = bench.files
    bench.write_pid_file(bench.plain.pid)
    bench.leave_socket(files.console)
    files.qmp.write_text("no socket")
    files.lock.write_text("junk")
    files.seed.write_text("junk")
    files.state_file.parent.mkdir(parents=True)
    files.state_file.write_text("junk")
    before = bench.tree()
    bench.inventory().statuses()
    cluster = bench.cluster
    assert cluster.repair_plan().steps
    assert cluster.delete_plan()
    assert not cluster.qemu.running()
    with refused(NotRunning, "is not running"):
        cluster.ssh_target()
    assert bench.tree() == before
    cluster.repair(cluster.repair_plan())
    bench.allowed += ["*.broken-*"]
