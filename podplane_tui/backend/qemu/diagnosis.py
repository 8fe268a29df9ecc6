"""QEMU's last words → what to do about them, naming who is in the way where that can be told."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.listeners import listeners

_PORT_TAKEN = "Could not set up host forwarding rule"
"""What QEMU says when it can't listen on one of its ports."""

_FORWARD = re.compile(_PORT_TAKEN + r" '(?:tcp|udp):[^:']*:(?P<port>\d{1,5})-")

# Patterns are of QEMU 5 to 10 on Linux and macOS; the first that matches counts.
_ADVICE: tuple[tuple[str, str], ...] = (
    (r"Failed to get .(?:write|shared .write|consistent read)\S* lock|another process using the image", "lock"),
    (_PORT_TAKEN, "port"),
    (
        r"[Cc]annot (?:set up guest memory|allocate memory)|cannot allocate|Cannot allocate",
        "there is not enough memory: give the machine less (-m), or end other programs",
    ),
    (
        r"[Ii]nvalid accelerator|KVM kernel module|[Ff]ailed to initialize (?:kvm|hvf|KVM|HVF)|HV_ERROR|HV_DENIED",
        "this accelerator does not work here: use --accel tcg, or make it available",
    ),
    (r"could not (?:open|load) kernel|could not load initrd|could not open", "check the paths of kernel and initrd"),
    (r"Could not open backing file|Could not open '.*No such file", "put the missing file back"),
    (r"Permission denied", "check who owns the file and its mode"),
    (r"[Nn]o space left", "free some space on that disk"),
    (r"device requires \d+ bytes", "the UEFI variables are broken: repair the machine"),
    (r"[Ii]mage is corrupt|marked corrupt", "the disk is damaged: repair the machine"),
    (r"CPUs|cpus|smp", "choose another number of CPUs (-c)"),
    (r"error while loading shared libraries|not found|exec", "QEMU's installation is broken: install it again"),
)


def says_port_is_taken(words: str) -> bool:
    """Whether QEMU's `words` say that another program has one of the ports it should forward."""
    return _PORT_TAKEN in words


def advice(words: str, image: Path) -> str:
    """What to do after QEMU ended saying `words`; empty when nothing is known about them."""
    for pattern, answer in _ADVICE:
        if re.search(pattern, words):
            if answer == "lock":
                return _who_has(image)
            if answer == "port":
                return _who_listens(words)
            return answer
    return ""


def _who_has(image: Path) -> str:
    """The disk is in use: by whom, where the system lets us see that."""
    try:
        wanted = image.stat()
    except OSError:
        return "another process uses the disk: end it first"
    for process in psutil.process_iter():
        for handle in _open_files(process.pid):
            try:
                info = handle.stat()
            except OSError:
                continue
            if (info.st_dev, info.st_ino) == (wanted.st_dev, wanted.st_ino):
                return f"{_called(process.pid)} uses the disk: end it first"
    return "another process uses the disk: end it first"


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


def _who_listens(words: str) -> str:
    match = _FORWARD.search(words)
    if match is None:
        return "a port it needs is taken: end the program that has it"
    port = int(match["port"])
    holder = port_holder(port)
    return f"port {port} is taken by {holder or 'another program'}: end it, or try again"


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
