"""The line about jobs: which of several it shows, and for how long."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from textual.app import App

from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.state.jobs import Job, Outcome
from podplane_tui.tui.widgets import job_strip
from podplane_tui.tui.widgets.job_strip import JobStrip
from tests.waiting import until

if TYPE_CHECKING:
    import pytest
    from textual.app import ComposeResult


class StripApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.strip = JobStrip()

    def compose(self) -> ComposeResult:
        yield self.strip

    @property
    def text(self) -> str:
        return str(self.strip.visual) if self.strip.display else ""


def begun(number: int, name: str) -> Job:
    return Job(number, Verb.START, f"{name}.amd64", name, time.monotonic(), time.time())


def ended(job: Job, outcome: Outcome) -> Job:
    return replace(job, outcome=outcome, ended=time.monotonic())


@pytest.mark.slow
async def test_a_failure_outlives_what_ran_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_strip, "LINGER", 0.2)
    app = StripApp()
    async with app.run_test(size=(80, 4)):
        first, second = begun(1, "first"), begun(2, "second")
        app.strip.jobs = (first, second)
        first = ended(first, Outcome.FAILED)
        app.strip.jobs = (first, second)
        assert "starting second" in app.text
        second = ended(second, Outcome.DONE)
        app.strip.jobs = (first, second)
        assert "started second" in app.text
        await until(lambda: "start first failed" in app.text, what="the failure again, once the good end was seen")
        third = begun(3, "third")
        app.strip.jobs = (first, second, ended(third, Outcome.DONE))
        await until(lambda: app.text == "", what="nothing: another job has begun since the failure")


async def test_what_ends_after_the_journal_was_read_is_not_read_yet() -> None:
    app = StripApp()
    async with app.run_test(size=(80, 4)):
        first, second = begun(1, "first"), begun(2, "second")
        second = ended(second, Outcome.FAILED)
        app.strip.jobs = (first, second)
        app.strip.read_at = time.monotonic()
        first = ended(first, Outcome.FAILED)
        app.strip.jobs = (first, second)
        assert "start first failed" in app.text
        app.strip.read_at = time.monotonic()
        assert app.text == ""


async def test_long_words_leave_room_for_what_stands_behind_them() -> None:
    app = StripApp()
    async with app.run_test(size=(60, 4)) as pilot:
        failed = replace(ended(begun(1, "first"), Outcome.FAILED), message="no such image " * 20)
        app.set_keymap({"events.show": "f9"})
        app.strip.jobs = (failed,)
        assert app.text.endswith("…  ·  F9: events")
        assert len(app.text) == 60
        await pilot.resize_terminal(50, 4)
        await until(lambda: len(app.text) == 50 and app.text.endswith("F9: events"), what="the narrower line")
