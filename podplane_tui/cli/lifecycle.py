"""The verbs that make, start, stop and delete a VM."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from podplane_tui.backend.config.model import CreateDefaults, load_config
from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import NotRunning, VMNotFound
from podplane_tui.backend.core.files import disk_usage
from podplane_tui.backend.core.format import format_size
from podplane_tui.backend.core.paths import host_arch
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.images.download import DEFAULT_MAX_SIZE
from podplane_tui.backend.images.qemu_img import VIRTUAL_SIZE
from podplane_tui.backend.qemu.arguments import DirectBootOptions
from podplane_tui.backend.vm.create import EMPTY_IMAGE, CreateSpec
from podplane_tui.backend.vm.delete import kind_of
from podplane_tui.backend.vm.start import Started, StartSpec, StartWay
from podplane_tui.backend.vm.verbs import Verb, missing
from podplane_tui.cli.acting import Act, acting_command
from podplane_tui.cli.connect import attach_console
from podplane_tui.cli.context import Choices
from podplane_tui.cli.options import Function, Seconds, backing_chain_option, complete_cluster_id, force_option

_FILE = click.Path(path_type=Path)

_timeout = click.option(
    "--timeout",
    type=Seconds(min=0),
    metavar="SECONDS",
    help=f"How long the guest may take to power off [default: config.toml's, else {StopTimeouts().powerdown:.0f}].",
)
_force = click.option(
    "--force",
    is_flag=True,
    help="Leave the guest out: end QEMU at once. Go on where it can't be told whether another program uses the disk.",
)


def boot_options(function: Function) -> Function:
    """Add `--kernel`, `--initrd` and `--cmdline`, which `direct_boot` understands."""
    for option in (
        click.option("--cmdline", metavar="TEXT", help="The kernel's command line; what a console needs is added."),
        click.option("--initrd", type=_FILE, metavar="PATH", help="The initial RAM disk that goes with --kernel."),
        click.option("--kernel", type=_FILE, metavar="PATH", help="Boot this kernel instead of the disk."),
    ):
        function = option(function)
    return function


def _timeouts(timeout: float | None, *, force: bool) -> StopTimeouts:
    if force and timeout is not None:
        raise click.UsageError("--force leaves the guest no time, so --timeout says nothing: use one of them")
    if force:
        return load_config().stop._replace(powerdown=0.0)
    configured = load_config().stop
    return configured if timeout is None else configured._replace(powerdown=timeout)


@acting_command(Verb.CREATE)
@force_option
@backing_chain_option
@click.option(
    "--image",
    metavar="IMAGE",
    help=f"A qcow2 file, a URL, an image in podplane's cache, or {EMPTY_IMAGE!r} for an empty disk"
    " [default: config.toml's, else its manifest's].",
)
@click.option("--digest", default="", metavar="DIGEST", help="What the image at a URL must have: sha256:… or sha512:….")
@click.option(
    "--max-size",
    default="",
    metavar="SIZE",
    help=f"Download at most this much [default: config.toml's, else {DEFAULT_MAX_SIZE}].",
)
@click.option(
    "--from",
    "source",
    default="",
    metavar="ID",
    shell_complete=complete_cluster_id,
    help="Copy the disk of this stopped VM instead.",
)
@click.option(
    "--disk-size", default="", metavar="SIZE", help=f"The disk's size [default: config.toml's, else {VIRTUAL_SIZE}]."
)
@click.option(
    "-c", "--cpus", default="", metavar="N", help="Virtual CPUs of its starts [default: config.toml's, else 2]."
)
@click.option(
    "-m",
    "--memory",
    default="",
    metavar="SIZE",
    help="Memory of its starts, such as 8G [default: config.toml's, else 4G].",
)
@click.option("--user-data", metavar="FILE", help="cloud-init user-data of its starts [default: config.toml's].")
def create(
    choices: Choices,
    *,
    image: str | None,
    digest: str,
    max_size: str,
    source: str,
    disk_size: str,
    cpus: str,
    memory: str,
    user_data: str | None,
) -> None:
    """The disk is made on top of a qcow2 image, which is not changed, or as a copy of another VM's.

    CPUs, memory and user-data are remembered for its starts; podplane-tui set changes them.

    --id is required: podplane itself can't start a VM that it did not make, so no such VM should take a name by
    accident. Start it with podplane-tui start.

    \b
    Example: podplane-tui create --id dev --disk-size 40G --memory 8G
    """
    if choices.cluster_id is None:
        raise click.UsageError("name the new VM with --id ID; podplane itself can't start a VM it did not make")
    if source and (image is not None or digest or disk_size):
        raise click.UsageError(
            "--from takes image and size from the other VM: leave --image, --digest, --disk-size out"
        )
    defaults = CreateDefaults() if source else load_config().create  # a copy is started as its source is
    if image is None:
        image, digest = os.path.expanduser(defaults.image), digest or defaults.digest  # noqa: PTH111
    spec = CreateSpec(
        image=image,
        digest=digest,
        disk_size=disk_size or defaults.disk_size,
        cpus=cpus or defaults.cpus,
        memory=memory or defaults.memory,
        user_data=_absolute(os.path.expanduser(defaults.user_data) if user_data is None else user_data),  # noqa: PTH111
        source=source,
        max_size=max_size or defaults.max_size,
    )
    act = Act(choices, Verb.CREATE)
    if choices.allow_backing_chain:
        spec = replace(spec, confirmed_chain=act.cluster.image_chain(spec))
    act.run(lambda control: act.cluster.create(spec, control=control))
    act.done(f"made {act.cluster.files.image}", path=str(act.cluster.files.image))
    files = act.cluster.files
    arch = "" if files.arch == host_arch(os.environ) else f" --arch {files.arch}"
    act.note(
        f"start it with: podplane-tui start --id {files.cluster_id}{arch}"
        " (podplane itself can't start a VM it did not make)"
    )


def _absolute(path: str) -> str:
    return os.path.abspath(path) if path else ""  # noqa: PTH100 - links stay, as the user named them


@acting_command(Verb.START)
@force_option
@backing_chain_option
@click.option("-c", "--cpus", default="", metavar="N", help="Virtual CPUs [default: 2].")
@click.option("-m", "--memory", default="", metavar="SIZE", help="Memory, such as 512M or 8G [default: 4G].")
@click.option("--user-data", type=_FILE, metavar="FILE", help="cloud-init user-data [default: the cluster's own].")
@boot_options
@click.option("--firmware", is_flag=True, help="Boot by firmware even where podplane's manifest has a kernel.")
@click.option(
    "--accel", default="", metavar="NAME", help="kvm, hvf, tcg or auto [default: PODPLANE_TUI_ACCEL, else auto]."
)
@click.option("--monitor", is_flag=True, help="Keep QEMU and its monitor in the foreground of this terminal.")
@click.option("--console", is_flag=True, help="Attach to the serial console once it runs; Ctrl-] detaches.")
@click.option("--vm-only", is_flag=True, help="Start only the VM of a cluster that podplane made.")
def start(
    choices: Choices,
    *,
    cpus: str,
    memory: str,
    user_data: Path | None,
    kernel: Path | None,
    initrd: Path | None,
    cmdline: str | None,
    firmware: bool,
    accel: str,
    monitor: bool,
    console: bool,
    vm_only: bool,
) -> None:
    """A cluster that podplane made is started through podplane local start, which its Kubernetes needs. With --vm-only,
    where podplane is not installed, or with options that only concern the VM, the VM is started alone.

    \b
    Example: podplane-tui start --id dev --memory 8G
    """
    if monitor and console:
        raise click.UsageError("--monitor takes this terminal already: leave --console out")
    if choices.as_json and (monitor or console):
        raise click.UsageError("--monitor and --console take this terminal: leave --json out")
    if firmware and kernel is not None:
        raise click.UsageError("--firmware and --kernel exclude each other: give one of them")
    spec = StartSpec(
        cpus=cpus,
        memory=memory,
        user_data=user_data,
        boot=direct_boot(kernel, initrd, cmdline),
        accelerator=accel,
        monitor=monitor,
        firmware=firmware,
        vm_only=vm_only,
    )
    act = Act(choices, Verb.START)
    act.confirm_chain()
    plan = act.cluster.plan_start(spec)
    if monitor:
        # QEMU's monitor owns the terminal: no progress line in between, and Ctrl-C is QEMU's.
        act.cluster.start(spec, control=Control(warning=act.note))
        return
    # What podplane prints is what there is to read of its start.
    started = act.run(lambda control: act.cluster.start(spec, control=control), echo=plan.way is StartWay.PODPLANE)
    _say_running(act, started)
    if console:
        attach_console(act.cluster)


def direct_boot(kernel: Path | None, initrd: Path | None, cmdline: str | None) -> DirectBootOptions | None:
    """The boot asked for by `--kernel`, `--initrd` and `--cmdline`; None for the disk's own."""
    if kernel is None and initrd is None:
        if cmdline is not None:
            raise click.UsageError("--cmdline is for a kernel: give --kernel and --initrd too")
        return None
    if kernel is None or initrd is None:
        raise click.UsageError("--kernel and --initrd go together: give both")
    for option, path in (("--kernel", kernel), ("--initrd", initrd)):
        if not path.is_file():
            raise click.UsageError(f"{option}: there is no file {path}")
    return DirectBootOptions(os.path.abspath(kernel), os.path.abspath(initrd), cmdline or "")  # noqa: PTH100


def _say_running(act: Act, started: Started) -> None:
    where = f", SSH port {started.ports.ssh}" if started.ports.ssh else ""
    line = f"{act.name} is running as process {started.pid}{where}"
    act.done(line, pid=started.pid, ports=started.ports._asdict())


@acting_command(Verb.RESTART)
@_timeout
@_force
@backing_chain_option
def restart(choices: Choices, *, timeout: float | None, force: bool) -> None:
    """Of a cluster that podplane made only the VM is started, which its Kubernetes may not survive: stop and start it.
    While it stops each Ctrl-C skips to the next step, as in stop.

    \b
    Example: podplane-tui restart --id dev
    """
    choices.force = force
    timeouts, act = _timeouts(timeout, force=force), Act(choices, Verb.RESTART)
    act.confirm_chain()
    _say_running(act, act.run(lambda control: act.cluster.restart(timeouts=timeouts, control=control), skips=True))


@acting_command(Verb.STOP)
@_timeout
@_force
@click.option("--rm", "remove", is_flag=True, help="Delete the VM afterwards, as delete --yes does.")
def stop(choices: Choices, *, timeout: float | None, force: bool, remove: bool) -> None:
    """Each Ctrl-C, the first one too, ends the wait of the step in progress and goes to the next. QEMU keeps running
    when podplane-tui itself is killed.

    \b
    Example: podplane-tui stop --id dev --timeout 30
    """
    choices.force = force
    timeouts, act = _timeouts(timeout, force=force), Act(choices, Verb.STOP)
    try:
        result = act.run(lambda control: act.cluster.stop(timeouts=timeouts, control=control), skips=True)
        message, ended_by = result.message, result.step
    except (NotRunning, VMNotFound):
        if not (remove and act.cluster.delete_plan()):
            raise
        message, ended_by = f"{act.name} was not running", "nothing"
    if not remove:
        act.done(message, ended_by=ended_by)
        return
    plan = act.cluster.delete_plan()
    act.show([message, *_listed(plan)])
    _delete(act, plan, ended_by=ended_by)


@acting_command(Verb.DELETE)
@force_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(choices: Choices, *, yes: bool) -> None:
    """What goes is listed first. Shared keys and caches stay, and so do logins in podplane's configuration and
    kubectl's.

    \b
    Example: podplane-tui delete --id dev
    """
    act = Act(choices, Verb.DELETE)
    plan = act.cluster.delete_plan()
    if not plan:
        raise missing(act.cluster.files)
    if act.cluster.status() is not None:
        act.check_state()
    act.confirm(f"Delete {act.name} for good?", yes=yes, declined="nothing was deleted", listed=_listed(plan))
    _delete(act, plan)


def _listed(plan: tuple[Path, ...]) -> list[str]:
    return ["these will be deleted (logins in podplane's and kubectl's configuration stay):", *map(_line, plan)]


def _delete(act: Act, plan: tuple[Path, ...], **told: str) -> None:
    act.run(lambda control: act.cluster.delete(plan, control=control))
    act.done(f"deleted {act.name}", lines=(), paths=[str(path) for path in plan], **told)


def _line(path: Path) -> str:
    return f"  {format_size(disk_usage(path)):>6}  {one_line(str(path), limit=4000)}{kind_of(path)}"
