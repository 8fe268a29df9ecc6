"""How cloud-init ended in two real guests, as `wait` is told by them over SSH."""

import json

import pytest

from podplane_tui.backend.vm.cloud_init_status import Outcome, ask
from tests.debian.clusters import Clusters

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]


def test_a_cloud_init_that_is_done(alpha: Clusters) -> None:
    result = alpha.run("wait", "--id", "alpha", "--for", "cloud-init")
    assert (result.stdout, result.stderr.splitlines()[-1:]) == ("", []), result
    status = ask(alpha.ssh_target("alpha"))
    assert status is not None
    assert status.outcome is Outcome.DONE


def test_a_cloud_init_that_ended_with_an_error_names_its_module(beta: Clusters) -> None:
    """It was taken for done: its console shows that it has finished."""
    result = beta.run("wait", "--id", "beta", "--for", "cloud-init", "--json", check=False)
    assert result.returncode == 1, result
    error = json.loads(result.stdout.splitlines()[-1])["error"]
    assert error["type"] == "CloudInitFailed"
    assert "failed in the module scripts-user: RuntimeError('Runparts: 1 failures" in error["problem"]
