"""Everything known about the selected machine that does not fit into its row."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from podplane_tui.backend.paths import VMFiles
from podplane_tui.backend.snapshot import VMSnapshot
from podplane_tui.backend.text import one_line
from podplane_tui.text import UNKNOWN, format_path, format_size, format_usage
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.widgets.panel import Panel
from podplane_tui.tui.widgets.vm_row import SYMBOLS

_LABEL_WIDTH = 19
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
    named = (
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
    return tuple(_look(label, path) for label, path in named)


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


class DetailsPanel(Panel):
    """Shows `vm` and, while it is in view, the files it has on disk."""

    files: reactive[tuple[FileFact, ...]] = reactive(())

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._text = Static(classes="details-text")

    def compose(self) -> ComposeResult:
        """One text: it can be selected and copied."""
        with VerticalScroll():
            yield self._text

    def on_mount(self) -> None:
        """Look at the files once a second, as at the machines."""
        self.set_interval(1.0, self._look_at_files)

    def on_show(self) -> None:
        """Do not wait for the next second."""
        self._look_at_files()

    def watch_vm(self, before: VMSnapshot | None, vm: VMSnapshot | None) -> None:
        """Show it; another machine has other files."""
        if vm is None or before is None or before.key != vm.key:
            self.files = ()
            self._look_at_files()
            if self.is_mounted:
                self.query_one(VerticalScroll).scroll_home(animate=False)
        self._write()

    def watch_files(self) -> None:
        """Show what was found."""
        self._write()

    def _look_at_files(self) -> None:
        if self.vm is not None and self.is_on_screen:
            self.run_worker(self._look(self.vm.files), group="files", exclusive=True)

    async def _look(self, files: VMFiles) -> None:
        found = await in_thread(lambda: file_facts(files), name="details-files")
        if self.vm is not None and self.vm.files == files:
            self.files = found

    def _write(self) -> None:
        if self.is_mounted:
            text = Content("") if self.vm is None else describe(self.vm, self.files)
            self._text.update(text)


def describe(vm: VMSnapshot, files: Sequence[FileFact]) -> Content:
    """The panel's text. Everything that stems from files or processes goes in as plain text, never as markup."""
    lines = [*_machine(vm), Content(""), *_ports(vm), Content(""), *_files(vm, files), Content(""), *_arguments(vm)]
    return Content("\n").join(lines)


def _line(label: str, value: str | Content, style: str = "") -> Content:
    text = value if isinstance(value, Content) else Content.styled(value, style)
    return Content.assemble((label.ljust(_LABEL_WIDTH), "$foreground 60%"), text)


def _heading(text: str) -> Content:
    return Content.styled(text, "bold $text-accent")


def _machine(vm: VMSnapshot) -> Iterator[Content]:
    yield _heading("Machine")
    yield _line("name", one_line(vm.name), "bold")
    yield _line("state", f"{SYMBOLS[vm.state]} {vm.state}")
    if vm.problem:
        yield _line("problem", one_line(vm.problem, limit=1000), "$text-error")
    if vm.action is not None:
        yield _line("in progress", f"{one_line(vm.action.verb)} by process {vm.action.pid}")
    yield _line("architecture", vm.arch)
    yield _line("process", UNKNOWN if vm.pid is None else f"PID {vm.pid}")
    if vm.started_at is not None:
        yield _line("since", datetime.fromtimestamp(vm.started_at).astimezone().strftime("%Y-%m-%d %H:%M:%S"))
    cpus = UNKNOWN if vm.cpus is None else str(vm.cpus)
    load = "" if vm.cpu_percent is None else f", {vm.cpu_percent:.1f} % of one core"
    yield _line("CPUs", cpus + load)
    yield _line("memory", format_usage(vm.memory_bytes, vm.memory_limit_bytes))
    yield _line("disk", format_usage(vm.disk_bytes, vm.disk_virtual_bytes))
    yield _line("accelerator", one_line(vm.accelerator or UNKNOWN))


def _ports(vm: VMSnapshot) -> Iterator[Content]:
    yield _heading("Ports")
    nothing = True
    for name, port in vm.ports.items():
        nothing = False
        yield _line(name.replace("_", " "), f"127.0.0.1:{port} → {GUEST_PORTS[name]}")
    if nothing:
        yield Content.styled("none forwarded", "$foreground 60%")


def _files(vm: VMSnapshot, files: Sequence[FileFact]) -> Iterator[Content]:
    yield _heading("Files")
    by_directory: dict[Path, list[FileFact]] = {}
    for fact in files:
        by_directory.setdefault(fact.path.parent, []).append(fact)
    if not files:
        yield Content.styled(f"in {format_path(vm.files.image_dir)}", "$foreground 60%")
    for directory, facts in by_directory.items():
        yield Content.styled(format_path(directory) + "/", "$foreground 60%")
        for fact in facts:
            missing = fact.kind == "none"
            size = Content.styled((fact.kind or format_size(fact.size)).rjust(8), "$foreground 60%" if missing else "")
            name = Content.styled(f"  {one_line(fact.path.name)}", "$foreground 60%" if missing else "")
            yield _line(f"  {fact.label}", size + name)


def _arguments(vm: VMSnapshot) -> Iterator[Content]:
    yield _heading("QEMU")
    if not vm.arguments:
        yield Content.styled("not running", "$foreground 60%")
    for line in grouped_arguments(vm.arguments):
        option, _, value = line.partition(" ")
        yield Content.assemble((option, "$text-primary"), f" {value}")
