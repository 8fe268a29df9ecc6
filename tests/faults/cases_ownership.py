"""Whose QEMU it is: only a VM's own is signalled or commanded, whatever arguments, PID files and sockets say."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from podplane_tui.backend import (
    AlreadyRunning,
    Cluster,
    CreateSpec,
    DeleteFailed,
    InUse,
    NotRunning,
    QMPUnavailable,
    State,
)
from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.file_identity import file_identity
from podplane_tui.backend.host.holders import Lock, image_lock, unix_listeners
from podplane_tui.backend.qemu.process import boot_id, create_ticks
from podplane_tui.backend.qemu.qmp import execute, run_state
from podplane_tui.backend.recording.store import begin, recordings
from podplane_tui.backend.runtime.pidfile import PIDFile
from podplane_tui.backend.ssh.known_hosts import read_host_keys, trust
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.backend.vm.remembered import claim, read_settings, update_settings
from tests.faults.bench import AT_ONCE, SMALL, Bench
from tests.faults.matrix import case, refused
from tests.waiting import wait_until

QEMU = ("qemu-system-x86_64", "-display", "none", "-nodefaults", "-S")


def refuses(bench: Bench, cluster: Cluster, words: str = "is in use") -> None:
    """Every verb that would do something to `cluster` is refused, and nothing in the workspace changes."""
    before = {path: facts for path, facts in bench.tree().items() if not path.endswith(".lock")}
    verbs: Sequence[Callable[[], object]] = (
        lambda: cluster.start(SMALL),
        lambda: cluster.stop(timeouts=AT_ONCE),
        lambda: cluster.delete(cluster.delete_plan()),
    )
    for verb in verbs:
        with refused(InUse, words):
            verb()
    for command in (cluster.pause, cluster.resume, cluster.reset):
        with refused(InUse, words):
            command()
    after = bench.tree()
    changed = [
        path
        for path, facts in before.items()
        if Path(path).is_file()
        and after.get(path) != facts
        and not path.endswith((".efivars.fd", ".raw"))  # its guest's
    ]
    assert changed == [], f"changed or gone: {changed}"


@case("the disk was moved away under a running QEMU, and another one made at its path", needs="qemu", quick=True)
def moved_away(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    update_settings(bench.files, cpus="7")
    away = bench.files.image_dir / "away.qcow2"
    bench.files.image.rename(away)
    shutil.copyfile(away, bench.files.image)
    bench.guard(bench.files.image)
    vm = bench.seen()
    assert (vm.state, vm.pid) == (State.IN_USE, None)
    assert f"process {pid}, which has the disk {bench.files.image}, answers on its sockets" in (vm.problem or "")
    refuses(bench, bench.cluster)
    assert os.path.exists(f"/proc/{pid}")  # noqa: PTH110
    for change in (lambda: claim(bench.files), lambda: update_settings(bench.files, memory="1G")):
        with refused(InUse, "is another one than its QEMU has"):
            change()
    bench.unguard(bench.files.image)
    away.replace(bench.files.image)
    bench.guard(bench.files.image)
    assert (bench.state(), bench.seen().pid) == (State.RUNNING, pid)
    assert read_settings(bench.files).cpus == "7"
    assert [recording.live for recording in recordings(bench.files)] == [True]
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("a hard-linked disk, and a PID file that names the other VM's QEMU", needs="qemu", quick=True)
def hard_link(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    other = bench.machine("b")
    other.files.image.hardlink_to(bench.files.image)
    named = PIDFile.read(bench.files.pid_file)
    assert named is not None
    for data in (None, named.data):
        PIDFile(other.files.pid_file, pid, data).write()
        assert [(vm.cluster_id, vm.state, vm.pid) for vm in bench.inventory().statuses()] == [
            ("a", State.RUNNING, pid),
            ("b", State.IN_USE, None),
        ]
        refuses(bench, other, f"its console is {bench.files.console}")
    other.files.pid_file.unlink()
    other.files.image.unlink()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("a rescue QEMU has the disk as its second, read-only drive", needs="qemu", quick=True)
def rescue(bench: Bench) -> None:
    bench.create()
    first = ("-drive", "if=none,file.driver=null-co,file.size=1048576,format=raw")
    second = ("-drive", f"if=none,format=qcow2,readonly=on,file={bench.files.image}")
    child = bench.child(*QEMU, *first, *second, start_new_session=True, stdin=subprocess.DEVNULL)
    wait_until(lambda: image_lock(bench.files.image) is Lock.READER, what="the lock of the disk")
    bench.write_pid_file(child.pid, {"boot_id": boot_id(), "create_ticks": create_ticks(child.pid) or ""})
    assert (bench.state(), bench.cluster.qemu.pid()) == (State.IN_USE, None)
    refuses(bench, bench.cluster, f"(process {child.pid}) has its disk open")
    assert child.poll() is None
    child.kill()
    child.wait()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "gone"


@case("a program that calls itself QEMU, with the disk among its arguments", quick=True)
def false_name(bench: Bench) -> None:
    bench.create()
    script = "read -r _; # "
    command = ("qemu-system-x86_64", "-c", script, "-hda", str(bench.files.image))
    child = bench.child(*command, executable=shutil.which("bash"), stdin=subprocess.PIPE, start_new_session=True)
    bench.write_pid_file(child.pid, {"boot_id": boot_id(), "create_ticks": create_ticks(child.pid) or ""})
    assert (bench.state(), bench.cluster.qemu.pid()) == (State.CRASHED, None)
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "gone"
    assert child.poll() is None, "a process that is no QEMU was ended"


@case("a QEMU whose file was replaced by an upgrade", quick=True)
def upgraded(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in()
    bench.fake_qemu.unlink()
    assert os.readlink(f"/proc/{child.pid}/exe").endswith(" (deleted)")  # noqa: PTH115
    assert (bench.state(), bench.seen().pid) == (State.RUNNING, child.pid)
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("podplane starts a program around QEMU that waits for it", quick=True)
def wrapped(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(record=False)
    bench.write_pid_file(os.getpid())  # which has started it
    assert (bench.state(), bench.seen().pid) == (State.RUNNING, child.pid)
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("the program of QEMU's name waits for QEMU", needs="qemu", quick=True)
def wrapper_in_path(bench: Bench) -> None:
    bench.create()
    directory = bench.root / "wrapped"
    directory.mkdir()
    program = directory / "qemu-system-x86_64"
    program.write_text(f'#!/bin/sh\nsh -c \'"$@"; true\' sh {shutil.which("qemu-system-x86_64")} "$@"\ntrue\n')
    program.chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{directory}:{before}"
    try:
        pid = bench.start()
    finally:
        os.environ["PATH"] = before
    named = PIDFile.read(bench.files.pid_file)
    assert named is not None
    assert named.pid == pid
    assert os.readlink(f"/proc/{pid}/exe") != os.readlink(f"/proc/{os.getpid()}/exe")  # noqa: PTH115
    assert bench.state() is State.RUNNING
    assert [recording.pid for recording in recordings(bench.files)] == [pid]
    bench.cluster.pause()
    bench.cluster.resume()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("another mount namespace has another file at the disk's path", needs="qemu root")
def same_path_elsewhere(bench: Bench) -> None:
    bench.create()
    other = bench.root / "other.qcow2"
    shutil.copyfile(bench.files.image, other)
    bench.files.pid_dir.mkdir(parents=True, exist_ok=True)
    inside = ("unshare", "--mount", "--", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"')
    serial = ("-serial", f"unix:{bench.files.console},server=on,wait=off")
    image = str(bench.files.image)
    child = bench.child(
        *inside, str(other), image, *QEMU, "-hda", image, *serial, start_new_session=True, stdin=subprocess.DEVNULL
    )
    wait_until(lambda: image_lock(other) is Lock.WRITER and bench.files.console.exists(), what="the other disk's lock")
    bench.write_pid_file(child.pid)
    assert (bench.state(), bench.cluster.qemu.pid()) == (State.IN_USE, None)
    refuses(bench, bench.cluster, "answers on")
    assert child.poll() is None
    child.kill()
    child.wait()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "gone"


@case("a QEMU in another mount namespace has the disk at another path", needs="qemu root")
def other_path_elsewhere(bench: Bench) -> None:
    bench.create()
    elsewhere = bench.root / "elsewhere.qcow2"
    elsewhere.touch()
    inside = ("unshare", "--mount", "--", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"')
    command = (*inside, str(bench.files.image), str(elsewhere), *QEMU, "-hda", str(elsewhere))
    child = bench.child(*command, start_new_session=True, stdin=subprocess.DEVNULL)
    wait_until(lambda: image_lock(bench.files.image) is Lock.WRITER, what="the lock of the disk")
    assert (bench.state(), bench.cluster.qemu.pid()) == (State.IN_USE, None)
    refuses(bench, bench.cluster, f"(process {child.pid}) has its disk open")
    assert child.poll() is None


@case("the same data directory with another runtime directory", needs="qemu", quick=True)
def another_runtime_directory(bench: Bench) -> None:
    bench.create()
    bench.start()
    elsewhere = Cluster(
        data_dir=bench.workspace.data, runtime_dir=bench.root / "elsewhere", cluster_id="a", arch="amd64"
    )
    vm = elsewhere.status()
    assert vm is not None
    assert vm.state is State.IN_USE
    assert f"its console is {bench.files.console}" in (vm.problem or "")
    refuses(
        bench,
        elsewhere,
        f"its console is {bench.files.console}; act on it with --runtime-dir {bench.workspace.runtime}",
    )
    assert bench.state() is State.RUNNING
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("a control socket that another process serves is told nothing", quick=True)
def false_control_socket(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(sockets=True)
    bench.files.qmp.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(bench.files.qmp))
        server.listen()
        server.setblocking(False)
        words = f"is not the control socket of process {child.pid}: process {os.getpid()} answers there"
        for command in (bench.cluster.pause, bench.cluster.resume, bench.cluster.reset):
            with refused(QMPUnavailable, words):
                command()
        assert bench.state() is State.RUNNING
        heard = []
        while True:
            try:
                client, _ = server.accept()
            except BlockingIOError:
                break
            with client:
                heard.append(client.recv(100))
        assert set(heard) == {b""}
    bench.files.qmp.unlink()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("podplane's stop leaves a dead console socket", quick=True)
def stopped_by_podplane(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in()
    child.kill()
    child.wait()
    bench.files.pid_file.unlink()
    assert bench.files.console.is_socket()
    assert (bench.state(), bench.seen().problem) == (State.STOPPED, None)
    with refused(NotRunning, "is not running"):
        bench.cluster.pause()
    bench.cluster.repair(bench.cluster.repair_plan())
    assert not bench.files.console.exists()


@case("podplane deletes a VM that was started here, and makes another of the same ID", quick=True)
def deleted_by_podplane(bench: Bench) -> None:
    bench.create()
    files = bench.files
    update_settings(files, cpus="7", user="somebody")
    files.known_hosts.parent.mkdir(parents=True, exist_ok=True)
    trust(files.known_hosts, files.stem, "ssh-ed25519 AAAA")
    begin(files)
    files.pid_dir.mkdir(parents=True, exist_ok=True)
    for path in (files.qmp, files.console):
        bench.leave_socket(path)
    former = file_identity(files.image)
    assert former is not None
    content = files.image.read_bytes()
    bench.unguard(files.image)
    files.image.unlink()
    assert bench.inventory().statuses() == ()  # no ghost
    files.image.write_bytes(content)
    bench.guard(files.image)
    present = file_identity(files.image)
    assert present is not None
    assert present.key != former.key, "this file system tells no file from the next one of its inode"
    assert bench.state() is State.STOPPED
    assert read_settings(files).cpus == ""
    [*kinds] = [step.kind for step in bench.cluster.repair_plan().steps]
    assert kinds == ["clear", "clear", "forget"]
    claim(files)
    assert (read_settings(files).cpus, read_settings(files).user) == ("", "")
    assert read_host_keys(files.known_hosts).keys == ()
    assert recordings(files) == ()
    update_settings(files, cpus="3")
    claim(files)
    assert read_settings(files).cpus == "3"
    bench.cluster.repair(bench.cluster.repair_plan())
    assert bench.cluster.repair_plan().steps == ()


@case("a stale PID file's data says nothing of a new process", quick=True)
def stale_data(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(record=False)
    treasure = bench.root / "treasure"
    treasure.write_text("x")
    old = {"qmp": str(treasure), "console_log": str(treasure), "create_ticks": "1", "boot_id": boot_id(), "cpus": "99"}
    bench.write_pid_file(child.pid, old)
    vm = bench.seen()
    assert (vm.state, vm.pid) == (State.ORPHANED, child.pid)
    assert (vm.qmp, vm.cpus) == (None, None)
    assert bench.cluster.adopt() == child.pid
    named = PIDFile.read(bench.files.pid_file)
    assert named is not None
    assert set(named.data or {}) == {"boot_id", "create_ticks"}
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"
    assert treasure.read_text() == "x"


class Watcher(threading.Thread):
    """Looks at the VM all the time, as a dashboard does, and keeps the states in the order that they were seen."""

    def __init__(self, files: VMFiles) -> None:
        super().__init__(daemon=True)
        self.states: list[State | None] = []
        self._inventory = Inventory(files.data_dir, files.runtime_dir)
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.02):
            found = self._inventory.statuses()
            state = found[0].state if found else None
            if not self.states or self.states[-1] is not state:
                self.states.append(state)

    def end(self) -> list[State | None]:
        self._over.set()
        self.join()
        return self.states


@case("watched all the time, starts and stops show only what is true", needs="qemu", quick=True)
def watched(bench: Bench) -> None:
    bench.create()
    watcher = Watcher(bench.files)
    watcher.start()
    for _ in range(3):
        bench.start()
        bench.cluster.stop(timeouts=AT_ONCE)
    states = watcher.end()
    assert set(states) <= {State.STOPPED, State.STARTING, State.RUNNING, State.STOPPING}, states


@case("watched all the time, podplane's starts and stops show only what is true", needs="qemu", quick=True)
def podplane_watched(bench: Bench) -> None:
    """As podplane does: QEMU first, then its PID file; SIGKILL, then the PID file goes, and the socket stays."""
    bench.create()
    files = bench.files
    files.pid_dir.mkdir(parents=True, exist_ok=True)
    watcher = Watcher(files)
    watcher.start()
    serial = ("-serial", f"unix:{files.console},server=on,wait=off")
    for _ in range(3):
        child = bench.child(*QEMU, "-hda", str(files.image), *serial, start_new_session=True, stdin=subprocess.DEVNULL)
        bench.write_pid_file(child.pid)
        wait_until(lambda: State.RUNNING in watcher.states[-1:], what="the VM to run", seen=lambda: watcher.states)
        child.kill()
        child.wait()
        files.pid_file.unlink()
        wait_until(lambda: State.STOPPED in watcher.states[-1:], what="the VM to stop", seen=lambda: watcher.states)
    states = watcher.end()
    assert set(states) <= {State.STOPPED, State.STARTING, State.RUNNING, State.STOPPING}, states
    bench.allowed += [files.console.name]


@case("a QEMU that was started with the disk and has not opened it yet", quick=True)
def just_begun(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(disk_mode="no", console=False)
    assert (bench.state(), bench.seen().pid) == (State.STARTING, child.pid)
    for verb in (lambda: bench.cluster.start(SMALL), lambda: bench.cluster.delete(bench.cluster.delete_plan())):
        with refused(InUse, f"process {child.pid} has just been started with its disk"):
            verb()
    assert child.poll() is None
    child.kill()
    child.wait()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "gone"


@case("a file system is mounted in the cluster's data: nothing of it goes", needs="root", quick=True)
def mounted_below(bench: Bench) -> None:
    bench.create()
    mount = bench.files.cluster_dir / "backup"
    mount.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", mount], check=True)
    bench.mounted(mount)
    treasure = mount / "treasure"
    treasure.write_text("x")
    with refused(DeleteFailed, f"something is mounted at {mount}", "remove that mount"):
        bench.cluster.delete(bench.cluster.delete_plan())
    assert treasure.read_text() == "x"
    assert bench.files.image.exists()
    bench.allowed += ["*"]
    bench.defer(treasure.unlink)


@case("a QEMU that has migrated its guest away", needs="qemu", quick=True)
def migrated(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    process = bench.cluster.qemu.process()
    assert process is not None
    assert process.control is not None
    control = process.control
    execute(control, "migrate", {"uri": "exec:cat > /dev/null"})
    wait_until(lambda: run_state(control) == "postmigrate", what="the migration")
    assert (bench.state(), bench.seen().pid, bench.seen().run_state) == (State.PAUSED, pid, "postmigrate")
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("podplane's runtime directory was a relative path", needs="qemu", quick=True)
def relative_sockets(bench: Bench) -> None:
    bench.create()
    files = bench.files
    files.pid_dir.mkdir(parents=True, exist_ok=True)
    serial = ("-serial", f"unix:vms/{files.console.name},server=on,wait=off")
    control = ("-qmp", f"unix:./vms/{files.qmp.name},server=on,wait=off")
    command = (*QEMU, "-hda", str(files.image), *serial, *control)
    child = bench.child(*command, cwd=files.runtime_dir, start_new_session=True, stdin=subprocess.DEVNULL)
    wait_until(lambda: image_lock(files.image) is Lock.WRITER and files.qmp.exists(), what="the disk and sockets")
    bench.write_pid_file(child.pid)
    vm = bench.seen()
    assert (vm.state, vm.pid, vm.run_state) == (State.PAUSED, child.pid, "prelaunch")
    assert vm.console == files.console
    bench.cluster.resume()
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("podplane was started in another network namespace", needs="qemu root", quick=True)
def another_network(bench: Bench) -> None:
    bench.create()
    files = bench.files
    files.pid_dir.mkdir(parents=True, exist_ok=True)
    serial = ("-serial", f"unix:{files.console},server=on,wait=off")
    command = ("unshare", "--net", "--", *QEMU, "-hda", str(files.image), *serial)
    child = bench.child(*command, start_new_session=True, stdin=subprocess.DEVNULL)
    wait_until(lambda: image_lock(files.image) is Lock.WRITER and files.console.exists(), what="the disk and socket")
    bench.write_pid_file(child.pid)
    assert (bench.state(), bench.seen().pid) == (State.RUNNING, child.pid)
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("the runtime directory is a link, and the sockets' names are gone", quick=True)
def runtime_through_a_link(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in()
    link = bench.root / "link"
    link.symlink_to(bench.workspace.runtime)
    other = Cluster(data_dir=bench.workspace.data, runtime_dir=link, cluster_id="a", arch="amd64")
    bench.files.console.unlink()
    vm = other.status()
    assert vm is not None
    assert (vm.state, vm.pid) == (State.RUNNING, child.pid)
    assert other.stop(timeouts=AT_ONCE).step == "terminate"


@case("a QEMU without the disk answers on the sockets, whose directory is a link", quick=True)
def stranger_through_a_link(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in(disk_mode="no", record=False)
    link = bench.root / "link"
    link.symlink_to(bench.workspace.runtime)
    other = Cluster(data_dir=bench.workspace.data, runtime_dir=link, cluster_id="a", arch="amd64")
    vm = other.status()
    assert vm is not None
    assert vm.state is State.IN_USE
    assert f"process {child.pid}" in (vm.problem or "")
    child.kill()
    child.wait()
    bench.files.console.unlink()


@case("another user's socket looks like a line about QEMU's in what the kernel tells", quick=True)
def forged_line(bench: Bench) -> None:
    bench.create()
    child = bench.stand_in()
    (inode,) = (number for number, paths in unix_listeners().items() if str(bench.files.console) in paths)
    directory = Path.cwd()
    os.chdir(bench.root)
    bench.defer(lambda: os.chdir(directory))
    for number in range(20):  # some of them come after the true one
        server = socket.socket(socket.AF_UNIX)
        bench.defer(server.close)
        server.bind(f"{number}\n0: 0 0 00010000 0 0 {inode} elsewhere")
        server.listen()
    assert (bench.state(), bench.seen().pid) == (State.RUNNING, child.pid)
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"


@case("the file system tells no time of birth, and devices have other numbers since a reboot", quick=True)
def device_renumbered(bench: Bench) -> None:
    bench.create()
    files = bench.files
    update_settings(files, cpus="7")
    files.known_hosts.parent.mkdir(parents=True, exist_ok=True)
    trust(files.known_hosts, files.stem, "ssh-ed25519 AAAA")
    files.kept_user_data.write_text("#cloud-config")
    disk = file_identity(files.image)
    assert disk is not None
    kept = json.loads(files.settings.read_text())
    for former in (f"{disk.inode}:dev1", disk._replace(born=None).key):
        files.settings.write_text(json.dumps({**kept, "disk": former}))
        assert read_settings(files).cpus == "7"
        claim(files)
        assert (read_settings(files).cpus, files.kept_user_data.read_text()) == ("7", "#cloud-config")
        assert read_host_keys(files.known_hosts).keys == ("ssh-ed25519 AAAA",)
    assert json.loads(files.settings.read_text())["disk"] == disk.key
    files.kept_user_data.unlink()


@case("settings that can't be read, or not be understood, are not replaced by a start", quick=True)
def settings_unreadable(bench: Bench) -> None:
    bench.create()
    files = bench.files
    update_settings(files, cpus="7")
    elsewhere = bench.root / "settings.json"
    files.settings.rename(elsewhere)
    files.settings.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    for change in (lambda: claim(files), lambda: update_settings(files, memory="1G")):
        with refused(CorruptFile, "is a symbolic link"):
            change()
    assert files.settings.is_symlink()
    assert elsewhere.read_bytes() == before
    files.settings.unlink()
    files.settings.write_text('{"cpus": "7",}')
    claim(files)
    assert files.settings.read_text() == '{"cpus": "7",}'
    update_settings(files, memory="1G")
    assert read_settings(files).memory == "1G"


@case("nothing can be written beside the settings of a disk that is known", quick=True)
def settings_read_only(bench: Bench) -> None:
    bench.create()
    claim(bench.files)
    bench.files.settings_lock.unlink(missing_ok=True)
    bench.files.settings_lock.mkdir()
    claim(bench.files)
    bench.files.settings_lock.rmdir()


@case("a disk was removed under a running QEMU, and is to be made again", needs="qemu", quick=True)
def made_again(bench: Bench) -> None:
    bench.create()
    pid = bench.start()
    source = bench.machine("source")
    bench.create(source)
    bench.unguard(bench.files.image)
    bench.files.image.unlink()
    for spec in (EMPTY_DISK, CreateSpec(source="source")):
        with refused(AlreadyRunning, f"is running as process {pid}", "stop it"):
            bench.cluster.create(spec)
    assert not bench.files.image.exists()
    assert (bench.state(), bench.seen().pid) == (State.RUNNING, pid)
    assert bench.cluster.stop(timeouts=AT_ONCE).step == "terminate"
    bench.create()


SEEN_AND_STOPPED = """
import sys
from podplane_tui.backend import Cluster, StopTimeouts
cluster = Cluster(data_dir=sys.argv[1], runtime_dir=sys.argv[2], cluster_id="a", arch="amd64")
vm = cluster.status()
print(vm.state, vm.pid, flush=True)
print(cluster.stop(timeouts=StopTimeouts(powerdown=0, terminate=60)).step)
"""


@case("a QEMU with capabilities of its own, of which the system tells nothing", needs="root", quick=True)
def hidden(bench: Bench) -> None:
    """Root that may not look into other processes stands for a user."""
    bench.create()
    other = bench.machine("b")
    bench.create(other)
    child = bench.stand_in(sockets=True, hidden=True)
    rights = "-sys_ptrace,-dac_override,-dac_read_search"
    command = ("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", sys.executable, "-c", SEEN_AND_STOPPED)
    directories = (str(bench.workspace.data), str(bench.workspace.runtime))
    result = subprocess.run(
        [*command, *directories], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert result.stdout.splitlines() == [f"running {child.pid}", "terminate"], (result.stdout, result.stderr)
    child.wait(10)
