"""Every key of the main screen, at the smallest usable size and at an ordinary one, on real directories."""

import os
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
import pytest_asyncio
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Footer, Input, OptionList

from podplane_tui.backend.core.errors import CreateFailed
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.inventory import Inventory
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.saved_view import recall
from podplane_tui.tui.screens import dashboard_keys
from podplane_tui.tui.screens.columns import ColumnsDialog
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.delete import DeleteDialog
from podplane_tui.tui.screens.help import HelpScreen
from podplane_tui.tui.screens.tour import Tour
from podplane_tui.tui.widgets.details.panel import DetailsPanel
from podplane_tui.tui.widgets.vm_list.table import VMTable
from tests.conftest import Workspace
from tests.tui.support import (
    SIZES,
    dashboard,
    files_of,
    listed,
    make_app,
    make_disk,
    painted,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("require_qemu")]


@pytest_asyncio.fixture(params=SIZES, ids=lambda size: "x".join(map(str, size)))
async def pilot(request: pytest.FixtureRequest, workspace: Workspace) -> AsyncIterator[Pilot[None]]:
    """The dashboard with two stopped machines, alpha and beta."""
    make_disk(workspace, "alpha")
    make_disk(workspace, "beta")
    async with make_app(workspace).run_test(size=request.param) as pilot:
        app = app_of(pilot)
        await listed(app, "alpha", "beta")
        await settled(pilot)
        yield pilot


def app_of(pilot: Pilot[None]) -> PodplaneApp:
    assert isinstance(pilot.app, PodplaneApp)
    return pilot.app


def screen_text(pilot: Pilot[None]) -> str:
    return "\n".join(painted(app_of(pilot)))


def footer_text(app: PodplaneApp) -> str:
    """The last line of the main screen, whatever lies above it."""
    screen = dashboard(app)
    return screen._compositor.render_strips()[screen.size.height - 1].text


def details_text(app: PodplaneApp) -> str:
    options = app.screen.query_one("#details OptionList", OptionList).options
    return "\n".join(str(option.prompt) for option in options)


async def details_shown(app: PodplaneApp) -> None:
    await until(lambda: app.screen.query(DetailsPanel), what="the panel")
    await until(lambda: app.screen.query_one("#details", DetailsPanel).files, what="the files")


async def test_it_lists_what_is_on_disk(pilot: Pilot[None]) -> None:
    text = screen_text(pilot)
    for word in ("CLUSTER", "STATE", "CPU %", "MEMORY", "DISK", "UPTIME", "SSH", "alpha", "beta", "○ stopped", "/128G"):
        assert word in text
    assert "○ 2 stopped" in text


async def test_every_key_of_the_footer_fits(pilot: Pilot[None]) -> None:
    last = painted(app_of(pilot))[-1]
    for words in ("n New", "s Start", "x Stop", "r Restart", "d Delete", "y Sync", "c Console", "/ Filter", "? Help"):
        assert words in last
    assert last.rstrip().endswith("q Quit")


@pytest.mark.parametrize("behind", [None, "n"], ids=["alone", "behind-a-dialog"])
async def test_the_footer_fits_again_after_a_resize_and_help_and_quit_stay(
    pilot: Pilot[None], behind: str | None
) -> None:
    app = app_of(pilot)
    if behind is not None:
        await pilot.press(behind)
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    for columns, keys in [
        (60, "n New s Start x Stop d Delete c Console ? Help q Quit"),
        (80, "n New s Start x Stop r Restart d Delete y Sync c Console / Filter ? Help q Quit"),
        (20, "? Help q Quit"),
        (120, " n New  s Start  x Stop  r Restart  d Delete  y Sync  c Console  / Filter  ? Help  q Quit"),
    ]:
        await pilot.resize_terminal(columns, 24)
        await settled(pilot)
        assert footer_text(app).rstrip() == keys


async def test_the_console_has_room(pilot: Pilot[None]) -> None:
    panel = app_of(pilot).screen.query_one("#console")
    assert panel.size.height >= 10
    assert panel.size.width >= 78


async def test_every_binding_has_an_id_and_says_what_it_does(pilot: Pilot[None]) -> None:
    ids = []
    for binding in Dashboard.BINDINGS:
        assert not isinstance(binding, tuple)
        assert binding.id
        assert binding.tooltip
        ids.append(binding.id)
    assert len(set(ids)) == len(ids)
    keys = [key for binding in Dashboard.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")]
    assert len(set(keys)) == len(keys)


async def test_what_appears_and_goes_on_disk_shows(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    image = make_disk(workspace, "aaa")
    await listed(app, "aaa", "alpha", "beta")
    await settled(pilot)
    assert dashboard(app).table.selected == "alpha.amd64"
    image.unlink()
    await listed(app, "alpha", "beta")


async def test_q_quits_at_once(pilot: Pilot[None]) -> None:
    await pilot.press("q")
    await until(lambda: not app_of(pilot).is_running, what="the end", seconds=10)


async def test_slash_filters_and_escape_clears(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("slash", "b", "e", "t")
    await settled(pilot)
    assert len(app.screen.query_one(VMTable).order) == 1
    assert dashboard(app).table.selected == "beta.amd64"
    assert "VMs 1 of 2" in screen_text(pilot)
    await pilot.press("enter")
    assert isinstance(app.focused, VMTable)
    assert len(app.screen.query_one(VMTable).order) == 1
    await pilot.press("escape")
    await settled(pilot)
    assert len(app.screen.query_one(VMTable).order) == 2
    assert not app.screen.query_one("#filter", Input).display


async def test_an_empty_filter_goes_with_enter(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("slash")
    assert isinstance(app.focused, Input)
    await pilot.press("enter")
    await settled(pilot)
    assert not app.screen.query_one("#filter", Input).display


async def test_f_gives_the_panel_the_whole_screen(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    before = app.screen.query_one("#console").size.height
    await pilot.press("f")
    await settled(pilot)
    assert not app.screen.query_one("#machines").display
    assert app.screen.query_one("#console").size.height > before
    await pilot.press("escape")
    await settled(pilot)
    assert app.screen.query_one("#machines").display
    assert isinstance(app.focused, VMTable)


async def test_the_keys_of_the_tabs_change_the_panel(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("4")
    await details_shown(app)
    assert not app.screen.query_one("#console").display
    words = {"podplane-local-alpha", files_of(workspace, "alpha").image.name, "not running"}
    await until(lambda: all(each in details_text(app) for each in words), what="the details")
    await pilot.press("down")
    await until(lambda: "podplane-local-beta" in details_text(app), what="the details of the next machine")
    await pilot.press("1")
    await until(lambda: app.screen.query_one("#console").display, what="the console")


async def test_the_title_says_whose_state_it_tells(pilot: Pilot[None]) -> None:
    await pilot.press("6")
    await until(lambda: "─ local server · down" in screen_text(pilot), what="the server's state, not a machine's")
    await pilot.press("4")
    await until(lambda: "─ alpha" in screen_text(pilot), what="the machine's name")


async def test_the_tabs_in_the_title_can_be_clicked(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    row = next(y for y, line in enumerate(painted(app)) if "Details Events" in line)
    column = painted(app)[row].index("Details")
    await pilot.click(offset=(column + 1, row))
    await settled(pilot)
    assert dashboard(app).tab == "details"
    await pilot.click(offset=(painted(app)[row].index("Console") + 1, row))
    await settled(pilot)
    assert dashboard(app).tab == "console"


async def test_a_click_selects_a_row_and_does_not_type(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    row = next(y for y, line in enumerate(painted(app)) if " beta " in line)
    await pilot.click(offset=(10, row))
    await settled(pilot)
    assert dashboard(app).table.selected == "beta.amd64"
    assert toasts(app) == []


async def test_the_footer_can_be_clicked(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    line = painted(app)[-1]
    await pilot.click(Footer, offset=(line.index("? Help") + 2, 0))
    await settled(pilot)
    assert isinstance(app.screen, HelpScreen)


async def test_the_console_of_a_stopped_machine_says_so(pilot: Pilot[None]) -> None:
    assert "alpha is stopped: press s to start it." in text_of(app_of(pilot), "#console-notice")


def _said(app: PodplaneApp, words: str) -> bool:
    return toasts(app) == [words]


async def test_keys_that_make_no_sense_are_refused_with_the_reason(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    reasons = {
        "c": "alpha is stopped: press s to start it.",
        "enter": "alpha is stopped: press s to start it.",
        "x": "alpha is stopped already",
        "r": "alpha is stopped: start it first (s)",
        "y": "alpha is stopped: start it first (s)",
        "P": "alpha is stopped: start it first (s)",
        "R": "alpha is stopped: start it first (s)",
        "exclamation_mark": "alpha is stopped: there is nothing to repair",
    }
    for key, reason in reasons.items():
        app.clear_notifications()
        await pilot.press(key)
        await until(partial(_said, app, reason), what=f"what is said about {key}")
        assert isinstance(app.screen, Dashboard)


async def test_question_mark_shows_all_keys(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("question_mark")
    await settled(pilot)
    text = text_of(app, "#help-text")
    for binding in Dashboard.BINDINGS:
        assert not isinstance(binding, tuple)
        assert binding.tooltip in text
    for words in ("Stop typing", "Scroll back", "command palette"):
        assert words in text
    await pilot.press("escape")
    await settled(pilot)
    assert isinstance(app.screen, Dashboard)


async def test_e_shows_the_events_and_escape_goes_back_to_the_list(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("e")
    await until(lambda: app.focused is not None and app.focused.id == "events-list", what="the events")
    assert dashboard(app).tab == "events"
    await until(lambda: "Nothing has happened yet." in text_of(app, "#events-text"), what="that there are none")
    await pilot.press("escape")
    await until(lambda: isinstance(app.focused, VMTable), what="the list")


async def test_keys_do_not_go_to_a_panel_that_is_out_of_view(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("e", "4")
    await until(lambda: dashboard(app).tabs.panel is not None and dashboard(app).tab == "details", what="the details")
    await until(lambda: isinstance(app.focused, VMTable), what="the list")
    await pilot.press("down")
    await until(lambda: dashboard(app).table.selected == "beta.amd64", what="the next machine")


async def nothing_agreed(app: PodplaneApp) -> None:
    """Wait for the end of a question after which nothing is done."""
    await until(lambda: not app.actions.asking, what="the end of the question")
    assert isinstance(app.screen, Dashboard)
    assert app.jobs == ()


async def test_delete_lists_what_goes_and_cancel_has_the_focus(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    files = files_of(workspace, "alpha")
    files.seed.write_bytes(bytes(5000))
    files.cluster_dir.mkdir(parents=True)
    files.user_data.write_text("#cloud-config\n")
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    await settled(pilot)
    listed_text = text_of(app, "#delete-list")
    for name in (files.image.name, files.seed.name, "alpha/"):
        assert name in listed_text
    assert "8K" in listed_text
    assert "beta" not in listed_text
    assert app.focused is not None
    assert app.focused.id == "cancel"
    await pilot.press("enter")
    await nothing_agreed(app)
    assert files.image.exists()


async def test_escape_leaves_the_delete_dialog(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    await pilot.press("right", "escape")
    await nothing_agreed(app)
    assert files_of(workspace, "alpha").image.exists()


async def test_delete_removes_exactly_what_it_listed(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    await pilot.press("right", "enter")
    await listed(app, "beta")
    await until(lambda: [job.headline for job in app.jobs] == ["deleted alpha"], what="the job's end")
    assert not files_of(workspace, "alpha").image.exists()
    assert files_of(workspace, "beta").image.exists()
    await until(lambda: "✓ deleted alpha" in screen_text(pilot), what="the job's line")


async def test_a_delete_that_fails_stays_readable(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    files = files_of(workspace, "alpha")
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    files.pid_dir.mkdir(parents=True, exist_ok=True)
    files.lock.mkdir()  # a directory where the lock belongs: no lock can be had
    await pilot.press("right", "enter")
    await until(lambda: app.jobs and not app.jobs[-1].active, what="the job's end")
    assert files.image.exists()
    assert app.jobs[-1].outcome == "failed"
    assert str(files.lock) in app.jobs[-1].message
    await until(lambda: any(str(files.lock) in message for message in toasts(app)), what="the toast")
    await until(lambda: "✗ delete alpha failed" in screen_text(pilot), what="the job's line")
    await pilot.press("e")
    await until(lambda: app.screen.query("#events-text"), what="the events")
    await until(lambda: str(files.lock) in text_of(app, "#events-text"), what="the whole error")
    await pilot.press("1")
    await until(lambda: "✗ delete alpha failed" not in screen_text(pilot), what="the end of the job's line")


async def test_create_makes_a_disk_and_selects_it(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    base = make_disk(workspace, "beta")
    await pilot.press("n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    await pilot.press(*"gamma")
    await pilot.press("tab")
    app.screen.query_one("#create-image", Input).value = str(base)
    await pilot.press("enter")
    await listed(app, "alpha", "beta", "gamma")
    await until(lambda: dashboard(app).table.selected == "gamma.amd64", what="the new machine to be selected")
    assert files_of(workspace, "gamma").image.read_bytes()[:4] == b"QFI\xfb"
    assert [job.headline for job in app.jobs] == ["created gamma"]


async def test_create_refuses_bad_ids_and_stays(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    bad = {"Bad_Name": "not valid", "local": "reserved", "alpha": "exists already", "": "not valid"}
    for cluster_id, complaint in bad.items():
        app.screen.query_one("#create-id", Input).value = cluster_id
        await settled(pilot)
        assert text_of(app, "#create-error") == ""
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, CreateDialog)
        assert complaint in text_of(app, "#create-error")
    await pilot.press("escape")
    await settled(pilot)
    assert isinstance(app.screen, Dashboard)
    assert app.jobs == ()


def _complains(app: PodplaneApp, words: str) -> bool:
    return words in text_of(app, "#create-error")


async def test_create_says_what_is_wrong_with_a_path_before_it_closes(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    junk = workspace.root / "junk[red].img"
    junk.write_text("no image at all")
    await pilot.press("n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    dialog = app.screen
    await pilot.press(*"gamma")
    for field, path, complaint in [
        ("image", str(junk), "junk[red].img is not a qcow2 image"),
        ("image", f"{workspace.root}/nothing", "there is no file"),
        ("user-data", f"{workspace.root}/none.yaml", "there is no user-data file"),
    ]:
        dialog.query_one("#create-image", Input).value = ""
        dialog.query_one(f"#create-{field}", Input).value = path
        await pilot.press("enter")
        await until(partial(_complains, app, complaint), what=complaint)
        assert app.screen is dialog
        assert app.focused is dialog.query_one(f"#create-{field}")
    assert dialog.query_one("#create-id", Input).value == "gamma"
    assert app.jobs == ()


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


async def test_the_create_dialog_completes_paths(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    (workspace.root / "debian-13.qcow2").touch()
    await pilot.press("n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    field = app.screen.query_one("#create-image", Input)
    field.focus()
    field.value = f"{workspace.root}/deb"
    field.cursor_position = len(field.value)
    await until(lambda: field._suggestion, what="a suggestion")
    await pilot.press("right")
    assert field.value == f"{workspace.root}/debian-13.qcow2"


async def test_the_palette_has_the_verbs_that_make_sense(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    names = [command.title for command in app.get_system_commands(app.screen)]
    assert {"New VM", "Start alpha", "Delete alpha", "Events", "Boot", "Find", "Columns", "Tour", "Theme"} <= set(names)
    assert len(names) == len(set(names))
    assert "Stop alpha" not in names
    assert not {"Keys", "Maximize"} & set(names)  # help and the full view are ours
    await pilot.press("ctrl+p")
    await settled(pilot)
    await pilot.press(*"New VM")
    await settled(pilot)
    await pilot.press("down", "enter")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")


async def test_any_size_is_survived(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    for size in [(20, 5), (1, 1), (5, 2), (200, 50), (79, 23), (300, 8)]:
        await pilot.resize_terminal(*size)
        await settled(pilot)
    await pilot.resize_terminal(20, 5)
    await pilot.press("4", "question_mark", "escape", "n", "escape", "e", "escape", "slash", "escape", "f", "f", "1")
    await pilot.resize_terminal(80, 24)
    await settled(pilot)
    assert isinstance(app.screen, Dashboard)
    assert "alpha" in screen_text(pilot)


async def test_themes_can_be_switched(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    for theme in ("textual-light", "nord", "solarized-light", "ansi-dark"):
        app.theme = theme
        await settled(pilot)
        assert "○ stopped" in screen_text(pilot)


async def test_a_broken_machine_is_a_row_that_says_what_is_wrong(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    files_of(workspace, "zulu").image.write_bytes(b"junk")
    await listed(app, "alpha", "beta", "zulu")
    await pilot.press("end")
    await until(lambda: "! broken" in screen_text(pilot), what="the state")
    await until(lambda: "not a qcow2" in text_of(app, "#console-notice"), what="what is wrong")
    await pilot.press("s")
    await until(lambda: toasts(app), what="a toast")
    assert toasts(app) == ["zulu is broken: press ! to repair it first"]


async def test_a_look_that_finds_nothing_new_changes_nothing(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    first = app.vms
    os.utime(files_of(workspace, "alpha").image)
    make_disk(workspace, "other", "arm64").unlink()
    app._look_now.set()
    await until(lambda: not app._look_now.is_set(), what="another look")
    await settled(pilot)
    assert app.vms is first


async def test_a_verb_is_about_the_machine_the_key_before_it_went_to(
    pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(pilot)
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(PodplaneApp, "on_action_requested", lambda _, event: asked.append(event.keys))
    for key in ("down", "s", "up", "s"):  # without a moment between them, as somebody types who knows what is there
        app.simulate_key(key)
    await until(lambda: len(asked) == 2, what="both")
    assert asked == [("beta.amd64",), ("alpha.amd64",)]


async def test_a_verb_acts_on_all_marked_machines_after_one_question(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("asterisk")
    await settled(pilot)
    assert "2 marked" in screen_text(pilot)
    await pilot.press("slash", "b", "e", "enter", "d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    await settled(pilot)
    text = screen_text(pilot)
    assert "Delete 2 VMs?" in text
    assert "1 of them hidden by the filter" in text
    for cluster_id in ("alpha", "beta"):
        assert files_of(workspace, cluster_id).image.name in text_of(app, "#delete-list")
    await pilot.press("right", "enter")
    await listed(app)
    done = ["deleted alpha", "deleted beta"]
    await until(lambda: sorted(job.headline for job in app.jobs) == done, what="the end of both jobs")


async def test_marked_machines_a_verb_makes_no_sense_for_are_refused(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("asterisk", "x")
    await until(lambda: toasts(app), what="a toast")
    assert toasts(app) == ["alpha is stopped already; beta is stopped already"]
    await pilot.press("escape")
    assert app.screen.query_one(VMTable).marked == frozenset()


async def test_order_and_columns_are_remembered(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("I")
    await until(lambda: recall(app._memory_path).view.sorting.descending, what="a memory")
    async with make_app(workspace).run_test(size=(80, 24)) as other:
        await listed(app_of(other), "alpha", "beta")
        assert app_of(other).screen.query_one(VMTable).view.sorting.descending
    await pilot.press("C")
    await until(lambda: isinstance(app.screen, ColumnsDialog), what="the dialog")
    await pilot.press("space", "up", "enter")
    await until(lambda: "state" in app.screen.query_one(VMTable).view.hidden, what="a column less")
    await settled(pilot)
    assert "STATE" not in screen_text(pilot)


async def test_what_is_old_looks_old(pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch) -> None:
    app, go_on, look = app_of(pilot), threading.Event(), Inventory.statuses

    def hang(inventory: Inventory) -> tuple[VMStatus, ...]:
        go_on.wait()
        return look(inventory)

    monkeypatch.setattr(Inventory, "statuses", hang)  # as a network file system that does not answer
    try:
        await until(lambda: app.stale_for, what="age")
        await settled(pilot)
        assert "no answer for" in screen_text(pilot)
        assert app.screen.query_one(VMTable).has_class("-stale")
    finally:
        go_on.set()
    await until(lambda: not app.stale_for, what="the next look")
    await settled(pilot)
    assert not app.screen.query_one(VMTable).has_class("-stale")


async def test_a_value_in_the_details_is_copied_with_enter(
    pilot: Pilot[None], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(pilot)
    await pilot.press("4")
    await details_shown(app)
    await pilot.press("enter")
    await until(lambda: isinstance(app.focused, OptionList), what="the details to have the keys")
    await pilot.press("home", "enter")
    await until(lambda: app.clipboard == "podplane-local-alpha", what="the copy")
    await pilot.press("Y")
    await until(lambda: "No SSH port is forwarded to this VM." in toasts(app), what="the reason")


async def test_every_command_of_the_palette_names_its_key(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    commands = {name: words for name, words, _ in dashboard_keys.commands(dashboard(app), dashboard(app).vm)}
    assert commands["Start alpha"].endswith(" · s")
    assert commands["Find"].endswith(" · ^f")
    assert commands["Columns"].endswith(" · C")


async def test_the_help_begins_with_where_one_is(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    assert dashboard_keys.key_sections(dashboard(app))[0][0] in {"View", "List"}
    await pilot.press("e")
    await until(lambda: app.focused is not None and app.focused.id == "events-list", what="the events")
    sections = dashboard_keys.key_sections(dashboard(app))
    assert sections[0][0] == "Events"
    assert any("Give the job under the cursor up" in words for _, words in sections[0][1])


async def test_the_tour_turns_its_pages_and_ends(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("f1")
    await until(lambda: isinstance(app.screen, Tour), what="the tour")
    await settled(pilot)
    assert "local Podplane clusters" in text_of(app, "#tour-text")
    await pilot.press("right")
    await settled(pilot)
    assert "serial console" in text_of(app, "#tour-text")
    await pilot.press("left", *["right"] * 4)
    await settled(pilot)
    assert isinstance(app.screen, Dashboard)


async def test_a_newcomer_is_told_of_the_tour_once(workspace: Workspace) -> None:
    for expected in (True, False):
        app = make_app(workspace, welcome=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await listed(app)
            await settled(pilot)
            assert any("F1" in message for message in toasts(app)) is expected
            path = app._memory_path
            await until(partial(_is_toured, path), what="the memory of it")


def _is_toured(path: Path) -> bool:
    return recall(path).toured
