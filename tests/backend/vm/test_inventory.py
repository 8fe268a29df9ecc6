"""Rows from what is on disk. Machines that live are in the fault matrix and tests/e2e."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.world import World, world
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.host.holders import Lock, image_lock
from podplane_tui.backend.qemu.process import Clock
from podplane_tui.backend.recording.store import Source, begin, belongs_to
from podplane_tui.backend.runtime.lock import vm_lock
from podplane_tui.backend.runtime.pidfile import MAX_PID, PIDFile
from podplane_tui.backend.vm.inventory import RUN_STATE_INTERVAL, Inventory, status_of
from tests.paths import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("require_qemu")


GONE = MAX_PID
"""A PID that no process has."""


class Place:
    """Data and runtime directories to put things into."""

    def __init__(self, root: Path) -> None:
        self.data, self.runtime = root / "data", root / "run"
        for directory in (self.data / "vms", self.runtime / "vms", self.runtime / "local"):
            directory.mkdir(parents=True)
        self.state = root / "state"
        self.inventory = Inventory(self.data, self.runtime, state_dir=self.state)
        self.template = root / "template.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.template, "1G"], check=True)

    def files(self, cluster_id: str = "a", arch: str = "amd64") -> VMFiles:
        return VMFiles(arch, cluster_id, self.data, self.runtime, self.state)

    def disk(self, cluster_id: str = "a", arch: str = "amd64") -> VMFiles:
        files = self.files(cluster_id, arch)
        files.image.write_bytes(self.template.read_bytes())
        return files

    def only(self) -> VMStatus:
        [vm] = self.inventory.statuses()
        return vm

    def fresh(self) -> VMStatus:
        """The same as an inventory sees it that has not looked before."""
        self.inventory = Inventory(self.data, self.runtime, state_dir=self.state)
        return self.only()

    def fresh_all(self) -> tuple[VMStatus, ...]:
        """All of them, likewise."""
        return Inventory(self.data, self.runtime, state_dir=self.state).statuses()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_no_directories_no_rows(tmp_path: Path) -> None:
    inventory = Inventory(tmp_path / "none", tmp_path / "neither")
    assert inventory.statuses() == ()
    assert inventory.find("a", "amd64") is None
    assert list(tmp_path.iterdir()) == []


def test_rows_are_sorted_and_keyed_by_id_and_architecture(place: Place) -> None:
    for cluster_id, arch in (("b", "amd64"), ("a", "arm64"), ("a", "amd64")):
        place.disk(cluster_id, arch)
    assert [vm.key for vm in place.inventory.statuses()] == ["a.amd64", "a.arm64", "b.amd64"]
    found = place.inventory.find("a", "arm64")
    assert found is not None
    assert found.arch == "arm64"


def test_one_cluster_is_looked_at_by_itself(place: Place) -> None:
    for cluster_id, arch in (("a", "amd64"), ("a", "arm64"), ("b", "amd64")):
        place.disk(cluster_id, arch)
    assert [vm.key for vm in place.inventory.of_cluster("a")] == ["a.amd64", "a.arm64"]
    assert place.inventory.of_cluster("c") == ()
    everyone = {vm.key: vm for vm in place.inventory.statuses()}
    for key, vm in everyone.items():
        assert place.inventory.find(*key.split(".")) is vm


@pytest.mark.parametrize("cluster_id", ["", "..", "a/../a", "A", "a\0", "local", "x" * 33])
def test_what_can_be_no_vm_is_not_found(place: Place, cluster_id: str) -> None:
    place.disk("a")
    assert place.inventory.find(cluster_id, "amd64") is None
    assert place.inventory.find("a", cluster_id) is None
    assert place.inventory.of_cluster(cluster_id) == ()


@pytest.mark.parametrize("name", ["image", "pid_file", "console", "qmp", "lock", "state_file"])
def test_one_vm_is_what_it_is_among_all(place: Place, name: str) -> None:
    """Whichever of its files is there, and is none that can be understood."""
    path: Path = getattr(place.files(), name)
    path.write_text("{")
    assert place.inventory.statuses() == place.inventory.of_cluster("a")
    assert place.inventory.statuses() == tuple(filter(None, [status_of(place.files())]))


PROGRAM = """
import json, os, sys
from pathlib import Path
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Phase
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.inventory import Inventory

files = VMFiles("amd64", sys.argv[2], *map(Path, sys.argv[3:]))
looks = {
    "status": lambda: Cluster.of(files).status(),
    "wait": lambda: Cluster.of(files).wait(Phase.SSH, timeout=0),
    "all": lambda: Inventory(files.data_dir, files.runtime_dir, state_dir=files.state_dir).statuses(),
}
look = looks[sys.argv[1]]

def watched():
    try:
        look()
    except VMError:
        pass

watched()  # which imports everything
touched = []
def hook(event, arguments):
    if event in {"open", "os.listdir", "os.scandir"} and isinstance(arguments[0], (str, bytes)):
        touched.append((event, os.fsdecode(arguments[0])))
    elif event == "socket.connect" and isinstance(arguments[1], (str, bytes, os.PathLike)):
        touched.append((event, os.fsdecode(arguments[1])))
sys.addaudithook(hook)
watched()
touched = tuple(touched)
print(json.dumps(touched))
"""
"""Prints what the system was asked for by a look: files opened, folders listed, sockets connected to."""


class Touched:
    """What a look at a VM of this world touches: everything, folders listed, and whose names are in the paths."""

    def __init__(self, made: World, look: str, files: VMFiles) -> None:
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, look, files.cluster_id, made.data, made.runtime, made.state],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env=made.environment,
            text=True,
        )
        self.all: list[list[str]] = json.loads(result.stdout)
        self.listed = {path for event, path in self.all if event in {"os.listdir", "os.scandir"}}
        found = [re.search(r"vm-\d+", path) for _, path in self.all]
        self.vms = {match[0] for match in found if match is not None}
        processes = [re.match(r"/proc/(\d+)/", path) for _, path in self.all]
        self.processes = {int(match[1]) for match in processes if match is not None}


@pytest.fixture(scope="module")
def crowd() -> Iterator[World]:
    with world(running=3, stopped=3) as made:
        yield made


@pytest.mark.skipif(sys.platform != "linux", reason="the stand-in's name is taken from its link on Linux")
class TestOneAmongOthers:
    @pytest.mark.slow
    @pytest.mark.parametrize("look", ["status", "wait"])
    def test_a_vm_that_runs_touches_no_other_and_no_process_but_its_own(self, crowd: World, look: str) -> None:
        files, child = crowd.machines[1], crowd.children[1]
        touched = Touched(crowd, look, files)
        assert ["open", str(files.pid_file)] in touched.all
        assert ["socket.connect", str(files.qmp)] in touched.all
        assert touched.vms == {files.cluster_id}
        assert touched.listed <= {str(files.recordings_dir), f"/proc/{child.pid}/fd"}
        assert touched.processes == {child.pid}

    @pytest.mark.slow
    @pytest.mark.parametrize("look", ["status", "wait"])
    def test_a_vm_that_does_not_run_touches_no_other(self, crowd: World, look: str) -> None:
        files = crowd.machines[4]
        touched = Touched(crowd, look, files)
        assert touched.vms == {files.cluster_id}
        # Whether one has its disk that no PID file names.
        assert touched.listed >= {"/proc", *(f"/proc/{child.pid}/fd" for child in crowd.children)}
        assert all(path.startswith("/proc") for path in touched.listed)

    @pytest.mark.slow
    def test_a_look_at_all_touches_them_all(self, crowd: World) -> None:
        touched = Touched(crowd, "all", crowd.machines[1])
        assert touched.vms >= {files.cluster_id for files in crowd.machines[:3]}
        assert touched.listed >= {str(crowd.machines[1].image_dir), str(crowd.machines[1].pid_dir), "/proc"}
        assert touched.processes >= {child.pid for child in crowd.children}

    def test_one_that_no_pid_file_names_is_found_all_the_same(self, crowd: World) -> None:
        files, child = crowd.machines[2], crowd.children[2]
        files.pid_file.rename(files.pid_file.with_suffix(".away"))
        try:
            vm = status_of(files)
        finally:
            files.pid_file.with_suffix(".away").rename(files.pid_file)
        assert vm is not None
        assert (vm.state, vm.pid) == (State.ORPHANED, child.pid)

    def test_a_pid_file_that_names_another_vm_proves_nothing(self, crowd: World) -> None:
        files, child = crowd.machines[2], crowd.children[2]
        named = files.pid_file.read_bytes()
        files.pid_file.write_bytes(crowd.machines[0].pid_file.read_bytes())
        try:
            vm = status_of(files)
        finally:
            files.pid_file.write_bytes(named)
        assert vm is not None
        assert (vm.state, vm.pid) == (State.ORPHANED, child.pid)

    def test_one_of_a_cluster_is_the_same_as_among_all(self, crowd: World) -> None:
        inventory = Inventory(crowd.data, crowd.runtime, state_dir=crowd.state)
        everyone = {vm.cluster_id: vm for vm in inventory.statuses()}
        for cluster_id, vm in everyone.items():
            [alone] = inventory.of_cluster(cluster_id)
            assert (alone.state, alone.pid, alone.problem, alone.ports) == (vm.state, vm.pid, vm.problem, vm.ports)


def test_a_stopped_machine(place: Place) -> None:
    files = place.disk()
    vm = place.only()
    assert (vm.state, vm.problem, vm.pid, vm.live) == (State.STOPPED, None, None, False)
    assert vm.disk_virtual_bytes == 2**30
    assert vm.disk_bytes == files.image.stat().st_blocks * 512
    assert place.only() is vm  # nothing changed, so nothing is made anew


def test_a_stopped_machine_that_changes_is_seen_to(place: Place) -> None:
    files = place.disk()
    before = place.only()
    subprocess.run(["qemu-img", "resize", "-q", files.image, "2G"], check=True)
    after = place.only()
    assert (before.disk_virtual_bytes, after.disk_virtual_bytes) == (2**30, 2**31)
    files.image.write_text("no image")
    assert place.only().state is State.BROKEN
    files.image.unlink()
    assert place.inventory.statuses() == ()


def test_a_base_image_that_goes_and_comes_back(place: Place, tmp_path: Path) -> None:
    base = tmp_path / "base.qcow2"
    base.write_bytes(place.template.read_bytes())
    files = place.files()
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, files.image], check=True)
    assert place.only().state is State.STOPPED
    base.rename(tmp_path / "away")
    vm = place.only()
    assert vm.state is State.BROKEN
    assert "put it back" in (vm.problem or "")
    (tmp_path / "away").rename(base)
    assert place.only().state is State.STOPPED


@pytest.mark.parametrize("suffix", [".console.sock", ".qmp.sock"])
def test_a_socket_left_behind_is_no_crash_and_no_vm_by_itself(place: Place, suffix: str) -> None:
    files = place.disk()
    path = files.pid_dir / (files.stem + suffix)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    vm = place.only()
    assert (vm.state, vm.problem) == (State.STOPPED, None)  # podplane's own stop leaves it
    files.image.unlink()
    assert place.fresh_all() == ()


def test_a_pid_file_that_names_somebody_else_is_a_crash(place: Place) -> None:
    files = place.disk()
    files.pid_file.write_text(json.dumps({"pid": os.getpid(), "data": None}))
    vm = place.only()
    assert (vm.state, vm.pid) == (State.CRASHED, None)
    assert str(os.getpid()) in (vm.problem or "")


LAST_WORDS = b"[   61.224093] reboot: Power down\r\n"


@pytest.mark.parametrize("recorder", ["qemu", "attached"])
def test_a_guest_that_powered_off_is_no_crash(place: Place, recorder: str) -> None:
    files = place.disk()
    log = begin(files)
    log.write_bytes(b"x" * 5000)
    data = {"console_log": str(log)}
    if recorder == "attached":
        data = {}
        belongs_to(log, GONE, Source.ATTACHED)
    PIDFile(files.pid_file, GONE, data).write()
    assert place.only().state is State.CRASHED
    with log.open("ab") as file:
        file.write(LAST_WORDS)
    vm = place.fresh()
    assert (vm.state, vm.hint, vm.problem) == (State.STOPPED, "powered off by the guest", None)
    PIDFile(files.pid_file, GONE - 1, {"console_log": str(log.with_name("none"))}).write()
    assert place.only().state is State.CRASHED  # another run of it
    PIDFile(files.pid_file, GONE, data).write()
    with socket.socket(socket.AF_UNIX) as server:  # only a QEMU that crashes leaves one
        server.bind(str(files.console))
    assert place.only().state is State.CRASHED


def test_what_an_earlier_process_of_its_number_said_is_not_its_word(place: Place) -> None:
    files = place.disk()
    log = begin(files)
    log.write_bytes(LAST_WORDS)
    belongs_to(log, GONE, Source.ATTACHED)
    PIDFile(files.pid_file, GONE).write()
    written = files.pid_file.stat().st_mtime
    os.utime(log, (written - 60, written - 60))
    assert place.fresh().state is State.CRASHED
    os.utime(log, (written + 60, written + 60))
    assert place.fresh().state is State.STOPPED


def test_whoever_records_may_be_late_with_the_last_words(place: Place) -> None:
    files, now = place.disk(), 0.0
    log = begin(files)
    PIDFile(files.pid_file, GONE, {"console_log": str(log)}).write()
    inventory = Inventory(place.data, place.runtime, state_dir=place.state, clock=Clock(monotonic=lambda: now))

    def state() -> State:
        [vm] = inventory.statuses()
        return vm.state

    assert state() is State.CRASHED
    log.write_bytes(LAST_WORDS)
    now += RUN_STATE_INTERVAL
    assert state() is State.STOPPED
    log.unlink()  # found once, it is not looked for again
    now += RUN_STATE_INTERVAL
    assert state() is State.STOPPED


@pytest.mark.parametrize("name", ["pid_file", "state_file"])
def test_a_file_nobody_can_read_is_broken_and_told(place: Place, name: str) -> None:
    files = place.disk()
    path: Path = getattr(files, name)
    path.write_text("{")
    vm = place.only()
    assert vm.state is State.BROKEN
    assert str(path) in (vm.problem or "")


def test_a_small_file_that_is_written_over_is_read_again(place: Place) -> None:
    files = place.disk()
    for pid in (2**30 + 1, 2**30 + 2):
        files.pid_file.write_text(json.dumps({"pid": pid}))
        assert str(pid) in (place.only().problem or "")
        wait_for_another_time(files.pid_file)


def wait_for_another_time(path: Path) -> None:
    """Until a file that is changed now gets another time than this one has."""
    probe = path.with_name("probe")
    while not probe.exists() or probe.stat().st_mtime_ns == path.stat().st_mtime_ns:
        probe.touch()
    probe.unlink()


def test_a_pid_file_without_a_disk_is_a_row(place: Place) -> None:
    place.files().pid_file.write_text('{"pid":1,"data":null}')
    vm = place.only()
    assert vm.state is State.BROKEN
    assert "no image" in (vm.problem or "")


def test_a_verb_in_progress_is_shown(place: Place) -> None:
    files = place.disk()
    with vm_lock(files.lock, "restart") as lock:
        assert place.only().state is State.STARTING
        lock.tell("start")
        vm = place.only()
        assert vm.action is not None
        assert (vm.state, vm.action.verb, vm.action.phase, vm.action.pid) == (
            State.STARTING,
            "restart",
            "start",
            os.getpid(),
        )
    assert place.only().action is None
    with vm_lock(files.lock, "delete"):
        vm = place.only()
        assert vm.state is State.STOPPED
        assert vm.action is not None


def test_a_disk_that_somebody_else_has_open_is_in_use_until_it_is_let_go(place: Place) -> None:
    image = place.disk().image
    place.disk("b")
    with subprocess.Popen(["qemu-io", image], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: image_lock(image) is Lock.WRITER, what="the lock")
        for look in (place.inventory.statuses, place.inventory.statuses, place.fresh_all):
            assert [vm.state for vm in look()] == [State.IN_USE, State.STOPPED]
        vm = status_of(place.files())
        assert vm is not None
        assert vm.problems[0].problem == f"qemu-io (process {process.pid}) has its disk open"
        process.kill()
    assert [vm.state for vm in place.inventory.statuses()] == [State.STOPPED, State.STOPPED]


def test_a_lock_that_is_held_for_a_moment_is_no_state(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    image = place.disk().image
    with subprocess.Popen(["qemu-io", image], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: image_lock(image) is Lock.WRITER, what="the lock")

        def let_go(_seconds: float) -> None:
            process.kill()
            process.wait()

        monkeypatch.setattr("podplane_tui.backend.vm.inventory.time.sleep", let_go)
        assert place.only().state is State.STOPPED
    assert process.returncode, "the inventory did not wait"


def test_one_broken_machine_is_no_trouble_for_the_others(place: Place) -> None:
    place.disk("good")
    place.files("bad").image.mkdir()
    place.files("worse").image.symlink_to(place.files("worse").image)
    os.mkfifo(place.files("worst").image)
    assert {vm.cluster_id: vm.state for vm in place.inventory.statuses()} == {
        "bad": State.BROKEN,
        "good": State.STOPPED,
        "worse": State.BROKEN,
        "worst": State.BROKEN,
    }


def test_relative_directories_are_made_absolute(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.disk()
    monkeypatch.chdir(place.data.parent)
    [vm] = Inventory(Path("data"), Path("run"), state_dir=Path("state")).statuses()
    assert vm.files == place.files()


@pytest.mark.slow
def test_a_thousand_machines_are_a_thousand_rows(place: Place) -> None:
    content = place.template.read_bytes()
    for index in range(1000):
        files = place.files(f"m{index}")
        files.image.write_bytes(content)
        if index % 10 == 0:
            files.pid_file.write_text('{"pid":2147483647,"data":null}')
    states = [vm.state for vm in place.inventory.statuses()]
    assert (states.count(State.STOPPED), states.count(State.CRASHED)) == (900, 100)


def test_directories_that_nobody_can_enter_are_no_trouble(tmp_path: Path) -> None:
    inventory = Inventory(tmp_path / ("d" * 300), tmp_path / ("r" * 300))
    assert inventory.statuses() == ()
    assert inventory.local_server is not None
    assert "can't be read" in str(inventory.local_server.problem)
