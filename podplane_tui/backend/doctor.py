"""Whether this host has what machines need, and what to do about what it lacks. Looks only: writes and starts nothing.

What podplane's own command line needs beyond that is told apart: it never makes a check of ours fail.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.paths import LOCAL_SERVER_FILE, BaseDirectories, VMFiles, socket_path_limit
from podplane_tui.backend.host.facts import (
    ACCELERATOR_VARIABLE,
    HostFacts,
    accelerator_fault,
    choose_accelerator,
    find_firmware,
    find_program,
    host_facts,
    install_hint,
    offered_accelerators,
    program_version,
)
from podplane_tui.backend.host.trust import weakness
from podplane_tui.backend.qemu.arguments import qemu_binary
from podplane_tui.backend.runtime.local_server import read_local_server

PODPLANE_MINIMUM = {"qemu": (9, 0), "rsync": (3, 0)}
"""The versions podplane's `local` commands demand."""

LOW_SPACE = 10 * 1024**3
"""Bytes of free space below which a growing machine disk soon fills the file system."""

_LONGEST_ID = "x" * 32


class Status(StrEnum):
    """How a check came out. `warn` is something to know that stops nothing of ours."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `group` gathers those that belong together, `advice` says what to do, empty when nothing is."""

    group: str
    name: str
    status: Status
    detail: str
    advice: str = ""


def examine(
    directories: BaseDirectories,
    *,
    arch: str,
    environ: Mapping[str, str] | None = None,
    facts: HostFacts | None = None,
) -> tuple[Check, ...]:
    """Every check for machines of `arch`, in the order they are to be shown. Never raises for what it finds."""
    environ = os.environ if environ is None else environ
    facts = host_facts() if facts is None else facts
    files = VMFiles(arch, _LONGEST_ID, directories.data, directories.runtime)
    return (
        *_programs(arch),
        _system(facts),
        _accelerator(arch, environ, facts),
        _firmware(arch),
        _directory("data", directories.data, space=True),
        _directory("runtime", directories.runtime, space=False),
        _directory("state", directories.own_state, space=False),
        _socket_path(files),
        *_keys(files.identity),
        *_podplane(arch),
        _local_server(directories.runtime),
    )


def _programs(arch: str) -> Iterator[Check]:
    uses = {
        qemu_binary(arch): "",
        "qemu-img": "",
        "ssh": "shell without a command and sync need it",
        "rsync": "sync needs it",
    }
    for name, use in uses.items():
        path = find_program(name)
        if path is None:
            status = Status.WARN if use else Status.FAIL
            yield Check("programs", name, status, f"not installed{use and ': '}{use}", install_hint(name))
            continue
        version = program_version(path, argument="-V" if name == "ssh" else "--version")
        if version is None:
            yield Check("programs", name, Status.WARN, f"{path} does not tell its version", f"try: {path} --version")
        else:
            yield Check("programs", name, Status.OK, f"{version}  {path}")


def _system(facts: HostFacts) -> Check:
    name = f"{platform.system() or facts.system} on {platform.machine()}, Python {platform.python_version()}"
    if facts.system.startswith("win"):
        return Check("host", "system", Status.FAIL, name, "use it inside WSL 2: Windows itself is not supported")
    return Check("host", "system", Status.OK, name)


def _accelerator(arch: str, environ: Mapping[str, str], facts: HostFacts) -> Check:
    try:
        accelerator = choose_accelerator("", arch, environ=environ, facts=facts)
    except VMError as error:
        return Check("host", "accelerator", Status.FAIL, str(error), f"mend or unset {ACCELERATOR_VARIABLE}")
    if environ.get(ACCELERATOR_VARIABLE, "auto") not in ("", "auto"):
        return _named_accelerator(accelerator, arch, facts)
    if accelerator != "tcg":
        return Check("host", "accelerator", Status.OK, accelerator)
    reason, advice = _why_emulation(arch, facts)
    return Check("host", "accelerator", Status.WARN, f"tcg (emulation in software, slow): {reason}", advice)


def _named_accelerator(accelerator: str, arch: str, facts: HostFacts) -> Check:
    """The one that the variable names: whether this QEMU has it, and it can run such a guest here."""
    detail = f"{accelerator}, as {ACCELERATOR_VARIABLE} says"
    qemu = find_program(qemu_binary(arch))
    offered = None if qemu is None else offered_accelerators(qemu)
    fault = accelerator_fault(accelerator, arch, facts=facts, offered=offered)
    if fault is None:
        return Check("host", "accelerator", Status.OK, detail)
    reason, advice = fault
    advice = f"unset {ACCELERATOR_VARIABLE}, or {advice}" if advice else f"unset {ACCELERATOR_VARIABLE}"
    return Check("host", "accelerator", Status.FAIL, f"{detail}: {reason}", advice)


def _why_emulation(arch: str, facts: HostFacts) -> tuple[str, str]:
    """Why the host's own accelerator is not used, and what would help."""
    own = {"darwin": "hvf", "linux": "kvm"}.get(facts.system, "")
    fault = accelerator_fault(own, arch, facts=facts, offered=None) if own else None
    return fault or ("there is no other for this system", "")


def _firmware(arch: str) -> Check:
    try:
        firmware = find_firmware(arch)
    except VMError as error:
        return Check("host", "firmware", Status.FAIL, str(error), "machines without a kernel of their own need it")
    return Check("host", "firmware", Status.OK, str(firmware.code))


def _directory(name: str, path: Path, *, space: bool) -> Check:
    """A directory that stands with what it allows, or the nearest one above it, in which it would be made."""
    standing = path
    while not os.path.lexists(standing) and standing != standing.parent:
        standing = standing.parent
    there = standing == path

    def check(status: Status, detail: str, advice: str = "") -> Check:
        return Check("directories", name, status, f"{path}  {detail}", advice)

    try:
        mode = standing.stat().st_mode
        free = shutil.disk_usage(standing).free
    except OSError as error:
        return check(Status.FAIL, f"can't be looked at: {error.strerror}", f"mend {standing}")
    if not stat.S_ISDIR(mode):
        return check(Status.FAIL, f"{standing} is not a directory", f"move {standing} away")
    if not os.access(standing, os.W_OK | os.X_OK):
        return check(Status.FAIL, f"{standing} is not writable", f"make {standing} writable for you")
    detail = f"mode {stat.S_IMODE(mode):04o}" if there else "not there yet, made when needed"
    found = weakness(path)
    if found is not None:
        return check(Status.WARN, f"{detail}: {found.problem}", found.command)
    if not space:
        return check(Status.OK, detail)
    detail += f", {free / 1024**3:.1f} GiB free"
    if free < LOW_SPACE:
        return check(Status.WARN, detail, "free some space: a machine's disk grows while it runs")
    return check(Status.OK, detail)


def _socket_path(files: VMFiles) -> Check:
    """With the longest id there may be, so that no later `create` comes to grief."""
    length = max(len(os.fsencode(path)) for path in (files.console, files.qmp))
    limit = socket_path_limit(sys.platform)
    detail = f"up to {length} bytes, {limit} allowed"
    if length <= limit:
        return Check("directories", "socket paths", Status.OK, detail)
    shortest = length - len(_LONGEST_ID) + 1
    status = Status.FAIL if shortest > limit else Status.WARN
    return Check("directories", "socket paths", status, detail, "choose a shorter runtime directory (XDG_RUNTIME_DIR)")


def _keys(identity: Path) -> Iterator[Check]:
    try:
        info = identity.lstat()
    except FileNotFoundError:
        yield Check("keys", "SSH key", Status.OK, f"{identity}  not there yet, made when needed")
        return
    except OSError as error:
        yield Check("keys", "SSH key", Status.FAIL, f"{identity} can't be looked at: {error.strerror}")
        return
    mode = stat.S_IMODE(info.st_mode)
    if not stat.S_ISREG(info.st_mode):
        yield Check("keys", "SSH key", Status.FAIL, f"{identity} is not a regular file", f"move {identity} away")
    elif mode & 0o077:
        detail = f"{identity}  mode {mode:04o}: others may read it, so ssh refuses it"
        yield Check("keys", "SSH key", Status.FAIL, detail, f"chmod 600 {identity}")
    else:
        yield Check("keys", "SSH key", Status.OK, f"{identity}  mode {mode:04o}")
    public = identity.with_name(identity.name + ".pub")
    if not public.is_file():
        advice = f"make it with: ssh-keygen -y -f {identity} > {public}"
        yield Check("keys", "public key", Status.WARN, f"{public} is missing", advice)


def _podplane(arch: str) -> Iterator[Check]:
    path = find_program("podplane")
    if path is None:
        advice = "install it to make and start clusters; machines can be watched and stopped without it"
        yield Check("podplane", "podplane", Status.WARN, "not installed", advice)
    else:
        version = program_version(path)
        yield Check("podplane", "podplane", Status.OK, f"{version}  {path}" if version else str(path))
    for what, program in (("qemu", qemu_binary(arch)), ("rsync", "rsync")):
        minimum = ".".join(map(str, PODPLANE_MINIMUM[what])).removesuffix(".0")
        found = find_program(program)
        version = program_version(found) if found else None
        if version is not None and _numbers(version) >= PODPLANE_MINIMUM[what]:
            yield Check("podplane", f"{what} for podplane", Status.OK, f"{version}, {minimum} or newer needed")
            continue
        detail = f"podplane's own local commands need {what} {minimum} or newer, here is {version or 'none'}"
        advice = f"install a newer {what} to use them" if version else install_hint(program)
        yield Check("podplane", f"{what} for podplane", Status.WARN, detail, advice)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("p", maxsplit=1)[0].split("."))


def _local_server(runtime_dir: Path) -> Check:
    def check(status: Status, detail: str, advice: str = "") -> Check:
        return Check("podplane", "local server", status, detail, advice)

    server, path = read_local_server(runtime_dir), runtime_dir / LOCAL_SERVER_FILE
    if server.running:
        ports = {"http": server.http_port, "https": server.https_port}
        told = ", ".join(f"{name} {port}" for name, port in ports.items() if port is not None)
        return check(Status.OK, f"process {server.pid}{told and ', ports: '}{told}")
    if server.problem:
        return check(Status.WARN, f"not running: {server.problem}", f"remove {path} when no podplane command runs")
    if os.path.lexists(path):
        return check(Status.OK, f"not running; {path} is left over")
    return check(Status.OK, "not running")
