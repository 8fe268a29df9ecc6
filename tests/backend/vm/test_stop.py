"""Stopping a cluster whose VM has ended already."""

from __future__ import annotations

import pytest

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import NotRunning
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.runtime.ports import write_state_file
from podplane_tui.backend.vm.cluster import Cluster
from tests.backend.vm.support import put


def test_a_state_file_alone_is_cleared_by_stop(cluster: Cluster) -> None:
    write_state_file(cluster.files.state_file, "a", Ports(ssh=2222))
    assert cluster.stop().step == "gone"
    assert not cluster.files.state_file.exists()
    with pytest.raises(NotRunning, match="podplane-local-a is not running"):
        cluster.stop()


def test_a_broken_state_file_is_moved_aside_and_the_guest_is_not_asked(cluster: Cluster) -> None:
    path = put(cluster.files.state_file, "precious")
    steps: list[str] = []
    result = cluster.stop(control=Control(report=steps.append))
    assert (result.step, str(result.message)) == ("gone", "podplane-local-a had ended before; what it left was cleared")
    assert steps == []
    [aside] = path.parent.iterdir()
    assert aside.read_text() == "precious"
