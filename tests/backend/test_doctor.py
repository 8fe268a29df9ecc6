"""What `examine` finds on hosts that lack something."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import BaseDirectories, base_directories
from podplane_tui.backend.doctor import Check, Status, examine
from podplane_tui.backend.host.facts import HostFacts

FACTS = HostFacts("linux", "amd64", kvm_device=True, cpu_virtualization=True, hvf=False)


class Host:
    """A home directory, a PATH of its own, and the checks made with them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin = root / "bin"
        self.bin.mkdir()
        monkeypatch.setenv("PATH", str(self.bin))
        self.environ: dict[str, str] = {"HOME": str(root / "home")}
        (root / "home").mkdir()

    @property
    def directories(self) -> BaseDirectories:
        return base_directories(self.environ, "linux")

    def program(self, name: str, output: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\necho '{output}'\n")
        path.chmod(0o755)

    def all_programs(self, *, qemu: str = "9.2.0", rsync: str = "3.4.1") -> None:
        self.program("qemu-system-x86_64", f"QEMU emulator version {qemu}")
        self.program("qemu-img", f"qemu-img version {qemu}")
        self.program("rsync", f"rsync  version {rsync}  protocol version 32")
        self.program("ssh", "OpenSSH_9.9p1, OpenSSL 3.0.1")

    def checks(
        self, *, arch: str = "amd64", environ: Mapping[str, str] | None = None, facts: HostFacts = FACTS
    ) -> dict[str, Check]:
        found = examine(self.directories, arch=arch, environ={**self.environ, **(environ or {})}, facts=facts)
        by_name = {check.name: check for check in found}
        assert len(by_name) == len(found), "two checks share a name"
        return by_name


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_a_complete_host_has_nothing_to_say(host: Host) -> None:
    host.all_programs()
    host.program("podplane", "podplane v1.2.3")
    checks = host.checks()
    # What this machine itself decides: its firmware, its free space, how deep the test's directory is.
    others = checks.keys() - {"firmware", "data", "socket paths"}
    wrong = {name: checks[name] for name in others if checks[name].status is not Status.OK}
    assert wrong == {}
    assert checks["podplane"].detail.startswith("1.2.3")
    assert checks["accelerator"].detail == "kvm"


def test_looking_makes_nothing(host: Host) -> None:
    host.all_programs()
    host.checks()
    assert list(Path(host.environ["HOME"]).iterdir()) == []


def test_missing_programs_fail_only_where_nothing_works_without_them(host: Host) -> None:
    checks = host.checks()
    assert checks["qemu-system-x86_64"].status is Status.FAIL
    assert checks["qemu-img"].status is Status.FAIL
    assert checks["rsync"].status is Status.WARN
    assert checks["ssh"].status is Status.WARN
    assert all(checks[name].advice for name in ("qemu-system-x86_64", "qemu-img", "rsync", "ssh"))


def test_the_other_architecture_needs_the_other_qemu(host: Host) -> None:
    host.all_programs()
    checks = host.checks(arch="arm64")
    assert checks["qemu-system-aarch64"].status is Status.FAIL
    assert "qemu-system-x86_64" not in checks
    assert checks["accelerator"].status is Status.WARN
    assert "arm64" in checks["accelerator"].detail


def test_what_podplane_needs_never_fails_us(host: Host) -> None:
    host.all_programs(qemu="7.2.22", rsync="2.6.9")
    checks = host.checks()
    assert checks["qemu-system-x86_64"].status is Status.OK
    assert checks["rsync"].status is Status.OK
    assert checks["qemu for podplane"].status is Status.WARN
    assert "9 or newer" in checks["qemu for podplane"].detail
    assert checks["rsync for podplane"].status is Status.WARN
    assert checks["podplane"].status is Status.WARN


@pytest.mark.parametrize("version", ["9.0.0", "10.1.2"])
def test_versions_are_compared_as_numbers(host: Host, version: str) -> None:
    host.all_programs(qemu=version)
    assert host.checks()["qemu for podplane"].status is Status.OK


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (HostFacts("linux", "amd64", kvm_device=True, cpu_virtualization=False, hvf=False), "vmx"),
        (HostFacts("linux", "arm64", kvm_device=True, cpu_virtualization=True, hvf=False), "arm64"),
        (HostFacts("darwin", "amd64", kvm_device=False, cpu_virtualization=False, hvf=False), "macOS"),
    ],
)
def test_emulation_is_explained(host: Host, facts: HostFacts, word: str) -> None:
    check = host.checks(facts=facts)["accelerator"]
    assert check.status is Status.WARN
    assert word in check.detail


def test_the_accelerator_variable_is_named(host: Host) -> None:
    check = host.checks(environ={"PODPLANE_TUI_ACCEL": "tcg"})["accelerator"]
    assert (check.status, "PODPLANE_TUI_ACCEL" in check.detail) == (Status.OK, True)
    check = host.checks(environ={"PODPLANE_TUI_ACCEL": "warp"})["accelerator"]
    assert (check.status, "PODPLANE_TUI_ACCEL" in check.advice) == (Status.FAIL, True)


def test_what_the_accelerator_variable_names_is_checked(host: Host) -> None:
    def check(name: str, facts: HostFacts = FACTS) -> tuple[Status, str, str]:
        found = host.checks(environ={"PODPLANE_TUI_ACCEL": name}, facts=facts)["accelerator"]
        return found.status, found.detail, found.advice

    assert check("kvm") == (Status.OK, "kvm, as PODPLANE_TUI_ACCEL says", "")  # QEMU is not installed: told elsewhere
    host.program("qemu-system-x86_64", "Accelerators supported in QEMU binary:\ntcg\nkvm")
    assert check("kvm") == (Status.OK, "kvm, as PODPLANE_TUI_ACCEL says", "")
    assert check("hvf") == (
        Status.FAIL,
        "hvf, as PODPLANE_TUI_ACCEL says: this QEMU was built without it",
        "unset PODPLANE_TUI_ACCEL, or use kvm or tcg",
    )
    foreign = HostFacts("linux", "arm64", kvm_device=True, cpu_virtualization=True, hvf=False)
    assert check("kvm", foreign) == (
        Status.FAIL,
        "kvm, as PODPLANE_TUI_ACCEL says: the VMs are amd64, this host is arm64",
        "unset PODPLANE_TUI_ACCEL",
    )
    assert check("auto", foreign)[0] is Status.WARN
    host.program("qemu-system-x86_64", "Accelerators supported in QEMU binary:\nxen\nkvm")
    assert check("tcg")[0] is Status.FAIL


def test_windows_is_not_supported_and_says_so(host: Host) -> None:
    facts = HostFacts("win32", "amd64", kvm_device=False, cpu_virtualization=True, hvf=False)
    assert host.checks(facts=facts)["system"].status is Status.FAIL


def test_directories_are_shown_with_their_modes(host: Host) -> None:
    runtime = host.directories.runtime
    runtime.mkdir(parents=True)
    runtime.chmod(0o750)
    check = host.checks()["runtime"]
    assert (check.status, "0750" in check.detail) == (Status.OK, True)
    runtime.chmod(0o777)
    check = host.checks()["runtime"]
    assert check.status is Status.WARN
    assert "chmod" in check.advice


def test_a_file_where_a_directory_should_be_fails(host: Host) -> None:
    data = host.directories.data
    data.parent.mkdir(parents=True)
    data.touch()
    assert host.checks()["data"].status is Status.FAIL


def test_a_dangling_link_where_a_directory_should_be_fails(host: Host) -> None:
    data = host.directories.data
    data.parent.mkdir(parents=True)
    data.symlink_to("nowhere")
    assert host.checks()["data"].status is Status.FAIL


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any directory")
def test_a_directory_one_may_not_write_to_fails(host: Host) -> None:
    data = host.directories.data
    data.mkdir(parents=True)
    data.chmod(0o555)
    assert host.checks()["data"].status is Status.FAIL


def test_a_long_runtime_directory_warns_before_any_socket_is_made(host: Host) -> None:
    host.environ["XDG_RUNTIME_DIR"] = "/r" + "x" * 20
    assert host.checks()["socket paths"].status is Status.OK
    host.environ["XDG_RUNTIME_DIR"] = "/r" + "x" * 40
    assert host.checks()["socket paths"].status is Status.WARN
    host.environ["XDG_RUNTIME_DIR"] = "/r" + "x" * 100
    assert host.checks()["socket paths"].status is Status.FAIL


def test_the_socket_path_limit_is_the_kernels(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest path that is called good can really be bound."""
    detail = host.checks()["socket paths"].detail
    limit = int(detail.split()[-2])
    monkeypatch.chdir(tmp_path)
    relative = "s" * limit
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(relative)
    with socket.socket(socket.AF_UNIX) as server, pytest.raises(OSError, match="too long"):
        server.bind("s" * (limit + 1))


def test_a_key_others_may_read_fails(host: Host) -> None:
    identity = host.directories.data / "ssh" / "id_ed25519"
    assert host.checks()["SSH key"].status is Status.OK
    identity.parent.mkdir(parents=True)
    identity.write_text("key")
    identity.chmod(0o644)
    check = host.checks()["SSH key"]
    assert (check.status, check.advice) == (Status.FAIL, f"chmod 600 {identity}")
    identity.chmod(0o600)
    checks = host.checks()
    assert checks["SSH key"].status is Status.OK
    assert checks["public key"].status is Status.WARN
    identity.with_name("id_ed25519.pub").write_text("key")
    assert "public key" not in host.checks()


def test_a_key_that_is_no_file_fails(host: Host) -> None:
    (host.directories.data / "ssh" / "id_ed25519").mkdir(parents=True)
    assert host.checks()["SSH key"].status is Status.FAIL


def test_the_local_server_is_told_from_its_leftovers(host: Host) -> None:
    path = host.directories.runtime / "local-server.json"
    path.parent.mkdir(parents=True)
    assert host.checks()["local server"].detail == "not running"

    program = host.bin / "podplane"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(flush=True)\nsys.stdin.read()\n")
    program.chmod(0o755)
    command = [str(program), "local", "server", "--background"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        path.write_text(f'{{"pid":{server.pid},"data":{{"http_port":"4080","https_port":"4443"}}}}')
        check = host.checks()["local server"]
        assert (check.status, "4080" in check.detail, "4443" in check.detail) == (Status.OK, True, True)

    path.write_text(f'{{"pid":{os.getpid()},"data":null}}')  # a number that another process has got
    check = host.checks()["local server"]
    assert (check.status, f"process {os.getpid()} is" in check.detail) == (Status.WARN, True)

    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    path.write_text(f'{{"pid":{gone.pid},"data":null}}')
    assert "left over" in host.checks()["local server"].detail

    path.write_bytes(b"\x00\x1b[31m")
    assert host.checks()["local server"].status is Status.WARN
    path.unlink()
    os.mkfifo(path)
    assert host.checks()["local server"].status is Status.WARN
