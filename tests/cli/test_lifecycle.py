"""`create`, `start`, `restart`, `stop` and `delete`: what they refuse, make and remove."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.holders import Lock, image_lock
from podplane_tui.backend.qemu.arguments import DirectBootOptions
from podplane_tui.backend.runtime.directories import INSECURE_VARIABLE
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from podplane_tui.backend.vm.start import VM_ONLY_WARNING
from podplane_tui.cli.lifecycle import direct_boot
from tests.cli.support import Call, assert_needs_a_running_vm, assert_refused, files_below, make_disk, run
from tests.conftest import Workspace
from tests.waiting import wait_until


def test_create_asks_for_a_name_and_says_why(call: Call) -> None:
    assert_refused(call("create", "--image", "x"), 2, "--id", "podplane itself can't start")


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "directory", "fifo", "raw"])
def test_create_takes_qcow2_only_and_leaves_nothing(workspace: Workspace, call: Call, kind: str) -> None:
    image = workspace.root / "base.qcow2"
    match kind:
        case "text":
            image.write_text("hello\x1b[31m")
        case "empty":
            image.touch()
        case "directory":
            image.mkdir()
        case "fifo":
            os.mkfifo(image)
        case "raw":
            image.write_bytes(bytes(1 << 20))
    before = files_below(workspace.root)
    assert_refused(call("create", "--id", "dev", "--image", str(image)), 1, "base.qcow2")
    assert [name for name in files_below(workspace.root) if "image" in name] == []
    assert set(before) <= set(files_below(workspace.root))


def test_create_makes_an_overlay_once(workspace: Workspace, call: Call) -> None:
    base = workspace.root / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(base), "1G"], check=True)
    content = base.read_bytes()
    result = call("create", "--id", "dev", "--image", "base.qcow2", "--arch", "amd64", cwd=workspace.root)
    assert result.returncode == 0, result.stderr
    image = workspace.data / "vms" / "podplane-local-dev.amd64.image.qcow2"
    assert str(image) in result.stdout
    assert "podplane itself can't start" in result.stderr
    info = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", str(image)]))
    assert (info["virtual-size"], info["full-backing-filename"]) == (128 * 2**30, str(base))

    made = image.read_bytes()
    again = call("create", "--id", "dev", "--image", str(base), "--arch", "amd64")
    assert_refused(again, 1, "already has a disk")
    assert (image.read_bytes(), base.read_bytes()) == (made, content)


@pytest.mark.parametrize(("usual", "told"), [("amd64", "start --id dev --arch arm64 ("), ("arm64", "start --id dev (")])
def test_create_names_the_architecture_that_a_start_would_not_choose(
    workspace: Workspace, call: Call, usual: str, told: str
) -> None:
    result = call("create", "--id", "dev", "--image", "empty", "--arch", "arm64", environ={"PODPLANE_ARCH": usual})
    assert told in result.stderr


def test_create_takes_what_the_configuration_says_and_options_override_it(workspace: Workspace, call: Call) -> None:
    base = workspace.root / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(base), "1G"], check=True)
    (workspace.root / "seed.yaml").write_text("#cloud-config\n")
    config = workspace.root / "config" / "podplane-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    text = "image = '~/base.qcow2'\ndisk_size = '2G'\ncpus = 3\nmemory = '1G'\nuser_data = '~/seed.yaml'\n"
    config.write_text(f"[create]\n{text}")

    def made(cluster_id: str, *options: str) -> tuple[int, str, ClusterSettings]:
        result = call("create", "--id", cluster_id, "--arch", "amd64", *options)
        assert result.returncode == 0, result.stderr
        files = VMFiles("amd64", cluster_id, workspace.data, workspace.runtime)
        info = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", str(files.image)]))
        return info["virtual-size"], info.get("full-backing-filename", ""), read_settings(files)

    seed = str(workspace.root / "seed.yaml")
    assert made("one") == (2 * 2**30, str(base), ClusterSettings("3", "1G", seed))
    assert made("two", "--cpus", "1", "--disk-size", "3G") == (3 * 2**30, str(base), ClusterSettings("1", "1G", seed))
    assert made("copy", "--from", "two") == (3 * 2**30, str(base), ClusterSettings("1", "1G", seed))

    config.write_text(f"[create]\n{text}image = 3\n")
    assert_refused(call("create", "--id", "other"), 2, "not valid TOML")
    config.write_text("[create]\nuser_data = '~/gone.yaml'\n")
    assert_refused(call("create", "--id", "other", "--image", str(base)), 2, f"{workspace.root}/gone.yaml")


def test_start_needs_a_disk(call: Call) -> None:
    assert_refused(call("start", "--id", "dev"), 1, "no disk")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--cpus", "many", "number of CPUs 'many'"),
        ("--cpus", "0", "number of CPUs '0'"),
        ("--memory", "lots", "memory size 'lots'"),
        ("--memory", "4G,maxmem=8G", "memory size '4G,maxmem=8G'"),
        ("--accel", "warp", "'warp'"),
        ("--user-data", "/nowhere", "no user-data file /nowhere"),
    ],
)
def test_start_refuses_bad_values(workspace: Workspace, call: Call, option: str, value: str, words: str) -> None:
    make_disk(workspace)
    before = files_below(workspace.data / "vms")
    assert_refused(call("start", option, value), 2, words)
    assert files_below(workspace.data / "vms") == before
    assert workspace.qemu_processes() == []


@pytest.mark.slow
def test_start_without_qemu_says_what_to_install(workspace: Workspace) -> None:
    make_disk(workspace)
    assert_refused(run(workspace, "start", "--arch", "amd64", environ={"PATH": "/nonexistent"}), 1, "not installed")


def test_start_with_too_long_a_socket_path(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    runtime = workspace.root / ("r" * 100)
    assert_refused(call("start", "--runtime-dir", str(runtime)), 2, "socket path", "--runtime-dir")
    assert [path for path in runtime.rglob("*") if not path.is_dir()] == []


def test_delete_lists_and_needs_somebody_to_ask(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    assert_refused(call("delete"), 2, "--yes")
    assert image.exists()


def test_delete_with_yes_removes_what_it_lists(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    other = make_disk(workspace, "other")
    result = call("delete", "--yes")
    assert (result.returncode, result.stderr) == (0, "")
    assert str(image) in result.stdout
    assert (image.exists(), other.exists()) == (False, True)
    assert_refused(call("delete", "--yes"), 1, "there is no VM default")


def test_where_the_locks_can_not_be_asked_delete_needs_force(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make_disk(workspace)
    monkeypatch.setattr("podplane_tui.backend.vm.in_use.image_lock", lambda _: Lock.UNKNOWN)
    refused = call("delete", "--yes")
    assert refused.returncode == 1
    assert "can't be read; make sure that no program uses it, then add --force" in refused.stderr
    assert image.exists()
    assert call("delete", "--yes", "--force").returncode == 0
    assert not image.exists()


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "delete", "repair", "grow", "create"])
def test_every_verb_that_may_ask_for_force_takes_it(call: Call, verb: str) -> None:
    assert "whether another program uses the disk" in " ".join(call(verb, "--help").stdout.split())


@pytest.mark.slow
def test_a_disk_that_a_program_has_open_is_named_and_stays(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    with subprocess.Popen(["qemu-io", image], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: image_lock(image) is Lock.WRITER, what="the lock")
        words = f"qemu-io (process {process.pid}) has its disk open"
        assert "in use" in call("list").stdout
        assert words in call("status").stdout
        for verb in (["delete", "--yes"], ["start"], ["grow", "200G"], ["snapshot", "take", "a"]):
            assert_refused(call(*verb), 1, words)
        process.kill()
    assert image.exists()
    assert "stopped" in call("list").stdout


def test_stop_rm_of_a_stopped_machine_deletes_it(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    result = call("stop", "--rm")
    assert result.returncode == 0, result.stderr
    assert str(image) in result.stdout
    assert not image.exists()
    assert_refused(call("stop", "--rm"), 1, "there is no VM default")


def test_stop_rm_deletes_what_is_broken_or_has_no_disk(workspace: Workspace, call: Call) -> None:
    image = make_disk(workspace)
    image.write_bytes(b"junk")
    assert call("stop", "--rm").returncode == 0
    assert not image.exists()
    files = VMFiles("amd64", "default", workspace.data, workspace.runtime)
    files.efivars.write_bytes(b"left")
    assert call("stop", "--rm", "--arch", "amd64").returncode == 0
    assert not files.efivars.exists()


@pytest.mark.usefixtures("live_vm")
def test_a_copy_of_a_running_vm_is_refused_in_its_own_words(call: Call) -> None:
    assert_refused(call("create", "--from", "default", "--id", "copy", "--arch", "amd64"), 1, "default is running")


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "gone"), [("n\n", False), ("\n", False), ("", False), ("y\n", True)])
def test_delete_asks_with_no_as_the_default(workspace: Workspace, answer: str, gone: bool) -> None:
    image = make_disk(workspace)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "delete"],
        env=workspace.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        os.write(ours, answer.encode() or b"\x04")
        output, errors = process.communicate(timeout=60)
        os.close(ours)
    assert str(image) in output
    assert image.exists() is not gone
    assert process.returncode == (0 if gone else 1), errors


@pytest.mark.slow
def test_ctrl_c_at_the_question_deletes_nothing(workspace: Workspace) -> None:
    image = make_disk(workspace)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "delete"],
        env=workspace.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stderr is not None
        while process.stdout.read(1) != "?":
            assert process.poll() is None
        while process.poll() is None:
            # One that comes between Python's last look for signals and its read is only seen after that read.
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        errors = process.stderr.read()
        os.close(ours)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1] == "podplane-tui: interrupted"
    assert image.exists()


@pytest.mark.slow
def test_restart_warns_of_what_podplane_made(workspace: Workspace) -> None:
    config = workspace.data / "local" / "default" / "cluster.jsonc"
    config.parent.mkdir(parents=True)
    for warned in (False, True):
        result = subprocess.run(
            [sys.executable, "-m", "podplane_tui", "restart"],
            env=workspace.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 1  # it has no disk
        assert ("podplane made this cluster: with the VM alone" in result.stderr) is warned
        config.write_text("{}")


def test_stop_refuses_a_stopped_vm(workspace: Workspace, call: Call) -> None:
    assert_needs_a_running_vm(workspace, call, "stop", "default is not running")


def test_a_kernel_is_booted_with_its_initrd_whatever_folder_it_was_named_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kernel", "initrd"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    boot = direct_boot(Path("kernel"), Path("initrd"), None)
    assert boot == DirectBootOptions(str(here / "kernel"), str(here / "initrd"), "")
    assert direct_boot(Path("kernel"), Path("initrd"), "quiet") == boot._replace(cmdline="quiet")


def test_without_a_kernel_the_disk_is_booted() -> None:
    assert direct_boot(None, None, None) is None


@pytest.mark.parametrize(
    ("kernel", "initrd", "cmdline", "words"),
    [
        (None, None, "", "--cmdline is for a kernel"),
        ("kernel", None, None, "go together"),
        (None, "initrd", "quiet", "go together"),
        ("nowhere", "initrd", None, "--kernel: there is no file .*/nowhere"),
        ("kernel", "folder", None, "--initrd: there is no file .*/folder"),
    ],
)
def test_half_a_boot_is_refused(
    tmp_path: Path, kernel: str | None, initrd: str | None, cmdline: str | None, words: str
) -> None:
    for name in ("kernel", "initrd"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    paths = [None if name is None else tmp_path / name for name in (kernel, initrd)]
    with pytest.raises(click.UsageError, match=words):
        direct_boot(paths[0], paths[1], cmdline)


def test_firmware_and_a_kernel_exclude_each_other(call: Call) -> None:
    assert_refused(call("start", "--firmware", "--kernel", "/bin/true", "--initrd", "/bin/true"), 2, "--firmware")


@pytest.fixture
def made_by_podplane(workspace: Workspace, podplane: Path) -> Path:
    """The disk of a cluster that podplane, for which a program of ours stands in, has made."""
    image = make_disk(workspace)
    config = workspace.data / "local" / "default" / "cluster.jsonc"
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    return image


@pytest.mark.usefixtures("made_by_podplane")
def test_a_cluster_that_podplane_made_is_started_by_podplane(call: Call) -> None:
    path = {"PATH": os.environ["PATH"]}
    result = call("start", "--arch", "amd64", environ=path)
    assert (result.returncode, result.stderr) == (0, ""), result
    first, *lines = result.stdout.splitlines()
    assert first == "running podplane local start --id default"
    assert "Verifying dependencies..." in lines
    assert re.fullmatch(r"podplane-local-default is running as process \d+, SSH port 2222", lines[-1])
    assert_refused(call("delete", "--yes", "--arch", "amd64"), 1, "default is running as process", "stop it first")


@pytest.mark.usefixtures("made_by_podplane")
@pytest.mark.parametrize(
    ("options", "path", "reason"),
    [
        (["--vm-only"], None, ""),
        (["--accel", "warp"], None, ""),
        ([], "/nonexistent", " (podplane is not installed)"),
    ],
)
def test_what_the_vm_alone_lacks_is_said(call: Call, options: list[str], path: str | None, reason: str) -> None:
    environ = {"PATH": path or os.environ["PATH"], "PODPLANE_TUI_ACCEL": "warp"}
    result = call("start", "--arch", "amd64", *options, environ=environ)
    warning, refused = result.stderr.splitlines()
    assert warning == VM_ONLY_WARNING + reason
    assert ("qemu-system" if path else "warp") in refused
    assert "podplane local start" not in result.stdout


def test_where_others_may_write_a_start_is_refused_unless_told(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INSECURE_VARIABLE, "")  # whatever the option sets is taken back
    make_disk(workspace)
    workspace.data.chmod(0o757)
    start = ("start", "--arch", "amd64", "--accel", "warp")
    assert_refused(call(*start), 1, f"anybody may write to {workspace.data}", f"chmod o-w {workspace.data}")
    assert_refused(call(*start, "--insecure-directories"), 2, "accelerator 'warp'")
