"""Things that stand where files of ours should be, and files that hold anything."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from podplane_tui.backend import CorruptFile, InvalidImage, InvalidInput, StartSpec, State
from podplane_tui.backend.vm.cloud_init import read_seed
from tests.faults.bench import AT_ONCE, SMALL, Bench
from tests.faults.matrix import case, refused

TREASURE = "somebody's only copy"


def directory(path: Path, _treasure: Path) -> None:
    path.mkdir()
    (path / "inside").write_text(TREASURE)


def fifo(path: Path, _treasure: Path) -> None:
    os.mkfifo(path)


def link(path: Path, treasure: Path) -> None:
    path.symlink_to(treasure)


def huge(path: Path, _treasure: Path) -> None:
    with path.open("wb") as file:
        file.truncate(4 * 2**30)


def garbage(path: Path, _treasure: Path) -> None:
    path.write_bytes(b"\x1b]0;owned\x07[bold red]\x00\xff" * 50)


def nested(path: Path, _treasure: Path) -> None:
    path.write_bytes(b"[" * 60_000)


Put = Callable[[Path, Path], None]
RUNTIME: dict[str, tuple[Put, ...]] = {
    "pid_file": (directory, fifo, link, huge, garbage, nested),
    "console": (directory, fifo, link, garbage),
    "qmp": (directory, fifo, link, garbage),
    "state_file": (directory, fifo, link, huge, garbage, nested),
    "lock": (directory, fifo, link),
}
QUICK = {("pid_file", directory), ("pid_file", huge), ("console", fifo), ("qmp", link), ("lock", directory)}


def in_place_of(bench: Bench, name: str, put: Put) -> None:
    """Seen and refused without harm; moved aside by one repair, after which the machine works."""
    bench.create()
    path: Path = getattr(bench.files, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    treasure = bench.root / "treasure"
    treasure.write_text(TREASURE)
    put(path, treasure)
    vm = bench.seen()
    if name == "lock":
        assert vm.state is State.STOPPED
        with refused(CorruptFile, "repair"):
            bench.cluster.start(SMALL)
    else:
        assert vm.state is State.BROKEN
        assert "repair" in (vm.problem or "")
    if name in {"pid_file", "console", "qmp"}:
        with refused(CorruptFile, "repair"):
            bench.cluster.start(SMALL)
    plan = bench.cluster.repair_plan()
    assert (plan.steps[0].kind, plan.steps[0].path) == ("set-aside", path)
    done = bench.cluster.repair(plan)
    assert "was moved aside to" in done[0]
    assert not os.path.lexists(path)
    [aside] = path.parent.glob(f"{path.name}.broken-*")
    if put is directory:
        assert (aside / "inside").read_text() == TREASURE
    assert treasure.read_text() == TREASURE
    assert bench.cluster.repair_plan().steps == ()
    assert bench.state() is State.STOPPED
    if name != "state_file":
        assert aside in bench.cluster.delete_plan()
    bench.allowed += ["*.broken-*", "inside"]
    bench.stand_in(sockets=True)
    assert bench.state() is State.RUNNING
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


for _name, _puts in RUNTIME.items():
    for _put in _puts:
        case(f"{_put.__name__} in place of the {_name.replace('_', ' ')}", quick=(_name, _put) in QUICK)(
            lambda bench, name=_name, put=_put: in_place_of(bench, name, put)  # type: ignore[misc]
        )


def while_running(bench: Bench, put: Put) -> None:
    """Something takes the PID file's place under a running machine: it is an orphan, and stop clears the way."""
    bench.create()
    child = bench.stand_in(sockets=True)
    bench.files.pid_file.unlink()
    treasure = bench.root / "treasure"
    treasure.write_text(TREASURE)
    put(bench.files.pid_file, treasure)
    vm = bench.seen()
    assert (vm.state, vm.pid) == (State.ORPHANED, child.pid)
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"
    assert not os.path.lexists(bench.files.pid_file)
    assert len(list(bench.files.pid_dir.glob("*.broken-*"))) == 1
    assert treasure.read_text() == TREASURE
    bench.allowed += ["*.broken-*", "inside"]


@case("directory takes the PID file's place under a running machine: stop")
def directory_while_running(bench: Bench) -> None:
    while_running(bench, directory)


@case("garbage takes the PID file's place under a running machine: stop")
def garbage_while_running(bench: Bench) -> None:
    while_running(bench, garbage)


@case("directory takes the PID file's place under a running machine: adopt")
def adopt_over_a_directory(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True)
    bench.files.pid_file.unlink()
    directory(bench.files.pid_file, bench.root)
    plan = bench.cluster.repair_plan()
    assert [step.kind for step in plan.steps] == ["set-aside", "adopt"]
    bench.cluster.repair(plan)
    assert (bench.state(), bench.cluster.qemu.pid()) == (State.RUNNING, child.pid)
    bench.allowed += ["*.broken-*", "inside"]


@case("runtime folder is a file", quick=True)
def runtime_folder_is_a_file(bench: Bench) -> None:
    bench.create()
    shutil.rmtree(bench.files.pid_dir)
    bench.files.pid_dir.write_text(TREASURE)
    assert bench.state() is State.STOPPED
    with refused(CorruptFile, "repair"):
        bench.cluster.start(SMALL)
    with refused(CorruptFile, "repair"):
        bench.cluster.stop()
    done = bench.cluster.repair(bench.cluster.repair_plan())
    assert "was moved aside" in done[0]
    bench.allowed += ["*.broken-*"]
    bench.stand_in()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("names of every kind among the files", quick=True)
def hostile_names(bench: Bench) -> None:
    bench.create()
    bench.files.pid_dir.mkdir(parents=True, exist_ok=True)
    ends = (b".amd64.image.qcow2", b".amd64.pid.json", b".amd64.console.sock")
    ids = (
        *(b"\x1b]0;owned\x07", b"[bold]x", b"a\nb", b"\xff\xfe", b"..", b"a--b", b"-a", b"local", b"A", b"a b"),
        *(b"x" * 33, b"x" * 200, "ä€".encode(), b"%s%n", b"$(reboot)", b"a.b"),
    )
    for parent in (bench.files.image_dir, bench.files.pid_dir):
        for name in ids:
            for end in ends:
                (Path(os.fsdecode(os.fsencode(parent) + b"/podplane-local-" + name + end))).write_bytes(b"x")
    found = bench.inventory().statuses()
    assert [(vm.cluster_id, vm.state) for vm in found] == [("a", State.STOPPED)]
    own = {bench.files.image, bench.files.settings, bench.files.settings_lock}
    assert set(bench.cluster.delete_plan()) == {path for path in own if path.exists()}
    bench.allowed += ["*"]


@case("disk is a directory")
def disk_is_a_directory(bench: Bench) -> None:
    bench.files.image_dir.mkdir(parents=True)
    directory(bench.files.image, bench.root)
    assert bench.state() is State.BROKEN
    with refused(InvalidImage, "not a regular file"):
        bench.cluster.start(SMALL)
    assert {step.kind for step in bench.cluster.repair_plan().steps} == {"manual"}
    bench.cluster.repair(bench.cluster.repair_plan())
    assert (bench.files.image / "inside").read_text() == TREASURE
    bench.allowed += ["inside"]


@case("disk is a FIFO", quick=True)
def disk_is_a_fifo(bench: Bench) -> None:
    bench.files.image_dir.mkdir(parents=True)
    fifo(bench.files.image, bench.root)
    assert bench.state() is State.BROKEN
    with refused(InvalidImage, "not a regular file"):
        bench.cluster.start(SMALL)


@case("disk is a loop of links")
def disk_is_a_loop(bench: Bench) -> None:
    bench.files.image_dir.mkdir(parents=True)
    bench.files.image.symlink_to(bench.files.image)
    assert bench.state() is State.BROKEN
    with refused(InvalidImage, "symbolic links"):
        bench.cluster.start(SMALL)


@case("disk's header lies", quick=True)
def disk_header_lies(bench: Bench) -> None:
    bench.files.image_dir.mkdir(parents=True)
    for offset, length, name, words in (
        (2**63, 10, b"", "broken header"),
        (104, 2**31, b"", "broken header"),
        (104, 20, b"\x1b]0;owned\x07\n[red]\x00/etc", "broken header"),
        (104, 20, b"/dev/tcp/\xff\xfe\n\x1b[2J" + b"x" * 10, "/dev/tcp/"),
    ):
        header = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, offset, length, 16, 2**63).ljust(104, b"\0")
        bench.files.image.write_bytes(header + name)
        vm = bench.seen()
        assert vm.state is State.BROKEN
        assert (vm.problem or "").isprintable(), vm.problem
        with refused(InvalidImage, words):
            bench.cluster.start(SMALL)


@case("disk is a link out of the directory: works, delete takes the link only", needs="qemu")
def disk_is_a_link(bench: Bench) -> None:
    bench.create()
    real = bench.root / "big-drive.qcow2"
    bench.unguard(bench.files.image)
    bench.files.image.rename(real)
    bench.guard(real)
    bench.files.image.symlink_to(real)
    bench.start()
    assert bench.state() is State.RUNNING
    bench.cluster.stop(timeouts=AT_ONCE)
    bench.cluster.delete(bench.cluster.delete_plan())
    assert not os.path.lexists(bench.files.image)


@case("cluster's data is a link out of the directory: delete takes the link only", quick=True)
def cluster_data_is_a_link(bench: Bench) -> None:
    bench.create()
    treasure = bench.root / "treasure"
    treasure.mkdir()
    (treasure / "user-data").write_text(TREASURE)
    bench.files.cluster_dir.parent.mkdir(parents=True)
    bench.files.cluster_dir.symlink_to(treasure)
    bench.unguard(bench.files.image)
    bench.cluster.delete(bench.cluster.delete_plan())
    assert (treasure / "user-data").read_text() == TREASURE
    assert not os.path.lexists(bench.files.cluster_dir)


@case("fake Nstance instances that are links and FIFOs: delete neither hangs nor follows")
def hostile_instances(bench: Bench) -> None:
    bench.create()
    instances = bench.workspace.data / "nstance-fake" / "fakeserver" / "instances"
    treasure = bench.root / "treasure"
    treasure.mkdir()
    (treasure / "instance.json").write_text('{"tenant_id": "a"}')
    for name in ("ours", "theirs", "odd"):
        (instances / name).mkdir(parents=True)
    (instances / "ours" / "instance.json").write_text('{"tenant_id": "a"}')
    (instances / "theirs" / "instance.json").write_text('{"tenant_id": "b"}')
    os.mkfifo(instances / "odd" / "instance.json")
    (instances / "link").symlink_to(treasure)
    bench.unguard(bench.files.image)
    bench.cluster.delete(bench.cluster.delete_plan())
    assert sorted(path.name for path in instances.iterdir()) == ["link", "odd", "theirs"]
    assert (treasure / "instance.json").exists()
    bench.allowed += ["instance.json", "link"]


@case("a path that is not in the plan is never removed", quick=True)
def outside_the_plan(bench: Bench) -> None:
    bench.create()
    other = bench.machine("b")
    bench.create(other)
    treasure = bench.root / "treasure"
    treasure.write_text(TREASURE)
    bench.cluster.delete((treasure, other.files.image, bench.workspace.data))
    assert treasure.read_text() == TREASURE
    assert bench.files.image.exists()


@case("user-data is a FIFO")
def user_data_is_a_fifo(bench: Bench) -> None:
    bench.create()
    bench.files.cluster_dir.mkdir(parents=True)
    fifo(bench.files.user_data, bench.root)
    with refused(InvalidInput, "user-data"):
        bench.cluster.start(SMALL)
    bench.allowed += ["user-data"]


@case("user-data has 4 GB")
def user_data_is_huge(bench: Bench) -> None:
    bench.create()
    huge(bench.root / "user-data", bench.root)
    with refused(InvalidInput, "larger than", "smaller"):
        bench.cluster.start(StartSpec(network=False, user_data=bench.root / "user-data"))


@case("seed is garbage: written anew by repair, start works", needs="qemu", quick=True)
def seed_is_garbage(bench: Bench) -> None:
    bench.create()
    garbage(bench.files.seed, bench.root)
    bench.files.cluster_dir.mkdir(parents=True)
    bench.files.user_data.write_text("#cloud-config\n")
    [step] = bench.cluster.repair_plan().steps
    assert (step.kind, step.path) == ("seed", bench.files.seed)
    bench.cluster.repair(bench.cluster.repair_plan())
    assert read_seed(bench.files.seed).user_data == "#cloud-config\n"
    assert bench.files.seed.stat().st_mode & 0o777 == 0o600
    assert bench.cluster.repair_plan().steps == ()
    bench.start()
    bench.allowed += ["user-data"]


@case("seed is gone though the machine has run before", needs="qemu")
def seed_is_gone(bench: Bench) -> None:
    bench.create()
    bench.start()
    bench.cluster.stop(timeouts=AT_ONCE)
    assert bench.cluster.repair_plan().steps == ()
    bench.files.seed.unlink()
    assert [step.kind for step in bench.cluster.repair_plan().steps] == ["seed"]
    bench.cluster.repair(bench.cluster.repair_plan())
    assert read_seed(bench.files.seed).label == "cidata"


@case("seed is a directory")
def seed_is_a_directory(bench: Bench) -> None:
    bench.create()
    directory(bench.files.seed, bench.root)
    with refused(CorruptFile, "repair"):
        bench.cluster.start(SMALL)
    assert [step.kind for step in bench.cluster.repair_plan().steps] == ["set-aside", "seed"]
    bench.cluster.repair(bench.cluster.repair_plan())
    assert read_seed(bench.files.seed).label == "cidata"
    bench.allowed += ["*.broken-*", "inside"]


@case("UEFI variables are empty: moved aside by repair, start works", needs="qemu")
def efivars_are_empty(bench: Bench) -> None:
    bench.create()
    bench.files.efivars.touch()
    [step] = (step for step in bench.cluster.repair_plan().steps if step.kind == "set-aside")
    assert step.path == bench.files.efivars
    bench.cluster.repair(bench.cluster.repair_plan())
    bench.start()
    bench.allowed += ["*.broken-*"]


def leak(image: Path) -> None:
    """Count a cluster of the image as used that nothing refers to: what a crash in the middle of growing leaves."""
    with image.open("r+b") as file:
        file.seek(48)
        (table,) = struct.unpack(">Q", file.read(8))
        file.seek(table)
        (block,) = struct.unpack(">Q", file.read(8))
        cluster = -(-image.stat().st_size // 65536)
        file.truncate((cluster + 1) * 65536)
        file.seek(block + cluster * 2)
        file.write(struct.pack(">H", 1))


@case("crash left leaked clusters: told, and freed on request", needs="qemu", quick=True)
def leaked_clusters(bench: Bench) -> None:
    bench.create()
    image = bench.files.image
    bench.unguard(image)
    leak(image)
    check = ["qemu-img", "check", "-q", str(image)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 3
    inode, content = image.stat().st_ino, image.read_bytes()
    bench.write_pid_file(2**31 - 1)
    plan = bench.cluster.repair_plan()
    assert [step.kind for step in plan.steps] == ["clear", "check"]
    done = bench.cluster.repair(plan)
    assert "no data" in done[-1]
    assert image.read_bytes() == content, "a check changed the disk"
    done = bench.cluster.repair(bench.cluster.repair_plan(), fix_leaks=True)
    assert "no errors" in done[-1]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    assert image.stat().st_ino == inode


@case("disk is corrupt: told, never touched", needs="qemu")
def corrupt_disk(bench: Bench) -> None:
    bench.create()
    image = bench.files.image
    bench.unguard(image)
    subprocess.run(["qemu-io", "-c", "write -P 7 0 64k", str(image)], check=True, capture_output=True)
    with image.open("r+b") as file:  # the first level's first entry points into nowhere
        file.seek(40)
        (table,) = struct.unpack(">Q", file.read(8))
        file.seek(table)
        file.write(struct.pack(">Q", (1 << 63) | 0x70000001 << 16))
    bench.guard(image)
    bench.leave_socket(bench.files.qmp)
    with refused(InvalidImage, "corrupt", "copy"):
        bench.cluster.repair(bench.cluster.repair_plan(), fix_leaks=True)
