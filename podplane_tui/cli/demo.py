"""`demo`: the dashboard on a real VM that needs no download, no privileges and leaves nothing behind."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from podplane_tui.backend.config.model import config_path, load_config
from podplane_tui.backend.core.control import Control, StopTimeouts
from podplane_tui.backend.core.paths import host_arch
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.create import EMPTY_DISK
from podplane_tui.backend.vm.start import StartSpec
from podplane_tui.backend.workspace import throw_away_workspace
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import cluster_id_of
from podplane_tui.cli.lifecycle import boot_options, direct_boot
from podplane_tui.cli.options import pass_choices, place_options
from podplane_tui.cli.progress import run_verb

DEMO_CLUSTER_ID = "demo"

_LINUX_POWERDOWN = 20.0
"""Seconds; a guest as small as the one this is for needs a fraction of them."""


@click.command()
@boot_options
@place_options
@pass_choices
def demo(choices: Choices, *, kernel: Path | None, initrd: Path | None, cmdline: str | None) -> int:
    """Try the dashboard on a real VM in a throw-away place.

    Its disk is empty, so its firmware ends in the UEFI Shell: press c and type "ver". With --kernel and --initrd it
    boots those. Everything is gone when the dashboard is left.

    \b
    Example: podplane-tui demo
    """
    # Textual takes a while to load, and `--help` imports this module.
    from podplane_tui.cli.dashboard import check_config, require_terminal, show  # noqa: PLC0415
    from podplane_tui.tui.app import PodplaneApp  # noqa: PLC0415
    from podplane_tui.tui.theme import theme_for_terminal  # noqa: PLC0415

    if (choices.data_dir, choices.runtime_dir, choices.state_dir) != (None, None, None):
        raise click.UsageError(
            "the demo makes directories of its own: leave --data-dir, --runtime-dir and --state-dir out"
        )
    require_terminal()
    boot = direct_boot(kernel, initrd, cmdline)
    cluster_id = cluster_id_of(replace(choices, cluster_id=choices.cluster_id or DEMO_CLUSTER_ID))
    arch = choices.arch or host_arch(os.environ)
    # With a network card the firmware would try to boot from it for minutes before it gives up.
    spec = StartSpec(cpus="1", memory="512M", boot=boot, network=False)
    # Firmware without a system ignores the power button.
    timeouts = StopTimeouts(powerdown=_LINUX_POWERDOWN if boot else 0)
    config = load_config()
    with throw_away_workspace() as place:

        def start(control: Control) -> None:
            cluster = Cluster(
                data_dir=place.data_dir,
                runtime_dir=place.runtime_dir,
                state_dir=place.state_dir,
                cluster_id=cluster_id,
                arch=arch,
            )
            cluster.create(EMPTY_DISK, control=control)
            cluster.start(spec, control=control)

        app = PodplaneApp(
            data_dir=place.data_dir,
            runtime_dir=place.runtime_dir,
            state_dir=place.state_dir,
            arch=arch,
            config=config,
            config_path=config_path(),
            stop_timeouts=timeouts,
            theme=theme_for_terminal(config.dashboard.theme),
            keep_theme=False,
            start_spec=spec,
            select=cluster_id,
            message="This VM is real. It is gone when you leave.",
        )
        check_config(app, config)
        run_verb(start)
        return show(app)
