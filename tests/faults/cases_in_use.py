"""Somebody else has the disk open: seen as such, and nothing is started, changed, cleared or deleted meanwhile."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from podplane_tui.backend import Cluster, CreateSpec, InUse, State
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.host.holders import Lock, image_lock
from podplane_tui.backend.runtime.ports import write_state_file
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.repair import RepairPlan
from tests.faults.bench import AT_ONCE, SMALL, Bench
from tests.faults.matrix import case, refused
from tests.waiting import wait_until

QEMU = ("qemu-system-x86_64", "-display", "none", "-nodefaults", "-S")


def held(bench: Bench, *command: str, lock: Lock = Lock.WRITER, **keywords: Any) -> subprocess.Popen[bytes]:
    """Run something that has the disk open, and wait until it has."""
    child = bench.child(*command, start_new_session=True, stdin=subprocess.DEVNULL, **keywords)
    wait_until(lambda: image_lock(bench.files.image) is lock, what="the lock of the disk")
    return child


def nothing_goes(bench: Bench, child: subprocess.Popen[bytes]) -> None:
    """No verb touches anything while `child` lives; afterwards the VM can be deleted."""
    bench.leave_socket(bench.files.console)
    bench.write_pid_file(2**31 - 1)
    before = bench.tree()
    vm = bench.seen()
    assert vm.state is State.IN_USE, vm
    assert vm.state is bench.inventory().statuses()[0].state
    cluster = bench.cluster
    refusals: Sequence[Callable[[], object]] = (
        lambda: cluster.delete(cluster.delete_plan()),
        lambda: cluster.stop(timeouts=AT_ONCE),
        lambda: cluster.start(SMALL),
        lambda: cluster.repair(cluster.repair_plan()),
        lambda: cluster.disk.grow("200G"),
        lambda: cluster.disk.take_snapshot("one"),
        lambda: bench.machine("b").create(CreateSpec(source="a")),
    )
    for verb in refusals:
        with refused(InUse, "a is in use"):
            verb()
    after = bench.tree()
    changed = [path for path, facts in before.items() if not stat.S_ISDIR(facts[0]) and after.get(path) != facts]
    assert changed == [], f"changed or gone: {changed}"
    assert not bench.machine("b").files.image.exists()
    assert child.poll() is None, "whoever had the disk open was ended"
    child.kill()
    child.wait()
    assert bench.state() is State.CRASHED
    bench.unguard(bench.files.image)
    cluster.delete(cluster.delete_plan())
    assert not bench.files.image.exists()


def _qemu(name: str, *arguments: str, quick: bool = False, program: str = QEMU[0]) -> None:
    """A case of a QEMU with these arguments, in which DISK stands for the disk."""

    def run(bench: Bench) -> None:
        bench.create()
        command = (*QEMU, *(argument.replace("DISK", str(bench.files.image)) for argument in arguments))
        nothing_goes(bench, held(bench, *command, executable=shutil.which(program)))

    case(name, needs="qemu", quick=quick)(run)


_FILE = {"driver": "file", "filename": "DISK"}
_qemu("-blockdev with keys", "-blockdev", "driver=qcow2,node-name=d,file.driver=file,file.filename=DISK", quick=True)
_qemu("-blockdev in JSON", "-blockdev", json.dumps({"driver": "qcow2", "node-name": "d", "file": _FILE}))
_qemu(
    "-drive with json:",
    "-drive",
    f"if=none,file=json:{json.dumps({'driver': 'qcow2', 'file': _FILE})}".replace(",", ",,").replace("none,,", "none,"),
)
_qemu("-drive with file.filename=", "-drive", "if=none,driver=qcow2,file.driver=file,file.filename=DISK")
_qemu("-hdb", "-hdb", "DISK")
_qemu("a disk without an option", "DISK")
_qemu("-drive with file:PATH", "-drive", "if=none,format=qcow2,file=file:DISK")


@case("-readconfig", needs="qemu")
def readconfig(bench: Bench) -> None:
    bench.create()
    config = bench.root / "vm.conf"
    config.write_text(f'[drive "d"]\n  if = "none"\n  format = "qcow2"\n  file = "{bench.files.image}"\n')
    nothing_goes(bench, held(bench, *QEMU, "-readconfig", str(config)))


@case("a QEMU whose program is called kvm", needs="qemu", quick=True)
def another_name(bench: Bench) -> None:
    bench.create()
    disk = f"if=none,format=qcow2,file={bench.files.image}"
    nothing_goes(bench, held(bench, "kvm", *QEMU[1:], "-drive", disk, executable=shutil.which(QEMU[0])))


@case("qemu-nbd serves the disk", needs="qemu", quick=True)
def nbd(bench: Bench) -> None:
    bench.create()
    socket = bench.root / "nbd"
    bench.defer(lambda: socket.unlink(missing_ok=True))
    nothing_goes(bench, held(bench, "qemu-nbd", "--persistent", "--socket", str(socket), str(bench.files.image)))


@case("qemu-storage-daemon has the disk", needs="qemu")
def storage_daemon(bench: Bench) -> None:
    bench.create()
    node = f"driver=qcow2,node-name=d,file.driver=file,file.filename={bench.files.image}"
    export = "type=nbd,id=e,node-name=d,name=d,writable=on"
    server = f"addr.type=unix,addr.path={bench.root}/nbd"
    daemon = ("qemu-storage-daemon", "--blockdev", node, "--nbd-server", server, "--export", export)
    nothing_goes(bench, held(bench, *daemon))


@case("a QEMU in another PID namespace", needs="qemu root")
def another_pid_namespace(bench: Bench) -> None:
    bench.create()
    inside = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
    nothing_goes(
        bench, held(bench, *inside, "qemu-nbd", "--persistent", "--socket", f"{bench.root}/nbd", str(bench.files.image))
    )


@case("a QEMU of another user", needs="qemu root")
def another_user(bench: Bench) -> None:
    bench.create()
    for path in (bench.root, bench.files.image.parent.parent, bench.files.image.parent):
        path.chmod(0o755)
    bench.files.image.chmod(0o666)
    node = f"driver=qcow2,node-name=d,file.driver=file,file.filename={bench.files.image}"
    nothing_goes(bench, held(bench, *QEMU, "-blockdev", node, user=65534))


@case("another program has the disk open for writing, without a lock", quick=True)
def an_editor(bench: Bench) -> None:
    bench.create()
    with bench.files.image.open("r+b") as disk:
        child = bench.child("sleep", "1000", stdin=disk, start_new_session=True)
    wait_until(lambda: child.poll() is None, what="the child")
    write_state_file(bench.files.state_file, "a", Ports(ssh=2222))
    for verb in (
        lambda: bench.cluster.delete(bench.cluster.delete_plan()),
        lambda: bench.cluster.start(SMALL),
        lambda: bench.cluster.stop(timeouts=AT_ONCE),
        lambda: bench.cluster.repair(RepairPlan(), fix_leaks=True),
    ):
        with refused(InUse, f"(process {child.pid}) has its disk open"):
            verb()
    assert child.poll() is None
    assert bench.files.state_file.exists()
    bench.files.state_file.unlink()


@case("another program reads the disk: it may be started, and not be deleted", needs="qemu")
def a_backup(bench: Bench) -> None:
    bench.create()
    with bench.files.image.open("rb") as disk:
        child = bench.child("sleep", "1000", stdin=disk, start_new_session=True)
    with refused(InUse, f"(process {child.pid}) has its disk open"):
        bench.cluster.delete(bench.cluster.delete_plan())
    bench.start()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("the disk is the base of a VM that runs", needs="qemu", quick=True)
def base_of_another(bench: Bench) -> None:
    bench.create()
    overlay = bench.machine("b")
    base = ("-b", str(bench.files.image), "-F", "qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *base, overlay.files.image], check=True)
    with refused(InUse, "is the base of other VMs: b", "delete those first"):
        bench.cluster.delete(bench.cluster.delete_plan())
    overlay.start(SMALL)
    assert bench.state() is State.IN_USE
    with refused(InUse, "has its disk open"):
        bench.cluster.start(SMALL)
    bench.machine("c").create(CreateSpec(source="a"))  # reading it does no harm
    overlay.stop(timeouts=AT_ONCE)
    assert bench.state() is State.STOPPED
    with refused(InUse, "is the base of other VMs: b", "delete those first"):
        bench.cluster.start(SMALL)  # what it writes would be in theirs


@case("the sockets answer to a QEMU with another disk", needs="qemu", quick=True)
def two_views(bench: Bench) -> None:
    """The same runtime directory with another data directory, as a terminal that sets XDG_DATA_HOME has it."""
    bench.create()
    bench.start()
    elsewhere = Cluster(
        data_dir=bench.root / "elsewhere", runtime_dir=bench.workspace.runtime, cluster_id="a", arch="amd64"
    )
    elsewhere.create(EMPTY_DISK)
    for verb in (
        lambda: elsewhere.start(SMALL),
        lambda: elsewhere.stop(timeouts=AT_ONCE),
        lambda: elsewhere.delete(elsewhere.delete_plan()),
    ):
        with refused(
            InUse, f"which has the disk {bench.files.image}, answers on ", f"--data-dir {bench.workspace.data}"
        ):
            verb()
    assert bench.state() is State.RUNNING
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"
    elsewhere.delete(elsewhere.delete_plan())
