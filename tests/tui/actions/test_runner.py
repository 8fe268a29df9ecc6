"""What becomes of the verbs that are being done when the dashboard is left."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest

from podplane_tui.backend.vm.verbs import Verb
from tests.tui.support import listed, make_app
from tests.waiting import until

if TYPE_CHECKING:
    from podplane_tui.backend.core.control import Control
    from tests.conftest import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


async def test_leaving_gives_up_waits_and_finishes_the_rest(workspace: Workspace) -> None:
    controls: dict[Verb, Control] = {}
    given_up, may_end = Event(), Event()

    def stop(control: Control) -> str:
        controls[Verb.STOP] = control
        if control.cancel.wait(30):
            given_up.set()
        return ""

    def start(control: Control) -> str:
        controls[Verb.START] = control
        may_end.wait(30)
        return ""

    app = make_app(workspace)
    async with app.run_test(size=(80, 24)):
        await listed(app)
        for verb, task in ((Verb.STOP, stop), (Verb.START, start)):
            app.run_worker(app.actions.jobs.run(verb, f"{verb}.amd64", str(verb), task))
        await until(lambda: len(controls) == 2, what="both to be under way")
    await until(given_up.is_set, what="the stop to be given up")
    assert not controls[Verb.START].cancel.is_set()
    assert app.finishing == ["starting start"]
    may_end.set()
