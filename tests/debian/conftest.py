"""The shared clusters; see `tests.debian.clusters`."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.debian.clusters import USER_DATA, Clusters
from tests.guest import debian
from tests.guest.packages import Unavailable


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What ends the VMs comes after all that needs them, in the order in which it is written."""
    places = [place for place, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted((items[place] for place in places), key=_turn)
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


def _turn(item: pytest.Item) -> int:
    """Any before those of `test_life.py`, and those by their lines."""
    return (item.location[1] or 0) + 1 if item.path.stem == "test_life" else 0


@pytest.fixture(scope="session")
def clusters(require_qemu: None) -> Iterator[Clusters]:
    """Both clusters, created and started at once; they boot while the first tests already run."""
    try:
        guest = debian.build()
    except Unavailable as error:
        missing(str(error), linux_only=True)
    made = Clusters(Path(tempfile.mkdtemp(prefix="pt-", dir="/tmp")), guest)
    try:
        made.lay_out_cache()
        for cluster_id, text in USER_DATA.items():
            made.give_user_data(cluster_id, text)
            made.create(cluster_id)
            made.start(cluster_id)
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def alpha(clusters: Clusters) -> Clusters:
    """The clusters once `alpha` has booted and its cloud-init is done."""
    clusters.wait_for_console("alpha", b" finished at ")
    clusters.run("wait", "--id", "alpha")  # a busy guest may be done before its SSH server has time to answer
    return clusters


@pytest.fixture(scope="session")
def beta(clusters: Clusters) -> Clusters:
    """The clusters once `beta` has booted, as far as it does."""
    clusters.wait_for_console("beta", b" finished at ")
    clusters.run("wait", "--id", "beta")
    return clusters
