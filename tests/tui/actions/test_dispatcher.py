"""What becomes of a key that asks for a verb: refused with the reason, asked, asked again when it failed."""

import threading
from functools import partial
from typing import NoReturn

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import CreateFailed
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.help import HelpScreen
from podplane_tui.tui.screens.sync import PausedDialog
from tests.conftest import Workspace
from tests.tui.support import (
    app_of,
    dashboard,
    files_of,
    listed,
    make_disk,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until


def _said(app: PodplaneApp, words: str) -> bool:
    return toasts(app) == [words]


@pytest.mark.slow
async def test_keys_that_make_no_sense_are_refused_with_the_reason(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    reasons = {
        "c": "alpha is stopped: press s to start it.",
        "enter": "alpha is stopped: press s to start it.",
        "x": "alpha is not running",
        "r": "alpha is stopped: start it first (s)",
        "y": "alpha is stopped: start it first (s)",
        "P": "alpha is stopped: start it first (s)",
        "R": "alpha is stopped: start it first (s)",
        "exclamation_mark": "nothing is wrong with alpha",
    }
    for key, reason in reasons.items():
        app.clear_notifications()
        await pilot.press(key)
        await until(partial(_said, app, reason), what=f"what is said about {key}")
        assert isinstance(app.screen, Dashboard)


@pytest.mark.slow
async def test_a_create_that_fails_is_asked_about_again_with_what_was_typed(
    pilot: Pilot[None], workspace: Workspace
) -> None:
    app = app_of(pilot)
    url, digest = "http://127.0.0.1:1/no[red].qcow2", "sha256:" + "0" * 64
    await pilot.press("n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    first = app.screen
    typed = {"id": "gamma", "image": url, "digest": digest, "memory": "3G"}
    for name, value in typed.items():
        first.query_one(f"#create-{name}", Input).value = value
    await pilot.press("enter")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.screen is not first, what="the dialog once more")
    await until(lambda: app.focused, what="its focus")
    assert app.jobs[-1].outcome == "failed"
    assert "127.0.0.1" in app.jobs[-1].message
    assert app.jobs[-1].message[:40] in text_of(app, "#create-error")
    for name, value in typed.items():
        assert app.screen.query_one(f"#create-{name}", Input).value == value
    assert not files_of(workspace, "gamma").image.exists()
    await pilot.press("escape")
    await until(lambda: app.screen is dashboard(app), what="the list")
    make_disk(workspace, "gamma")  # by somebody else, later: the cursor has no business there
    await listed(app, "alpha", "beta", "gamma")
    await settled(pilot)
    assert dashboard(app).table.selected == "alpha.amd64"
    await pilot.press("n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="a dialog for another one")
    assert app.screen.query_one("#create-id", Input).value == ""


@pytest.mark.slow
async def test_a_create_that_fails_disturbs_nobody_and_waits_for_the_next_wish(
    pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(pilot)
    go_on = threading.Event()

    def fail(*_arguments: object, **_keywords: object) -> NoReturn:
        go_on.wait()
        raise CreateFailed("the [red] disk is full")

    monkeypatch.setattr(Cluster, "create", fail)
    await pilot.press("n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    app.screen.query_one("#create-image", Input).value = "empty"
    await pilot.press(*"gamma", "enter")
    await until(lambda: app.jobs, what="the job")
    await pilot.press("question_mark")
    await until(lambda: isinstance(app.screen, HelpScreen), what="help")
    go_on.set()
    await until(lambda: any("[red] disk" in message for message in toasts(app)), what="the toast, brackets and all")
    await settled(pilot)
    assert isinstance(app.screen, HelpScreen)
    await pilot.press("escape", "n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    assert app.screen.query_one("#create-id", Input).value == "gamma"
    assert "the [red] disk is full" in text_of(app, "#create-error")


@pytest.mark.slow
async def test_a_paused_watch_says_so_and_the_key_of_watches_answers_it(pilot: Pilot[None]) -> None:
    app, answers = app_of(pilot), list[bool]()

    def watch(control: Control) -> str:
        assert control.ask is not None
        answers.append(control.ask("Paused: /src is [red] empty now. Copy?"))
        return ""

    jobs = app.actions.jobs
    for keys, answer in ((("right", "right", "enter"), True), (("right", "enter"), False)):
        app.run_worker(jobs.run(Verb.WATCH, "alpha.amd64", "/src → alpha:/dst", watch, slot="watch"))
        await until(lambda: any("Paused: /src is [red] empty now" in each for each in toasts(app)), what="the toast")
        assert any(f"Press {app.key('vm.watch')} on the VM to answer." in each for each in toasts(app))
        await pilot.press("W")
        await until(lambda: isinstance(app.screen, PausedDialog), what="the question")
        await settled(pilot)
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, Dashboard), what="the list, with the watch paused still")
        assert jobs.paused("alpha.amd64") is not None
        await pilot.press("W")
        await until(lambda: isinstance(app.screen, PausedDialog), what="the question")
        await settled(pilot)
        await pilot.press(*keys)
        await until(lambda: not jobs.busy, what="its end")
        assert answers.pop() is answer
        app.clear_notifications()
