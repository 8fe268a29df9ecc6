"""QEMU's last words → what they mean and what to do, naming who is in the way where that can be told."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil

from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.listeners import listeners

_PORT_TAKEN = "Could not set up host forwarding rule"
"""What QEMU says when it can't listen on one of its ports."""

_FORWARD = re.compile(_PORT_TAKEN + r" '(?:tcp|udp):[^:']*:(?P<port>\d{1,5})-")


class Diagnosis(NamedTuple):
    """What words of QEMU mean, "" where they say it themselves or nobody knows, and what to do about it."""

    meaning: str
    advice: str

    def explain(self, words: str) -> str:
        """The meaning, and QEMU's own words behind it."""
        return f"{self.meaning}: {words}" if self.meaning else words


# Patterns are of QEMU 5 to 10 on Linux and macOS; the first that matches counts.
_KNOWN: tuple[tuple[str, Diagnosis], ...] = (
    (
        r"[Cc]annot (?:set up guest memory|allocate memory)|cannot allocate|Cannot allocate",
        Diagnosis("there is not enough memory", "give the VM less (-m), or end other programs"),
    ),
    (
        r"[Ii]nvalid accelerator|KVM kernel module|[Ff]ailed to initialize (?:kvm|hvf|KVM|HVF)|HV_ERROR|HV_DENIED",
        Diagnosis("this accelerator does not work here", "use --accel tcg, or make it available"),
    ),
    (
        r"could not (?:open|load) kernel|could not load initrd|could not open",
        Diagnosis("", "check the paths of kernel and initrd"),
    ),
    (r"Could not open backing file|Could not open '.*No such file", Diagnosis("", "put the missing file back")),
    (r"Permission denied", Diagnosis("", "check who owns the file and its mode")),
    (r"[Nn]o space left", Diagnosis("", "free some space on that disk")),
    (r"device requires \d+ bytes", Diagnosis("the UEFI variables are broken", "repair the VM")),
    (r"[Ii]mage is corrupt|marked corrupt", Diagnosis("the disk is damaged", "repair the VM")),
    (r"CPUs|cpus|smp", Diagnosis("", "choose another number of CPUs (-c)")),
    (
        r"error while loading shared libraries|not found|exec",
        Diagnosis("QEMU's installation is broken", "install it again"),
    ),
)
_LOCKED = r"Failed to get .(?:write|shared .write|consistent read)\S* lock|another process using the image"
_UNKNOWN = Diagnosis("", "run podplane-tui doctor to check this host")


def says_port_is_taken(words: str) -> bool:
    """Whether QEMU's `words` say that another program has one of the ports it should forward."""
    return _PORT_TAKEN in words


def diagnose(words: str, image: Path) -> Diagnosis:
    """What it means that QEMU, or `qemu-img`, ended saying `words` about `image`."""
    if re.search(_LOCKED, words):
        return Diagnosis(f"{_who_has(image)} is using the disk", "end it first")
    if says_port_is_taken(words):
        return _who_listens(words)
    return next((known for pattern, known in _KNOWN if re.search(pattern, words)), _UNKNOWN)


def _who_has(image: Path) -> str:
    """Who has the disk open, where the system lets us see that."""
    try:
        wanted = image.stat()
    except OSError:
        return "another process"
    for process in psutil.process_iter():
        for handle in _open_files(process.pid):
            try:
                info = handle.stat()
            except OSError:
                continue
            if (info.st_dev, info.st_ino) == (wanted.st_dev, wanted.st_ino):
                return _called(process.pid)
    return "another process"


def _open_files(pid: int) -> list[Path]:
    if sys.platform == "linux":
        try:
            # psutil lists only files it can name; the links themselves lead to the file also when it was renamed
            return [Path(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]
        except OSError:
            return []
    try:
        return [Path(file.path) for file in psutil.Process(pid).open_files()]
    except psutil.Error:
        return []


def _who_listens(words: str) -> Diagnosis:
    match = _FORWARD.search(words)
    if match is None:
        return Diagnosis("a port that QEMU needs is taken", "end the program that has it")
    port = int(match["port"])
    return Diagnosis(f"port {port} is taken by {port_holder(port) or 'another program'}", "end it, or try again")


def port_holder(port: int) -> str | None:
    """Who listens on TCP port `port` of this host, None where that can't be told."""
    return (port_holders([port]) or {}).get(port)


def port_holders(ports: Iterable[int]) -> dict[int, str] | None:
    """Who listens on which of these TCP ports of this host; None where that can't be told. Blocks on every process."""
    try:
        pids = listeners(set(ports))
    except (psutil.Error, OSError):
        return None
    return {port: _called(pid) if pid else "another program" for port, pid in pids.items()}


def _called(pid: int) -> str:
    try:
        return f"process {pid} ({one_line(psutil.Process(pid).name(), limit=40)})"
    except psutil.Error:
        return f"process {pid}"
