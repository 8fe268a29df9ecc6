"""The machine a verb acts on."""

from __future__ import annotations

from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import cluster_id_of, place_of


def cluster_of(choices: Choices) -> Cluster:
    """The chosen cluster's machine, whether it exists or not. Raises `InvalidInput`."""
    place = place_of(choices)
    return Cluster(
        data_dir=place.data_dir,
        runtime_dir=place.runtime_dir,
        state_dir=place.state_dir,
        cluster_id=cluster_id_of(choices),
        arch=place.arch,
        force=choices.force,
    )
