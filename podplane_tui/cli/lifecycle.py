"""The verbs that make, start, stop and delete a machine."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from podplane_tui.backend.config.model import load_config
from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.errors import NotRunning, VMNotFound
from podplane_tui.backend.core.files import disk_usage
from podplane_tui.backend.core.format import format_size
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.images.cache import choose_image
from podplane_tui.backend.images.qemu_img import VIRTUAL_SIZE
from podplane_tui.backend.podplane import VM_ONLY_WARNING, podplane_installed, start_cluster
from podplane_tui.backend.qemu.arguments import DirectBootOptions, parse_memory, validate_cpus
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.start import StartSettings
from podplane_tui.cli.connect import attach_console
from podplane_tui.cli.context import Choices
from podplane_tui.cli.options import Function, Seconds, complete_cluster_id, pass_choices, place_options
from podplane_tui.cli.progress import run_verb
from podplane_tui.cli.target import cluster_of

_FILE = click.Path(path_type=Path)

_timeout = click.option(
    "--timeout",
    type=Seconds(min=0),
    metavar="SECONDS",
    help=f"How long the guest may take to power off [default: config.toml's, else {StopTimeouts().powerdown:.0f}].",
)
_force = click.option("--force", is_flag=True, help="Leave the guest out: end QEMU at once.")


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


@click.command()
@click.option(
    "--image",
    metavar="IMAGE",
    help="A qcow2 file, a URL, or an image in podplane's cache [default: config.toml's, else its manifest's].",
)
@click.option("--digest", default="", metavar="DIGEST", help="What the image at a URL must have: sha256:… or sha512:….")
@click.option(
    "--from",
    "source",
    metavar="ID",
    shell_complete=complete_cluster_id,
    help="Copy the disk of this stopped machine instead.",
)
@click.option("--disk-size", metavar="SIZE", help=f"The disk's size [default: config.toml's, else {VIRTUAL_SIZE}].")
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
@click.option(
    "--user-data", type=_FILE, metavar="FILE", help="cloud-init user-data of its starts [default: config.toml's]."
)
@place_options
@pass_choices
def create(
    choices: Choices,
    *,
    image: str | None,
    digest: str,
    source: str | None,
    disk_size: str | None,
    cpus: str,
    memory: str,
    user_data: Path | None,
) -> None:
    """Make a machine's disk on top of a qcow2 image, or as a copy of another machine's.

    CPUs, memory and user-data are remembered for its starts; podplane-tui set changes them.

    The image itself is not changed. --id is required: podplane itself can't start a machine that it did not make, so
    no such machine should take a name by accident. Start it with podplane-tui start.

    \b
    Example: podplane-tui create --id dev --disk-size 40G --memory 8G
    """
    if choices.cluster_id is None:
        raise click.UsageError(
            "name the new machine with --id ID; podplane itself can't start a machine it did not make"
        )
    if source is not None and (image is not None or digest or disk_size is not None):
        raise click.UsageError(
            "--from takes image and size from the other machine: leave --image, --digest and --disk-size out"
        )
    cluster = cluster_of(choices)
    validate_cpus(cpus)
    if memory:
        parse_memory(memory)
    if source is None:  # a copy is started as its source is
        defaults = load_config().create
        if image is None:
            image, digest = os.path.expanduser(defaults.image), digest or defaults.digest  # noqa: PTH111
        disk_size, cpus, memory = disk_size or defaults.disk_size, cpus or defaults.cpus, memory or defaults.memory
        if user_data is None and defaults.user_data:
            user_data = Path(os.path.expanduser(defaults.user_data))  # noqa: PTH111
    named = {"cpus": cpus, "memory": memory}
    if user_data is not None:
        named["user_data"] = os.path.abspath(user_data)  # noqa: PTH100
        cluster.user_data(user_data)

    def make(control: Control) -> None:
        if source is not None:
            cluster.clone(cluster_of(replace(choices, cluster_id=source)), control=control)
        else:
            base = choose_image(image or "", cluster.files.arch, control, digest=digest)
            cluster.create(base, size=disk_size or VIRTUAL_SIZE, control=control)
        if changes := {name: value for name, value in named.items() if value}:
            cluster.remember(**changes)

    run_verb(make)
    click.echo(f"made {one_line(str(cluster.files.image))}")
    click.echo(
        f"start it with: podplane-tui start --id {cluster.files.cluster_id}"
        " (podplane itself can't start a machine it did not make)",
        err=True,
    )


@click.command()
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
@place_options
@pass_choices
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
    """Start a machine.

    A cluster that podplane made is started through podplane local start, which its Kubernetes needs. With --vm-only,
    where podplane is not installed, or with options that only concern the VM, the VM is started alone.

    \b
    Example: podplane-tui start --id dev --memory 8G
    """
    if monitor and console:
        raise click.UsageError("--monitor takes this terminal already: leave --console out")
    if firmware and kernel is not None:
        raise click.UsageError("--firmware and --kernel exclude each other: give one of them")
    settings = StartSettings(
        cpus=cpus,
        memory=memory,
        user_data=user_data,
        boot=direct_boot(kernel, initrd, cmdline),
        accelerator=accel,
        monitor=monitor,
        firmware=firmware,
    )
    cluster = cluster_of(choices)
    if cluster.files.made_by_podplane:
        alone = vm_only or monitor or settings != StartSettings()
        if not alone and podplane_installed():
            run_verb(lambda control: start_cluster(cluster.qemu, control), echo=True)
            _say_running(cluster)
            if console:
                attach_console(cluster)
            return
        click.echo(VM_ONLY_WARNING + ("" if alone else " (podplane is not installed)"), err=True)
    if monitor:
        # QEMU's monitor owns the terminal: no progress line in between, and Ctrl-C is QEMU's.
        cluster.start(settings)
        return
    run_verb(lambda control: cluster.start(settings, control=control))
    _say_running(cluster)
    if console:
        attach_console(cluster)


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


def _say_running(cluster: Cluster) -> None:
    ssh = cluster.ports().ssh
    where = f", SSH port {ssh}" if ssh else ""
    click.echo(f"{cluster.files.name} is running as process {cluster.qemu.pid()}{where}")


@click.command()
@_timeout
@_force
@place_options
@pass_choices
def restart(choices: Choices, *, timeout: float | None, force: bool) -> None:
    """Stop a machine and start it as before.

    Of a cluster that podplane made only the VM is started, which its Kubernetes may not survive: stop and start it.
    While it stops each Ctrl-C skips to the next step, as in stop.

    \b
    Example: podplane-tui restart --id dev
    """
    timeouts, cluster = _timeouts(timeout, force=force), cluster_of(choices)
    if cluster.files.made_by_podplane:
        click.echo(VM_ONLY_WARNING, err=True)
    run_verb(lambda control: cluster.restart(timeouts=timeouts, control=control), skips=True)
    _say_running(cluster)


@click.command()
@_timeout
@_force
@click.option("--rm", "remove", is_flag=True, help="Delete the machine afterwards, as delete --yes does.")
@place_options
@pass_choices
def stop(choices: Choices, *, timeout: float | None, force: bool, remove: bool) -> None:
    """Stop a machine: power button, SIGTERM, SIGKILL.

    Each Ctrl-C, the first one too, ends the wait of the step in progress and goes to the next. QEMU keeps running when
    podplane-tui itself is killed.

    \b
    Example: podplane-tui stop --id dev --timeout 30
    """
    timeouts, cluster = _timeouts(timeout, force=force), cluster_of(choices)
    try:
        result = run_verb(lambda control: cluster.stop(timeouts=timeouts, control=control), skips=True)
        click.echo(result.message)
    except NotRunning:
        if not (remove and cluster.delete_plan()):
            raise
    if remove:
        plan = cluster.delete_plan()
        _list(plan)
        _delete(cluster, plan)


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@place_options
@pass_choices
def delete(choices: Choices, *, yes: bool) -> None:
    """Delete a machine's disk and files, after listing them.

    Shared keys and caches stay, and so do logins in podplane's configuration and kubectl's.

    \b
    Example: podplane-tui delete --id dev
    """
    cluster = cluster_of(choices)
    cluster.qemu.require_stopped("delete")
    plan = cluster.delete_plan()
    if not plan:
        raise VMNotFound(
            f"there is no machine {cluster.files.cluster_id} ({cluster.files.arch})", hint="nothing to delete"
        )
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask: give --yes to delete without a question")
    _list(plan)
    if not yes and not click.confirm(f"Delete {cluster.files.name} for good?", default=False):
        raise click.ClickException("nothing was deleted")
    _delete(cluster, plan)


def _list(plan: tuple[Path, ...]) -> None:
    click.echo("\n".join(["these go (logins in podplane's and kubectl's configuration stay):", *map(_line, plan)]))


def _delete(cluster: Cluster, plan: tuple[Path, ...]) -> None:
    run_verb(lambda control: cluster.delete(plan, control=control))
    click.echo(f"deleted {cluster.files.name}")


def _line(path: Path) -> str:
    folder = "/" if path.is_dir() and not path.is_symlink() else ""
    return f"  {format_size(disk_usage(path)):>6}  {one_line(str(path), limit=4000)}{folder}"
