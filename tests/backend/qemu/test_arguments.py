"""The argument vectors and command lines, against those made with the original package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.errors import InvalidInput, Unsupported
from podplane_tui.backend.qemu.arguments import (
    DirectBootOptions,
    FirmwareDrives,
    PortForward,
    disks_of,
    net_mac_address,
    normalize_kernel_cmdline,
    parse_memory,
    qemu_arguments,
    qemu_required_binaries,
    quote_option,
    read_machine,
    split_option_list,
    validate_cpus,
)
from tests.paths import VECTORS

CASES = [json.loads(line) for line in (VECTORS / "qemu_package.jsonl").read_text("utf-8").splitlines()]


def call(function: str, given_input: dict[str, Any]) -> Any:
    match function:
        case "qemu_arguments":
            boot, ports = given_input.pop("direct_boot"), given_input.pop("ports")
            return qemu_arguments(
                **given_input,
                direct_boot=DirectBootOptions(**boot) if boot else None,
                ports=[PortForward(**port) for port in ports],
            )
        case "normalize_kernel_cmdline":
            return normalize_kernel_cmdline(given_input["arch"], given_input["raw"])
        case "net_mac_address":
            return net_mac_address(given_input["suffix"])
        case "qemu_required_binaries":
            return list(qemu_required_binaries(given_input["arch"]))
    raise AssertionError(function)


@pytest.mark.parametrize("vector", CASES, ids=lambda v: v["function"])
def test_vector_of_the_original(vector: dict[str, Any]) -> None:
    assert call(vector["function"], dict(vector["input"])) == vector["expected"]


def test_every_function_has_vectors() -> None:
    assert {v["function"] for v in CASES} == {
        "qemu_arguments",
        "normalize_kernel_cmdline",
        "net_mac_address",
        "qemu_required_binaries",
    }


def arguments(**keywords: Any) -> list[str]:
    defaults: dict[str, Any] = {
        "arch": "amd64",
        "vm_image": "/d/a.qcow2",
        "cloud_init_data_iso_path": "/d/a.iso",
        "serial_console_path": "/r/a.sock",
    }
    return qemu_arguments(**(defaults | keywords))


def test_no_network_means_no_card_and_no_forwards() -> None:
    vector = arguments(network=False, ports=[PortForward("127.0.0.1", 1, 2)])
    assert vector[vector.index("-nic") + 1] == "none"
    assert not any("hostfwd" in item for item in vector)


@pytest.mark.parametrize(
    ("arch", "accelerator", "cpu"),
    [
        ("amd64", "kvm", "host"),
        ("amd64", "hvf", "host"),
        ("amd64", "tcg", "max"),
        ("arm64", "kvm", "host"),
        ("arm64", "hvf", "host"),
        ("arm64", "tcg", "max,pauth-impdef=on"),  # without it a guest takes four times as long to boot
    ],
)
def test_the_accelerator_decides_the_cpu_model(arch: str, accelerator: str, cpu: str) -> None:
    vector = arguments(arch=arch, accelerator=accelerator)
    assert f"accel={accelerator}" in split_option_list(vector[vector.index("-machine") + 1])
    assert vector[vector.index("-cpu") + 1] == cpu


def test_commas_are_doubled_in_option_lists_only() -> None:
    vector = arguments(
        vm_image="/a,b/d.qcow2",
        cloud_init_data_iso_path="/a,b/s.iso",
        serial_console_path="/a,b/c.sock",
        qmp_path=Path("/a,b/q.sock"),
        console_log=Path("/a,b/log"),
        firmware=FirmwareDrives(Path("/a,b/code"), Path("/a,b/vars")),
    )
    listed = [item for item in vector if "/a" in item]
    assert len(listed) == 6
    assert all("/a,,b/" in item for item in listed)
    assert list(disks_of(vector)) == ["/a,b/d.qcow2", "/a,b/s.iso"]  # the firmware is none
    podplanes = arguments(vm_image="/a,b/d.qcow2")
    assert podplanes[podplanes.index("-hda") + 1] == "/a,b/d.qcow2"
    assert vector[vector.index("-serial") + 1].endswith(",logfile=/a,,b/log,logappend=on")


def test_everything_of_ours_has_its_place_in_the_vector() -> None:
    vector = arguments(
        network=False,
        accelerator="tcg",
        firmware=FirmwareDrives(Path("/c"), Path("/v")),
        console_log=Path("/l"),
        qmp_path=Path("/q"),
    )
    assert vector == [
        *("-machine", "q35,accel=tcg", "-nic", "none", "-display", "none"),
        *("-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0"),
        *("-cpu", "max", "-smp", "2", "-m", "4G"),
        *("-drive", "if=pflash,format=raw,unit=0,readonly=on,file=/c"),
        *("-drive", "if=pflash,format=raw,unit=1,file=/v"),
        *("-drive", "file=/d/a.qcow2,format=qcow2,index=0,media=disk"),
        *("-drive", "file=/d/a.iso,format=raw,if=virtio,media=cdrom"),
        *("-serial", "unix:/r/a.sock,server=on,wait=off,logfile=/l,logappend=on"),
        *("-qmp", "unix:/q,server=on,wait=off"),
    ]
    machine = read_machine(tuple(vector))
    assert (machine.console, machine.qmp, machine.console_log) == (Path("/r/a.sock"), Path("/q"), Path("/l"))
    assert (machine.network, machine.boot) == (False, None)


def test_firmware_keeps_the_format_it_was_shipped_in() -> None:
    vector = arguments(firmware=FirmwareDrives(Path("/c"), Path("/v"), "qcow2", "qcow2"))
    drives = [item for item in vector if "if=pflash" in item]
    assert drives == [
        "if=pflash,format=qcow2,unit=0,readonly=on,file=/c",
        "if=pflash,format=qcow2,unit=1,file=/v",
    ]


def test_a_direct_boot_disk_is_a_drive_with_doubled_commas() -> None:
    vector = arguments(vm_image="/a,b/d.qcow2", direct_boot=DirectBootOptions("/k,1", "/i,1", ""))
    assert "file=/a,,b/d.qcow2,format=qcow2,if=virtio" in vector
    assert vector[vector.index("-kernel") + 1] == "/k,1"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_quoting_comes_back_as_it_was(text: str) -> None:
    assert split_option_list(f"a=1,file={quote_option(text)},b=2") == ["a=1", f"file={text}", "b=2"]


paths = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).map(lambda t: f"/{t}")


@given(paths, paths, st.booleans())
def test_a_running_machine_is_read_back(image: str, socket: str, direct: bool) -> None:
    vector = arguments(
        vm_image=image,
        serial_console_path=socket,
        cpus="3",
        memory="512M",
        accelerator="tcg",
        qmp_path=Path("/r/q.sock"),
        direct_boot=DirectBootOptions("/k", "/i", "quiet") if direct else None,
    )
    assert image in disks_of(vector)
    machine = read_machine(tuple(vector))
    assert (machine.cpus, machine.memory_bytes, machine.accelerator) == (3, 512 * 2**20, "tcg")
    assert str(machine.console) == str(Path(socket))
    assert machine.qmp == Path("/r/q.sock")


@pytest.mark.parametrize(
    ("arch", "direct", "acpi"),
    [("amd64", False, True), ("amd64", True, True), ("arm64", False, True), ("arm64", True, False)],
)
def test_arm64_without_firmware_has_no_acpi(arch: str, direct: bool, acpi: bool) -> None:
    boot = DirectBootOptions("/k", "/i", "quiet") if direct else None
    assert read_machine(tuple(arguments(arch=arch, direct_boot=boot))).acpi is acpi


@given(st.lists(st.text()))
def test_reading_any_arguments_never_raises(vector: list[str]) -> None:
    read_machine(tuple(vector))
    list(disks_of(vector))


def test_a_foreign_operand_is_no_disk_of_the_machine() -> None:
    assert list(disks_of(["qemu-img", "info", "/d/a.qcow2"])) == []


words = st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1)).map(" ".join)


@pytest.mark.slow
@given(st.sampled_from(["amd64", "arm64"]), words)
def test_normalising_a_command_line_twice_changes_nothing(arch: str, raw: str) -> None:
    once = normalize_kernel_cmdline(arch, raw)
    assert normalize_kernel_cmdline(arch, once) == once
    assert len(set(once.split())) == len(once.split())


@pytest.mark.parametrize(
    ("text", "size"), [("4G", 4 * 2**30), ("512m", 512 * 2**20), ("2048", 2**31), ("1t", 2**40), ("1024K", 2**20)]
)
def test_memory_sizes(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "0", "4Gi", "-1G", "1K", "4 G", "1048575b", "²G", "9" * 30, "4G\n"])
def test_memory_sizes_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="use a size"):
        parse_memory(text)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "256", "00256", "9" * 5000, "²", "1\n"])
def test_cpu_counts_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput, match=r": use a whole number from 1 to 255$"):
        validate_cpus(text)


@pytest.mark.parametrize("text", ["", "1", "255", "0002"])
def test_cpu_counts(text: str) -> None:
    assert validate_cpus(text) == text


def test_a_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidInput, match=r"^invalid number of CPUs '9{40}': use"):
        validate_cpus("9" * 50)
    with pytest.raises(
        InvalidInput, match=r"^invalid memory size 'x{40}': use a size of at least 1M, such as 512M or 4G$"
    ):
        parse_memory("x" * 50)


def test_the_end_of_a_mac_address_has_two_digits() -> None:
    assert (net_mac_address("7"), net_mac_address("1a")) == ("52:52:00:00:00:07", "52:52:00:00:00:1a")


def test_an_unknown_architecture_is_an_error() -> None:
    said = "^the architecture 'riscv64' is not supported: use amd64 or arm64$"
    with pytest.raises(Unsupported, match=said):
        arguments(arch="riscv64")
