"""What the recordings of two real boots tell: one in which all goes well, and one in which much fails."""

import json
import re

import pytest

from podplane_tui.backend.recording.history import BootHistory, RecordedBoot
from tests.debian.clusters import Clusters

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]

STAGES = {"kernel", "cloud-init local", "cloud-init init", "cloud-init config", "cloud-init final"}
"""What a guest prints of its stages that has `quiet` on its kernel's command line."""


def newest_boot(clusters: Clusters, cluster_id: str) -> RecordedBoot:
    return BootHistory(clusters.cluster(cluster_id).files).look()[0]


def test_a_good_boot_has_all_stages_and_their_times(alpha: Clusters) -> None:
    recorded = newest_boot(alpha, "alpha")
    assert recorded.recording.complete_from_power_on
    assert recorded.boot.good
    assert {stage.name.value for stage in recorded.boot.stages} >= STAGES
    assert not any(stage.running for stage in recorded.boot.stages)
    durations = {stage.name.value: stage.duration for stage in recorded.boot.stages}
    assert all(durations[name] for name in STAGES - {"kernel"})
    assert recorded.outcome == "came up"
    assert recorded.duration is not None
    assert recorded.duration > 10
    assert len(recorded.boot.host_keys) >= 2


def test_what_failed_is_found_where_it_stands(beta: Clusters) -> None:
    content = beta.recording("beta")
    failures = newest_boot(beta, "beta").boot.failures
    for kind, words in (
        ("unit", "Failed to start broken.service"),
        ("no space", "No space left on device"),
        ("cloud-init", "scripts-user"),
    ):
        found = [failure for failure in failures if failure.kind == kind and words in failure.text]
        assert found, (kind, failures)
        line = content.split(b"\n")[found[0].line - 1]
        assert content[found[0].offset :].startswith(line)
        assert words.encode() in re.sub(rb"\x1b\[[0-9;]*m", b"", line)
        assert found[0].at is not None


def test_the_command_line_tells_the_same(beta: Clusters) -> None:
    told = json.loads(beta.run("boot", "--id", "beta", "--json").stdout)
    assert {"unit", "no space", "cloud-init"} <= {failure["kind"] for failure in told["failures"]}
    assert {stage["name"] for stage in told["stages"]} >= STAGES
    text = beta.run("logs", "--id", "beta").stdout
    assert "Failed to start broken.service" in text
    assert "giving up" in text
    assert not set(text) & set(map(chr, (*range(9), *range(11, 32), 127)))  # lines of text and nothing else
    assert "giving up" in beta.run("logs", "--id", "beta", "--boot", "0").stdout
    assert "still runs" in beta.run("logs", "--id", "beta", "--list").stdout
