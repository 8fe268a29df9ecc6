"""The dashboard on two stopped VMs, at the sizes that tests of all its parts use."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from textual.pilot import Pilot

from tests.conftest import Workspace
from tests.tui.support import SIZES, app_of, listed, make_app, make_disk, settled


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
