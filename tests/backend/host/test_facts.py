"""The facts of a host: programs, accelerators, firmware."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import InvalidInput, MissingProgram
from podplane_tui.backend.host import facts as host
from podplane_tui.backend.host.facts import (
    Firmware,
    HostFacts,
    accelerator_fault,
    choose_accelerator,
    find_firmware,
    offered_accelerators,
)
from tests.conftest import missing


def program(directory: Path, name: str, script: str = "true") -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


# -- programs ---------------------------------------------------------------------------------------------------------


def test_a_program_is_found_in_path_and_only_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, "rsync")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.find_program("rsync") == path
    assert host.require_program("rsync") == path
    assert host.find_program("qemu-img") is None


@pytest.mark.parametrize(
    ("manager", "hint"),
    [
        ("apt-get", "apt-get install qemu-utils"),
        ("dnf", "dnf install qemu-img"),
        ("pacman", "pacman -S qemu-img"),
        ("brew", "brew install qemu"),
    ],
)
def test_a_missing_program_names_this_hosts_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: str, hint: str
) -> None:
    program(tmp_path, manager)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match=f"^qemu-img is not installed: install it with: .*{hint}$"):
        host.require_program("qemu-img")


def test_sudo_is_named_only_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "brew")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "sudo" not in host.install_hint("rsync")
    program(tmp_path, "dnf")
    assert "sudo dnf install rsync" in host.install_hint("rsync")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "sudo" not in host.install_hint("rsync")


def test_without_a_package_manager_the_package_is_still_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "qemu-system-x86" in host.install_hint("qemu-system-x86_64")
    assert "frobnicate" in host.install_hint("frobnicate")


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", "7.2.22"),
        ("rsync  version 3.2.7  protocol version 31", "3.2.7"),
        ("openrsync: protocol version 29\nrsync version 2.6.9 compatible", "2.6.9"),
        ("OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17 1 Jul 2025", "9.2p1"),
        ("podplane v0.12.1 (abcdef0)", "0.12.1"),
        ("no number at all", None),
    ],
)
def test_the_version_is_read_from_what_programs_print(tmp_path: Path, output: str, version: str | None) -> None:
    assert host.program_version(program(tmp_path, "it", f"cat <<'END' >&2\n{output}\nEND")) == version


def test_a_program_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"\x7fELF not really")
    path.chmod(0o755)
    assert host.program_version(path) is None
    assert host.program_version(tmp_path / "missing") is None


# -- accelerators -----------------------------------------------------------------------------------------------------

LINUX = HostFacts(system="linux", arch="amd64", kvm_device=True, cpu_virtualization=True, hvf=False)
MAC = HostFacts(system="darwin", arch="arm64", kvm_device=False, cpu_virtualization=True, hvf=True)


def test_auto_is_kvm_only_when_everything_speaks_for_it() -> None:
    for arch, device, flag in itertools.product(("amd64", "arm64"), (False, True), (False, True)):
        facts = HostFacts(system="linux", arch="amd64", kvm_device=device, cpu_virtualization=flag, hvf=False)
        expected = "kvm" if arch == "amd64" and device and flag else "tcg"
        for requested in ("", "auto"):
            assert choose_accelerator(requested, arch, environ={}, facts=facts) == expected


@pytest.mark.parametrize(
    ("facts", "arch", "expected"),
    [
        (MAC, "arm64", "hvf"),
        (MAC, "amd64", "tcg"),
        (HostFacts("darwin", "amd64", kvm_device=False, cpu_virtualization=False, hvf=True), "amd64", "hvf"),
        (HostFacts("darwin", "arm64", kvm_device=False, cpu_virtualization=True, hvf=False), "arm64", "tcg"),
        (HostFacts("linux", "arm64", kvm_device=True, cpu_virtualization=True, hvf=False), "arm64", "kvm"),
        (HostFacts("linux", "", kvm_device=True, cpu_virtualization=True, hvf=False), "amd64", "tcg"),
        (HostFacts("win32", "amd64", kvm_device=False, cpu_virtualization=True, hvf=False), "amd64", "tcg"),
    ],
)
def test_auto_on_other_systems(facts: HostFacts, arch: str, expected: str) -> None:
    assert choose_accelerator("auto", arch, environ={}, facts=facts) == expected


@pytest.mark.parametrize("name", ["kvm", "hvf", "tcg"])
def test_a_named_accelerator_is_taken_as_said(name: str) -> None:
    facts = HostFacts("linux", "", kvm_device=False, cpu_virtualization=False, hvf=False)
    assert choose_accelerator(name, "amd64", environ={"PODPLANE_TUI_ACCEL": "tcg"}, facts=facts) == name
    assert choose_accelerator("", "amd64", environ={"PODPLANE_TUI_ACCEL": name}, facts=facts) == name


def test_auto_in_the_variable_leaves_the_choice_to_the_host() -> None:
    assert choose_accelerator("", "amd64", environ={"PODPLANE_TUI_ACCEL": "auto"}, facts=LINUX) == "kvm"
    assert choose_accelerator("", "amd64", environ={"PODPLANE_TUI_ACCEL": ""}, facts=LINUX) == "kvm"


@pytest.mark.parametrize(
    ("accelerator", "facts", "arch", "words"),
    [
        ("kvm", LINUX, "amd64", None),
        ("kvm", LINUX, "arm64", "the VMs are arm64, this host is amd64"),
        ("kvm", MAC, "arm64", "only Linux has it"),
        ("kvm", replace(LINUX, cpu_virtualization=False), "amd64", "neither vmx nor svm"),
        ("kvm", replace(LINUX, kvm_device=False), "amd64", "/dev/kvm"),
        ("hvf", MAC, "arm64", None),
        ("hvf", replace(MAC, hvf=False), "arm64", "macOS offers no hypervisor"),
        ("hvf", LINUX, "amd64", "only macOS has it"),
        ("tcg", LINUX, "arm64", None),
        ("tcg", replace(LINUX, system="win32", arch=""), "amd64", None),
    ],
)
def test_whether_an_accelerator_can_run_a_guest(
    accelerator: str, facts: HostFacts, arch: str, words: str | None
) -> None:
    fault = accelerator_fault(accelerator, arch, facts=facts, offered=None)
    assert (fault is None) == (words is None)
    assert words is None or (fault is not None and words in fault[0])
    offered = frozenset({"xen"})
    assert accelerator_fault(accelerator, arch, facts=facts, offered=offered) == (
        "this QEMU was built without it",
        "use xen",
    )


def test_what_a_qemu_offers_is_asked(tmp_path: Path) -> None:
    program = tmp_path / "qemu"
    assert offered_accelerators(program) is None
    program.write_text(
        "#!/bin/sh\n[ \"$*\" = '-accel help' ] && printf 'Accelerators supported:\\ntcg\\nxen\\nkvm\\n'\n"
    )
    program.chmod(0o755)
    assert offered_accelerators(program) == frozenset({"tcg", "kvm"})
    program.write_text("#!/bin/sh\necho nonsense >&2; exit 1\n")
    assert offered_accelerators(program) is None


@pytest.mark.parametrize("name", ["KVM", "xen", "kvm,foo=1", "-x"])
def test_unknown_accelerators_are_refused_and_their_origin_named(name: str) -> None:
    with pytest.raises(InvalidInput, match="--accel"):
        choose_accelerator(name, "amd64", environ={}, facts=LINUX)
    with pytest.raises(InvalidInput, match="PODPLANE_TUI_ACCEL"):
        choose_accelerator("", "amd64", environ={"PODPLANE_TUI_ACCEL": name}, facts=LINUX)


def test_the_facts_of_this_host_hold_together() -> None:
    facts = host.host_facts()
    assert facts.system
    assert choose_accelerator("", "amd64", environ={}) in {"kvm", "hvf", "tcg"}
    if facts.arch == "amd64" and Path("/proc/cpuinfo").exists():
        words = Path("/proc/cpuinfo").read_text().split()
        assert facts.cpu_virtualization == ("vmx" in words or "svm" in words)


# -- firmware ---------------------------------------------------------------------------------------------------------


class Shelf:
    """A directory of descriptors with real files to point at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directories = (root / "share", root / "etc", root / "home")
        for directory in self.directories:
            directory.mkdir()

    def put(
        self,
        name: str,
        *,
        level: int = 0,
        architecture: str = "x86_64",
        machines: tuple[str, ...] = ("pc-i440fx-*", "pc-q35-*"),
        features: tuple[str, ...] = (),
        mapping: object = None,
        interfaces: tuple[str, ...] = ("uefi",),
    ) -> Firmware:
        code, variables = self.root / f"{level}-{name}.code", self.root / f"{level}-{name}.vars"
        code.touch()
        variables.touch()
        if mapping is None:
            mapping = {
                "device": "flash",
                "executable": {"filename": str(code), "format": "raw"},
                "nvram-template": {"filename": str(variables), "format": "qcow2"},
            }
        descriptor = {
            "description": name,
            "interface-types": list(interfaces),
            "mapping": mapping,
            "targets": [{"architecture": architecture, "machines": list(machines)}],
            "features": list(features),
            "tags": [],
        }
        (self.directories[level] / f"{name}.json").write_text(json.dumps(descriptor))
        return Firmware(code, variables, "raw", "qcow2")

    def find(self, arch: str = "amd64") -> Firmware:
        return find_firmware(arch, directories=self.directories)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_the_first_name_wins_whatever_the_directory(shelf: Shelf) -> None:
    shelf.put("60-b")
    first = shelf.put("50-a", level=1)
    shelf.put("70-c", level=2)
    assert shelf.find() == first


def test_a_descriptor_hides_its_namesake_below(shelf: Shelf) -> None:
    shelf.put("50-a", level=0)
    shelf.put("50-a", level=1)
    highest = shelf.put("50-a", level=2)
    assert shelf.find() == highest


def test_an_empty_descriptor_only_hides(shelf: Shelf) -> None:
    shelf.put("50-a")
    other = shelf.put("60-b")
    (shelf.directories[2] / "50-a.json").touch()
    assert shelf.find() == other


def test_firmware_that_needs_smm_is_never_taken(shelf: Shelf) -> None:
    shelf.put("40-smm", features=("requires-smm", "secure-boot"))
    with pytest.raises(MissingProgram, match="UEFI firmware for amd64"):
        shelf.find()


def test_secure_boot_comes_last(shelf: Shelf) -> None:
    keyed = shelf.put("10-keyed", features=("enrolled-keys", "secure-boot"))
    assert shelf.find() == keyed
    plain = shelf.put("90-plain", features=("acpi-s3",))
    assert shelf.find() == plain


def test_each_architecture_and_machine_gets_its_own(shelf: Shelf) -> None:
    shelf.put("10-bios", interfaces=("bios",))
    shelf.put("11-microvm", machines=("microvm",))
    shelf.put("12-pc", machines=("pc-i440fx-*",))
    intel = shelf.put("20-intel")
    arm = shelf.put("30-arm", architecture="aarch64", machines=("virt-*",))
    assert shelf.find("amd64") == intel
    assert shelf.find("arm64") == arm
    with pytest.raises(InvalidInput, match="riscv64"):
        shelf.find("riscv64")


def test_stateless_firmware_has_no_variables(shelf: Shelf) -> None:
    code = shelf.root / "code"
    code.touch()
    executable = {"filename": str(code), "format": "raw"}
    shelf.put("10-combined", mapping={"device": "flash", "mode": "combined", "executable": executable})
    shelf.put("20-memory", mapping={"device": "memory", "filename": str(code)})
    shelf.put("30-stateless", mapping={"device": "flash", "mode": "stateless", "executable": executable})
    assert shelf.find() == Firmware(code, None, "raw", "raw")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 50_000,
        b'{"interface-types": "uefi"}',
        b'{"interface-types": ["uefi"], "features": 7, "targets": {"a": 1}, "mapping": []}',
        b'{"interface-types": ["uefi"], "targets": [[], 3, {"architecture": "x86_64", "machines": [{}]}]}',
        b'{"interface-types": ["uefi"], "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}], '
        b'"mapping": {"device": "flash", "mode": ["split"], "executable": {"filename": 3}}}',
        b'{"interface-types": ["uefi"], "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}], '
        b'"mapping": {"device": "flash", "executable": {"filename": "/a\\u0000b", "format": "raw"}}}',
        b'{"interface-types": ["uefi"], "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}], '
        b'"mapping": {"device": "flash", "executable": {"filename": "relative.fd", "format": "raw"}}}',
        b" " * 100_000,
    ],
)
def test_a_broken_descriptor_is_passed_over(shelf: Shelf, content: bytes) -> None:
    good = shelf.put("60-good")
    (shelf.directories[0] / "10-broken.json").write_bytes(content)
    assert shelf.find() == good


def test_descriptors_that_are_no_files_are_passed_over(shelf: Shelf) -> None:
    good = shelf.put("60-good")
    (shelf.directories[0] / "10-directory.json").mkdir()
    os.mkfifo(shelf.directories[0] / "11-fifo.json")
    (shelf.directories[0] / "12-loop.json").symlink_to("12-loop.json")
    (shelf.directories[0] / "README").touch()
    assert shelf.find() == good


def test_firmware_whose_files_are_gone_is_passed_over(shelf: Shelf) -> None:
    gone = shelf.put("10-gone")
    gone.code.unlink()
    half = shelf.put("11-half")
    assert half.vars is not None
    half.vars.unlink()
    good = shelf.put("60-good")
    assert shelf.find() == good


def test_missing_firmware_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "apt-get")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(MissingProgram, match="ovmf"):
        find_firmware("amd64", directories=[tmp_path / "nothing"])
    with pytest.raises(MissingProgram, match="qemu-efi-aarch64"):
        find_firmware("arm64", directories=[tmp_path / "nothing"])


def test_the_directories_of_each_system() -> None:
    linux = host.firmware_directories({"HOME": "/home/u"}, system="linux")
    assert [str(path) for path in linux] == [
        "/usr/share/qemu/firmware",
        "/etc/qemu/firmware",
        "/home/u/.config/qemu/firmware",
    ]
    mac = host.firmware_directories(
        {"HOME": "/Users/u", "HOMEBREW_PREFIX": "/brew", "XDG_CONFIG_HOME": "/Users/u/cfg"}, system="darwin"
    )
    assert [str(path) for path in mac] == [
        "/usr/local/share/qemu/firmware",
        "/opt/homebrew/share/qemu/firmware",
        "/brew/share/qemu/firmware",
        "/etc/qemu/firmware",
        "/Users/u/cfg/qemu/firmware",
    ]


def test_this_hosts_firmware_is_readable() -> None:
    try:
        firmware = find_firmware("amd64")
    except MissingProgram as error:
        missing(str(error))
    assert firmware.code.read_bytes()
    assert firmware.vars is not None
    assert firmware.vars.read_bytes()
