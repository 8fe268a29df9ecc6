"""Pure: what a machine should be → QEMU's argument vector and kernel command line, and back from a running vector.

With podplane's own inputs alone the vectors are exactly those of its `qemu` package; what we add appears only when the
keyword for it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import InvalidInput, Unsupported

NET_SUBNET = "192.168.1.0"
NET_MASK = "255.255.255.0"
NET_CIDR = "192.168.1.0/24"
NET_START = "192.168.1.1"
NET_END = "192.168.1.20"
NET_MACPREFIX = "52:52:00:00:00:"

DEFAULT_CPUS = "2"
DEFAULT_MEMORY = "4G"

_BINARIES = {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}
_MACHINES = {"amd64": ("q35,accel={}", "kvm"), "arm64": ("virt,accel={},highmem=on", "hvf")}
_EMULATED_CPUS = {"amd64": "max", "arm64": "max,pauth-impdef=on"}
"""Arm's own algorithm of pointer authentication makes a guest boot four times as long under QEMU: use QEMU's own."""
_NICS = {"amd64": "user,model=virtio-net-pci", "arm64": "user"}
_BIOSES = {"amd64": "/usr/share/OVMF/OVMF_CODE_4M.fd", "arm64": "/opt/homebrew/share/qemu/edk2-aarch64-code.fd"}

_MEMORY = re.compile(r"(\d{1,9})([bkmgt]?)", re.IGNORECASE)
_UNITS = {"b": 1, "k": 2**10, "": 2**20, "m": 2**20, "g": 2**30, "t": 2**40}


class DirectBootOptions(NamedTuple):
    """A kernel, an initial RAM disk and a command line for QEMU's `-kernel`, `-initrd` and `-append`."""

    kernel_path: str
    initrd_path: str
    cmdline: str


class PortForward(NamedTuple):
    """One TCP port of the host that leads to one of the guest. An empty address means every interface."""

    host_bind_address: str
    host_port: int
    guest_port: int


class FirmwareDrives(NamedTuple):
    """UEFI firmware as two flash drives: code, shared and read-only, and this machine's own variables.

    The formats are QEMU's names of disk formats: `raw`, or `qcow2` as some distributions ship it.
    """

    code: Path
    variables: Path | None = None
    code_format: str = "raw"
    variables_format: str = "raw"


def net_mac_address(suffix: str) -> str:
    """The MAC address that ends in `suffix`; one character gets a leading zero."""
    return NET_MACPREFIX + (f"0{suffix}" if len(suffix) == 1 else suffix)


def qemu_binary(arch: str) -> str:
    """The name of the QEMU program for `arch`. Raises `Unsupported` for other than amd64 and arm64."""
    try:
        return _BINARIES[arch]
    except KeyError:
        raise Unsupported(f"the architecture {arch!r} is not supported", hint="use amd64 or arm64") from None


def qemu_required_binaries(arch: str) -> tuple[str, ...]:
    """The programs a machine of `arch` needs in PATH."""
    return (qemu_binary(arch), "qemu-img")


def normalize_kernel_cmdline(arch: str, raw: str) -> str:
    """`raw` without what a boot loader left in it and without duplicates, with what a serial guest needs appended."""
    tty = "ttyAMA0" if arch == "arm64" else "ttyS0"
    words = [word for word in raw.split() if not word.startswith("BOOT_IMAGE=") and word != "$vt_handoff"]
    words = list(dict.fromkeys(words))

    def present(key: str) -> bool:
        return any(word == key or word.startswith(f"{key}=") for word in words)

    if "rootwait" not in words:
        words.append("rootwait")
    if not present("systemd.firstboot"):
        words.append("systemd.firstboot=off")
    if not present("systemd.debug_shell"):
        words.append("systemd.debug_shell")
    if not present("systemd.default_debug_tty"):
        words.append(f"systemd.default_debug_tty={tty}")
    if not any(word.startswith("console=") for word in words):
        words += ["console=tty0", f"console={tty},115200n8"]
    return " ".join(words)


def quote_option(value: object) -> str:
    """`value` for a place inside one of QEMU's option lists, where a comma is written twice."""
    return str(value).replace(",", ",,")


def validate_cpus(cpus: str) -> str:
    """`cpus` when it is a whole number from 1 to 255 or empty (the default), else `InvalidInput`."""
    if cpus and not (cpus.isascii() and cpus.isdigit() and len(cpus) < 5 and 1 <= int(cpus) <= 255):
        raise InvalidInput(f"invalid number of CPUs {cpus[:40]!r}", hint="use a whole number from 1 to 255")
    return cpus


def parse_memory(memory: str) -> int:
    """Bytes of a QEMU memory size such as `4G`, `512M` or `2048` (mebibytes). Raises `InvalidInput`."""
    match = _MEMORY.fullmatch(memory)
    size = int(match[1]) * _UNITS[match[2].lower()] if match else 0
    if size < 2**20:
        raise InvalidInput(f"invalid memory size {memory[:40]!r}", hint="use a size of at least 1M, such as 512M or 4G")
    return size


def qemu_arguments(
    *,
    monitor: bool = False,
    arch: str,
    vm_image: str | Path,
    cloud_init_data_iso_path: str | Path,
    serial_console_path: str | Path,
    cpus: str = "",
    memory: str = "",
    direct_boot: DirectBootOptions | None = None,
    ports: Sequence[PortForward] = (),
    network: bool = True,
    accelerator: str | None = None,
    firmware: FirmwareDrives | None = None,
    console_log: Path | None = None,
    qmp_path: Path | None = None,
) -> list[str]:
    """QEMU's arguments, the program's name not among them.

    `accelerator` is `kvm`, `hvf` or `tcg`; without it podplane's own choice for the architecture stands. `firmware`
    replaces podplane's `-bios`. `console_log` is a file QEMU appends everything the serial console prints to,
    `qmp_path` a socket it answers QMP on. Raises `Unsupported` for other architectures than amd64 and arm64.
    """
    qemu_binary(arch)
    machine, default_accelerator = _MACHINES[arch]
    accelerator_in_use = accelerator or default_accelerator
    arguments = ["-machine", machine.format(accelerator_in_use)]
    if network:
        forwards = [f"hostfwd=tcp:{p.host_bind_address}:{p.host_port}-:{p.guest_port}" for p in ports]
        arguments += ["-nic", ",".join([_NICS[arch], *forwards])]
    else:
        arguments += ["-nic", "none"]
    arguments += ["-display", "none"]
    arguments += ["-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0"]
    arguments += ["-cpu", _EMULATED_CPUS[arch] if accelerator_in_use == "tcg" else "host"]
    arguments += ["-smp", cpus or DEFAULT_CPUS, "-m", memory or DEFAULT_MEMORY]
    if direct_boot is not None:
        arguments += ["-kernel", direct_boot.kernel_path, "-initrd", direct_boot.initrd_path]
        arguments += ["-append", normalize_kernel_cmdline(arch, direct_boot.cmdline)]
        arguments += ["-drive", f"file={quote_option(vm_image)},format=qcow2,if=virtio"]
    elif firmware is None:
        arguments += ["-bios", _BIOSES[arch], "-hda", str(vm_image)]
    else:
        drive = f"if=pflash,format={firmware.code_format},unit=0,readonly=on,file={quote_option(firmware.code)}"
        arguments += ["-drive", drive]
        if firmware.variables is not None:
            drive = f"if=pflash,format={firmware.variables_format},unit=1,file={quote_option(firmware.variables)}"
            arguments += ["-drive", drive]
        # -hda, but for the format: QEMU would guess it.
        arguments += ["-drive", f"file={quote_option(vm_image)},format=qcow2,index=0,media=disk"]
    arguments += ["-drive", f"file={quote_option(cloud_init_data_iso_path)},format=raw,if=virtio,media=cdrom"]
    serial = f"unix:{quote_option(serial_console_path)},server=on,wait=off"
    if console_log is not None:
        serial += f",logfile={quote_option(console_log)},logappend=on"
    arguments += ["-serial", serial]
    if qmp_path is not None:
        arguments += ["-qmp", f"unix:{quote_option(qmp_path)},server=on,wait=off"]
    if monitor:
        arguments += ["-monitor", "stdio"]
    return arguments


def split_option_list(text: str) -> list[str]:
    """The items of a QEMU option list, doubled commas undone: `a=1,b=x,,y` → `a=1`, `b=x,y`."""
    return [item.replace("\0", ",") for item in text.replace(",,", "\0").split(",")]


def option_values(arguments: Sequence[str], option: str) -> Iterator[str]:
    """The operand of every occurrence of `option`, spelled with one dash or two, in a QEMU argument vector."""
    spellings = {option, f"-{option}"}
    for name, operand in pairwise(arguments):
        if name in spellings:
            yield operand


def disks_of(arguments: Sequence[str]) -> Iterator[str]:
    """The paths of the disks a QEMU with these arguments has open as `-hda` or as a `-drive`; firmware is none."""
    yield from option_values(arguments, "-hda")
    for operand in option_values(arguments, "-drive"):
        items = split_option_list(operand)
        if "if=pflash" not in items:
            yield from (item.removeprefix("file=") for item in items if item.startswith("file="))


def log_of(arguments: Sequence[str]) -> str | None:
    """The file that everything the serial console prints is appended to, None when there is none."""
    for operand in option_values(arguments, "-serial"):
        for item in split_option_list(operand):
            if item.startswith("logfile="):
                return item.removeprefix("logfile=")
    return None


def socket_of(arguments: Sequence[str], option: str) -> str | None:
    """The path of the Unix socket that `-serial` or `-qmp` is bound to, None when it is not one."""
    for operand in option_values(arguments, option):
        first = split_option_list(operand)[0]
        if first.startswith("unix:"):
            return first.removeprefix("unix:")
    return None


class Machine(NamedTuple):
    """What the arguments of a running QEMU tell of it. Sizes in bytes; None where they don't say.

    Without `acpi`, as on arm64 without firmware, the guest finds its power button in the device tree and needs a driver
    of GPIO keys to hear it, which Debian's cloud kernel lacks.
    """

    cpus: int | None
    memory_bytes: int | None
    accelerator: str | None
    network: bool
    boot: DirectBootOptions | None
    console: Path | None
    qmp: Path | None
    console_log: Path | None
    acpi: bool


@lru_cache(maxsize=256)
def read_machine(arguments: tuple[str, ...]) -> Machine:
    """What `arguments` say, whoever started that QEMU; never raises. They do not change while it lives."""
    cpus = next(option_values(arguments, "-smp"), "")
    memory = next(option_values(arguments, "-m"), "")
    try:
        memory_bytes: int | None = parse_memory(memory)
    except InvalidInput:
        memory_bytes = None
    items = [item for operand in option_values(arguments, "-machine") for item in split_option_list(operand)]
    accelerator = next((item.removeprefix("accel=") for item in items[::-1] if item.startswith("accel=")), None)
    kernel, initrd, append = (next(option_values(arguments, name), "") for name in ("-kernel", "-initrd", "-append"))
    console, qmp, log = socket_of(arguments, "-serial"), socket_of(arguments, "-qmp"), log_of(arguments)
    return Machine(
        cpus=int(cpus) if cpus.isascii() and cpus.isdigit() and len(cpus) < 5 else None,
        memory_bytes=memory_bytes,
        accelerator=accelerator,
        network=next(option_values(arguments, "-nic"), "") != "none",
        boot=DirectBootOptions(kernel, initrd, append) if kernel else None,
        console=Path(console) if console else None,
        qmp=Path(qmp) if qmp else None,
        console_log=Path(log) if log else None,
        acpi=not (kernel and "virt" in items),
    )
