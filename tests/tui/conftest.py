"""The dashboard on two stopped VMs, at the sizes that tests of all its parts use."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from textual.notifications import Notification
from textual.pilot import Pilot

from podplane_tui.tui.widgets import job_strip
from tests.conftest import Workspace
from tests.tui.support import SIZES, app_of, listed, make_app, make_disk, settled


@pytest.fixture(autouse=True)
def _words_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep toasts and the ends of jobs in view until a test has looked, which it may do late on a busy machine."""
    monkeypatch.setattr(job_strip, "LINGER", 3600.0)
    monkeypatch.setattr(Notification, "time_left", 3600.0)


@pytest_asyncio.fixture(params=SIZES, ids=lambda size: "x".join(map(str, size)))
async def pilot(request: pytest.FixtureRequest, require_qemu: None, workspace: Workspace) -> AsyncIterator[Pilot[None]]:
    """The dashboard with two stopped machines, alpha and beta."""
    make_disk(workspace, "alpha")
    make_disk(workspace, "beta")
    async with make_app(workspace).run_test(size=request.param) as pilot:
        app = app_of(pilot)
        await listed(app, "alpha", "beta")
        await settled(pilot)
        yield pilot
