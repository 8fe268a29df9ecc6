"""What the details say about a machine, line by line, and what of a line is worth copying."""

import os
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from textual.content import Content

from podplane_tui.backend.core.format import UNKNOWN, format_path, format_size, format_usage
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.ssh.client import ssh_command_line
from podplane_tui.backend.vm.endpoint import described
from podplane_tui.tui.state.history import SPAN, Point, plot
from podplane_tui.tui.widgets.vm_list.row import mark_of

_LABEL_WIDTH = 19
_PORT_WIDTH = len("127.0.0.1:65535 → 6443")
_ARGUMENT_LIMIT = 4000

GUEST_PORTS = {"ssh": 22, "kubernetes_api": 6443, "traefik_dashboard": 8080, "registry": 5000, "traefik_https": 443}


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file of a machine: what it is, where, and what is there (None: nothing)."""

    label: str
    path: Path
    size: int | None
    kind: str = ""


def file_facts(files: VMFiles) -> tuple[FileFact, ...]:
    """Look at every file a machine can have. Blocks on the disk; never raises."""
    return tuple(_look(label, path) for label, path in _named(files))


@lru_cache(maxsize=8)
def _named(files: VMFiles) -> tuple[tuple[str, Path], ...]:
    return (
        ("disk", files.image),
        ("seed", files.seed),
        ("UEFI variables", files.efivars),
        ("PID file", files.pid_file),
        ("console", files.console),
        ("QMP", files.qmp),
        ("QEMU log", files.qemu_log),
        ("state file", files.state_file),
        ("user-data", files.user_data),
    )


def _look(label: str, path: Path) -> FileFact:
    try:
        info = path.lstat()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        return FileFact(label, path, None, "none" if missing else os.strerror(error.errno or 0))
    if stat.S_ISSOCK(info.st_mode):
        return FileFact(label, path, None, "socket")
    if not stat.S_ISREG(info.st_mode):
        return FileFact(label, path, None, "not a regular file")
    return FileFact(label, path, info.st_blocks * 512 if label == "disk" else info.st_size)


def grouped_arguments(arguments: Sequence[str]) -> Iterator[str]:
    """QEMU's arguments as lines: an option with its value, the program first."""
    line: list[str] = []
    for index, argument in enumerate(arguments):
        if line and (argument.startswith("-") or index == 1):
            yield " ".join(line)
            line = []
        line.append(one_line(argument, limit=_ARGUMENT_LIMIT) or "''")
    if line:
        yield " ".join(line)


class Line(NamedTuple):
    """One line, and the value that is copied from it ("": none)."""

    content: Content
    value: str = ""


_BLANK = Line(Content(""))


def describe(
    vm: VMStatus,
    files: tuple[FileFact, ...],
    ssh_line: str = "",
    points: Sequence[Point] = (),
    *,
    listeners: Mapping[int, str] | None = None,
    width: int = 60,
    now: float = 0.0,
) -> list[Line]:
    """All lines. Everything that stems from files or processes goes in as plain text, never as markup.

    `ssh_line` is the command that logs in, `points` are the plots' at `now`; `listeners` tells who listens on a port of
    the host, None when that is not known; `width` is the room for a line, in cells.
    """
    found = [*_machine(vm), _BLANK]
    if vm.live:
        found += [*_plots(vm, points, width=width, now=now), _BLANK]
    return [
        *found,
        *_ports(vm, ssh_line, listeners, width=width),
        _BLANK,
        *_files(vm.files, files),
        _BLANK,
        *_arguments(vm.arguments),
    ]


def _line(label: str, value: str | Content, style: str = "", *, copy: str | None = None) -> Line:
    text = value if isinstance(value, Content) else Content.styled(value, style)
    shown = Content.assemble((label.ljust(_LABEL_WIDTH), "$foreground 60%"), text)
    return Line(shown, (text.plain if text.plain != UNKNOWN else "") if copy is None else copy)


def _heading(text: str) -> Line:
    return Line(Content.styled(text, "bold $text-accent"))


def _plots(vm: VMStatus, points: Sequence[Point], *, width: int, now: float) -> Iterator[Line]:
    yield _heading(f"Last {SPAN / 60:.0f} minutes")
    cells = max(10, min(width - _LABEL_WIDTH - 18, 120))
    cpus = (vm.cpus or 1) * 100.0
    rows = (
        ("CPU", "cpu", cpus, UNKNOWN if vm.cpu_percent is None else f"{vm.cpu_percent:.1f} %"),
        ("memory", "memory", vm.memory_limit_bytes, format_size(vm.memory_bytes)),
        ("disk read", "read", None, _rate(vm.disk_read_rate)),
        ("disk write", "write", None, _rate(vm.disk_write_rate)),
    )
    for label, name, top, figure in rows:
        drawn = plot(points, name, width=cells, now=now, top=top)
        yield _line(label, Content.assemble((drawn, "$text-accent"), f"  {figure}"), copy="")


def _rate(value: float | None) -> str:
    return UNKNOWN if value is None else f"{format_size(value)}/s"


def _machine(vm: VMStatus) -> Iterator[Line]:
    yield _heading("Machine")
    yield _line("name", one_line(vm.name), "bold")
    yield _line("state", f"{mark_of(vm)} {vm.told_state}")
    if vm.problem:
        yield _line("problem", one_line(vm.problem, limit=1000), "$text-error")
    if vm.hint:
        yield _line("hint", one_line(vm.hint), "$text-warning" if vm.live else "")
    if vm.readiness is not None and vm.readiness.told:
        yield _line("readiness", vm.readiness.told)
    if vm.action is not None:
        yield _line("in progress", f"{one_line(vm.action.verb)} by process {vm.action.pid}")
    yield _line("architecture", vm.arch)
    yield _line("process", UNKNOWN if vm.pid is None else f"PID {vm.pid}", copy=str(vm.pid or ""))
    if vm.started_at is not None:
        yield _line("since", datetime.fromtimestamp(vm.started_at).astimezone().strftime("%Y-%m-%d %H:%M:%S"))
    cpus = UNKNOWN if vm.cpus is None else str(vm.cpus)
    load = "" if vm.cpu_percent is None else f", {vm.cpu_percent:.1f} % of one core"
    yield _line("CPUs", cpus + load)
    yield _line("memory", format_usage(vm.memory_bytes, vm.memory_limit_bytes))
    yield _line("disk", format_usage(vm.disk_bytes, vm.disk_virtual_bytes))
    yield _line("accelerator", one_line(vm.accelerator or UNKNOWN))


def _ports(vm: VMStatus, ssh_line: str, listeners: Mapping[int, str] | None, *, width: int) -> Iterator[Line]:
    yield _heading("Ports")
    nothing = True
    for name, port in vm.ports.items():
        nothing = False
        where = f"127.0.0.1:{port} → {GUEST_PORTS[name]}"
        if listeners is not None:
            holder = listeners.get(port)
            style = "$foreground 60%" if holder else "$text-warning"
            told = one_line(holder) if holder else "nothing listens"
            shown = Content.assemble(where.ljust(_PORT_WIDTH), (f"  {told}", style))
        else:
            shown = Content(where)
        yield _line(name.replace("_", " "), shown, copy=f"127.0.0.1:{port}")
    if nothing:
        yield Line(Content.styled("none forwarded", "$foreground 60%"))
    elif ssh_line:
        yield _line("ssh command", one_line(ssh_line, limit=max(20, width - _LABEL_WIDTH)), copy=ssh_line)


@lru_cache(maxsize=8)
def _files(files: VMFiles, found: tuple[FileFact, ...]) -> tuple[Line, ...]:
    lines = [_heading("Files")]
    by_directory: dict[Path, list[FileFact]] = {}
    for fact in found:
        by_directory.setdefault(fact.path.parent, []).append(fact)
    if not found:
        lines.append(Line(Content.styled(f"in {format_path(files.image_dir)}", "$foreground 60%")))
    for directory, facts in by_directory.items():
        lines.append(Line(Content.styled(format_path(directory) + "/", "$foreground 60%"), str(directory)))
        for fact in facts:
            missing = fact.kind == "none"
            size = Content.styled((fact.kind or format_size(fact.size)).rjust(8), "$foreground 60%" if missing else "")
            name = Content.styled(f"  {one_line(fact.path.name)}", "$foreground 60%" if missing else "")
            lines.append(_line(f"  {fact.label}", size + name, copy=str(fact.path)))
    return tuple(lines)


@lru_cache(maxsize=8)
def _arguments(arguments: tuple[str, ...]) -> tuple[Line, ...]:
    lines = [_heading("QEMU")]
    if not arguments:
        lines.append(Line(Content.styled("not running", "$foreground 60%")))
    else:
        whole = shlex.join(arguments)
        lines.append(Line(Content.styled("Enter here copies the whole command", "$foreground 60%"), whole))
    for line in grouped_arguments(arguments):
        option, _, value = line.partition(" ")
        lines.append(Line(Content.assemble((option, "$text-primary"), f" {value}"), line))
    return tuple(lines)


def ssh_command(vm: VMStatus) -> str:
    """The command line that logs in to the VM; "" when it has no port. Reads the disk; raises `VMError`."""
    return "" if vm.ports.ssh is None else ssh_command_line(described(vm.files, vm.ports.ssh))
