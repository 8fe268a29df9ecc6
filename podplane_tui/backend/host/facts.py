"""What this host offers: programs and how to install them, accelerators, UEFI firmware.

Firmware is found through QEMU's firmware descriptors (`docs/interop/firmware.json` of QEMU).
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend.core.errors import InvalidInput, MissingProgram

ACCELERATORS = ("auto", "kvm", "hvf", "tcg")
ACCELERATOR_VARIABLE = "PODPLANE_TUI_ACCEL"

_QEMU_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_MACHINES = {"amd64": "pc-q35-", "arm64": "virt-"}
_KVM = Path("/dev/kvm")
_MAX_DESCRIPTOR_BYTES = 64 * 1024

_UNUSABLE_FEATURES = frozenset({"requires-smm", "host-uefi-vars"})
"""What a descriptor's firmware would need from the machine and our argument vectors do not give."""

_KEYED_FEATURES = frozenset({"secure-boot", "enrolled-keys"})
"""Firmware that may refuse an unsigned kernel: taken only when there is no other."""

_INSTALL_COMMANDS = {
    "apt-get": "apt-get install",
    "dnf": "dnf install",
    "pacman": "pacman -S",
    "brew": "brew install",
}
_MANAGERS = tuple(_INSTALL_COMMANDS)

_PACKAGES: Mapping[str, tuple[str, str, str, str]] = {
    # program or firmware: its package under apt-get, dnf, pacman, brew
    "qemu-system-x86_64": ("qemu-system-x86", "qemu-system-x86", "qemu-system-x86", "qemu"),
    "qemu-system-aarch64": ("qemu-system-arm", "qemu-system-aarch64", "qemu-system-aarch64", "qemu"),
    "qemu-img": ("qemu-utils", "qemu-img", "qemu-img", "qemu"),
    "debugfs": ("e2fsprogs", "e2fsprogs", "e2fsprogs", "e2fsprogs"),
    "rsync": ("rsync", "rsync", "rsync", "rsync"),
    "ssh": ("openssh-client", "openssh-clients", "openssh", "openssh"),
    "UEFI firmware for amd64": ("ovmf", "edk2-ovmf", "edk2-ovmf", "qemu"),
    "UEFI firmware for arm64": ("qemu-efi-aarch64", "edk2-aarch64", "edk2-aarch64", "qemu"),
}

VERSION_PATIENCE = 30.0
"""Seconds a program may take to tell its version; a busy machine takes long to start one."""


def find_program(name: str) -> Path | None:
    """The program called `name` in PATH, or None."""
    found = shutil.which(name)
    return Path(found) if found else None


def install_hint(name: str) -> str:
    """One clause that says how to install `name`, a program or `UEFI firmware for <arch>`, on this host."""
    packages = _PACKAGES.get(name)
    if packages is None:
        return f"install {name} and make sure that PATH leads to it"
    for manager, package in zip(_MANAGERS, packages, strict=True):
        if find_program(manager):
            as_root = "sudo " if manager != "brew" and os.geteuid() != 0 else ""
            return f"install it with: {as_root}{_INSTALL_COMMANDS[manager]} {package}"
    return f"install it with this system's package manager (Debian's package is {packages[0]})"


def require_program(name: str) -> Path:
    """The program called `name`; `MissingProgram` with the way to install it when PATH has none."""
    path = find_program(name)
    if path is None:
        raise MissingProgram(f"{name} is not installed", hint=install_hint(name))
    return path


def program_version(path: Path, *, argument: str = "--version") -> str | None:
    """The version a program prints first when run with `argument`, such as `7.2.22`; None when it tells none."""
    try:
        return told_version(path, argument=argument)
    except subprocess.TimeoutExpired:
        return None


def told_version(
    path: Path, *, argument: str = "--version", environment: Mapping[str, str] | None = None
) -> str | None:
    """The same for who must know whether there was time to tell. Raises `subprocess.TimeoutExpired`."""
    try:
        result = subprocess.run(
            [path, argument],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=VERSION_PATIENCE,
            check=False,
        )
    except OSError:
        return None
    # openrsync names its protocol first and the version it stands in for on the second line
    match = re.search(r"(?<![\d.])\d+(?:\.\d+)+(?:p\d+)?", result.stdout.decode("utf-8", errors="replace"))
    return match[0] if match else None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What decides the accelerator. `system` is a `sys.platform` value, `arch` podplane's name or "" when it has none.

    `kvm_device`: /dev/kvm can be opened for reading and writing; `cpu_virtualization`: the CPU offers vmx or svm
    (always true off x86, which has no such flag); `hvf`: macOS says that its hypervisor can be used.
    """

    system: str
    arch: str
    kvm_device: bool
    cpu_virtualization: bool
    hvf: bool


def host_facts() -> HostFacts:
    """The facts of this host, asked anew."""
    machine = platform.machine().lower()
    arch = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine, "")
    return HostFacts(
        system=sys.platform,
        arch=arch,
        kvm_device=_opens_read_write(_KVM),
        cpu_virtualization=arch != "amd64" or bool(_cpu_flags(Path("/proc/cpuinfo")) & {"vmx", "svm"}),
        hvf=sys.platform == "darwin" and _hypervisor_support(),
    )


def _opens_read_write(device: Path) -> bool:
    try:
        handle = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    os.close(handle)
    return True


def _cpu_flags(cpuinfo: Path) -> frozenset[str]:
    try:
        match = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text(errors="replace"), re.MULTILINE)
    except OSError:
        return frozenset()
    return frozenset(match[1].split()) if match else frozenset()


def _hypervisor_support() -> bool:
    """`kern.hv_support` of macOS, which is 0 inside most virtual machines. Taken as given when it can't be asked."""
    try:
        answer = subprocess.run(
            ["sysctl", "-n", "kern.hv_support"], capture_output=True, text=True, timeout=5, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return True
    return answer.strip() != "0"


def choose_accelerator(
    requested: str,
    guest_arch: str,
    *,
    environ: Mapping[str, str] | None = None,
    facts: HostFacts | None = None,
) -> str:
    """`kvm`, `hvf` or `tcg` for a guest of `guest_arch` (`amd64` or `arm64`).

    An accelerator that is named is taken as said, whether or not this host has it: QEMU then tells. For `""` and
    `auto` the variable `PODPLANE_TUI_ACCEL` decides, and without it the host: hardware only runs guests of the host's
    own architecture. Raises `InvalidInput` for any other name. `environ` and `facts` default to this process's.
    """
    environ = os.environ if environ is None else environ
    for name, origin in ((requested, "--accel"), (environ.get(ACCELERATOR_VARIABLE, ""), ACCELERATOR_VARIABLE)):
        if name and name not in ACCELERATORS:
            raise InvalidInput(
                f"invalid accelerator {name[:40]!r} in {origin}", hint=f"use one of {', '.join(ACCELERATORS)}"
            )
        if name not in {"", "auto"}:
            return name
    return _best_accelerator(guest_arch, host_facts() if facts is None else facts)


def _best_accelerator(guest_arch: str, facts: HostFacts) -> str:
    if guest_arch != facts.arch:
        return "tcg"
    if facts.system.startswith("linux") and facts.kvm_device and facts.cpu_virtualization:
        return "kvm"
    if facts.system == "darwin" and facts.hvf:
        return "hvf"
    return "tcg"


def offered_accelerators(qemu: Path) -> frozenset[str] | None:
    """The accelerators that this QEMU was built with, by its own names; None when it does not tell."""
    try:
        result = subprocess.run(
            [qemu, "-accel", "help"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    words = result.stdout.decode("utf-8", errors="replace").split()
    return frozenset(words) & frozenset(ACCELERATORS) or None


def accelerator_fault(
    accelerator: str, guest_arch: str, *, facts: HostFacts, offered: frozenset[str] | None
) -> tuple[str, str] | None:
    """Why `accelerator` can't run a guest of `guest_arch` here, and what helps ("": nothing); None when it can.

    `offered` is what this QEMU was built with, None when that is not known.
    """
    if offered is not None and accelerator not in offered:
        return "this QEMU was built without it", f"use {' or '.join(sorted(offered))}"
    if accelerator == "tcg":
        return None
    if guest_arch != facts.arch:
        return f"the VMs are {guest_arch}, this host is {facts.arch or 'not'}", ""
    if accelerator == "hvf":
        if facts.system != "darwin":
            return "only macOS has it", ""
        return None if facts.hvf else ("macOS offers no hypervisor here, as is usual inside a virtual machine", "")
    if not facts.system.startswith("linux"):
        return "only Linux has it", ""
    if not facts.cpu_virtualization:
        return "the CPU offers neither vmx nor svm", "switch virtualization on in the firmware, or in the outer host"
    if facts.kvm_device:
        return None
    if not _KVM.exists():
        return f"there is no {_KVM}", "load the module kvm_intel or kvm_amd"
    return f"{_KVM} can't be opened", "add yourself to the group kvm and log in again"


@dataclass(frozen=True, slots=True)
class Firmware:
    """UEFI firmware as flash images: the code, shared and read-only, and the template of a machine's variables.

    `vars` is None for firmware that keeps no variables. The formats are QEMU's, `raw` or `qcow2`.
    """

    code: Path
    vars: Path | None
    code_format: str = "raw"
    vars_format: str = "raw"


def firmware_directories(
    environ: Mapping[str, str] | None = None, *, system: str = sys.platform, root: Path = Path("/")
) -> tuple[Path, ...]:
    """Where firmware descriptors stand, the least important first. `root` takes the place of `/`."""
    environ = os.environ if environ is None else environ
    shared = [root / "usr/share"]
    if system == "darwin":
        shared = [root / "usr/local/share", root / "opt/homebrew/share"]
    if environ.get("HOMEBREW_PREFIX"):
        shared.append(Path(environ["HOMEBREW_PREFIX"]) / "share")
    directories = [*dict.fromkeys(base / "qemu/firmware" for base in shared), root / "etc/qemu/firmware"]
    if environ.get("XDG_CONFIG_HOME"):
        directories.append(Path(environ["XDG_CONFIG_HOME"]) / "qemu/firmware")
    elif environ.get("HOME"):
        directories.append(Path(environ["HOME"]) / ".config/qemu/firmware")
    return tuple(directories)


def find_firmware(arch: str, *, directories: Sequence[Path] | None = None) -> Firmware:
    """The UEFI firmware for a machine of `arch` that QEMU's descriptors rank first.

    A descriptor hides those of the same name in less important directories (an empty one just hides them); the rest
    are ranked by name. Left out is what needs SMM, has no flash image of its own or whose files are missing; what has
    Secure Boot comes last. A descriptor that can't be understood is passed over. Raises `MissingProgram` when none is
    left, `InvalidInput` for an architecture other than `amd64` and `arm64`.
    """
    if arch not in _QEMU_ARCHITECTURES:
        raise InvalidInput(f"invalid architecture {arch[:40]!r}", hint="use amd64 or arm64")
    by_name: dict[str, Path] = {}
    for directory in firmware_directories() if directories is None else directories:
        by_name.update(_descriptors(directory))
    last_resort: Firmware | None = None
    for _name, path in sorted(by_name.items()):
        descriptor = _read_descriptor(path)
        firmware = _usable_firmware(descriptor, arch)
        if firmware is None:
            continue
        if _KEYED_FEATURES.isdisjoint(_strings(descriptor.get("features"))):
            return firmware
        last_resort = last_resort or firmware
    if last_resort is not None:
        return last_resort
    wanted = f"UEFI firmware for {arch}"
    raise MissingProgram(f"QEMU has no {wanted}", hint=install_hint(wanted))


def _descriptors(directory: Path) -> dict[str, Path]:
    try:
        return {path.name: path for path in directory.iterdir() if path.name.endswith(".json")}
    except OSError:
        return {}


def _read_descriptor(path: Path) -> dict[str, object]:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_DESCRIPTOR_BYTES:
            return {}
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _usable_firmware(descriptor: dict[str, object], arch: str) -> Firmware | None:
    if "uefi" not in _strings(descriptor.get("interface-types")):
        return None
    if not _UNUSABLE_FEATURES.isdisjoint(_strings(descriptor.get("features"))):
        return None
    targets = [_object(target) for target in _list(descriptor.get("targets"))]
    if not any(
        target.get("architecture") == _QEMU_ARCHITECTURES[arch]
        and any(machine.startswith(_MACHINES[arch]) for machine in _strings(target.get("machines")))
        for target in targets
    ):
        return None
    mapping = _object(descriptor.get("mapping"))
    mode = mapping.get("mode", "split")
    if mapping.get("device") != "flash" or mode not in ("split", "stateless"):
        return None
    code = _flash_file(mapping.get("executable"))
    template = _flash_file(mapping.get("nvram-template")) if mode == "split" else None
    if code is None or (mode == "split" and template is None):
        return None
    if template is None:
        return Firmware(code[0], None, code[1])
    return Firmware(code[0], template[0], code[1], template[1])


def _flash_file(value: object) -> tuple[Path, str] | None:
    entry = _object(value)
    name, image_format = entry.get("filename"), entry.get("format")
    if not isinstance(name, str) or image_format not in ("raw", "qcow2"):
        return None
    path = Path(name)
    try:
        usable = path.is_absolute() and path.is_file()
    except (OSError, ValueError):
        return None
    return (path, str(image_format)) if usable else None


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _strings(value: object) -> list[str]:
    return [item for item in _list(value) if isinstance(item, str)]
