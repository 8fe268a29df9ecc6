"""The create dialog: what it makes, and what it refuses with the reason."""

from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from podplane_tui.backend.config.model import CreateDefaults
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.vm.create import CreateSpec
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings
from podplane_tui.tui.app import PodplaneApp
from podplane_tui.tui.screens.create import CreateDialog, CreateRequest, PathSuggester, absolute, check_id
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.dialog import Question
from tests.backend.images.support import make
from tests.conftest import Workspace
from tests.tui.screens.support import cluster
from tests.tui.support import (
    app_of,
    dashboard,
    files_of,
    listed,
    make_app,
    make_disk,
    settled,
    text_of,
)
from tests.waiting import until


@pytest.mark.slow
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


@pytest.mark.slow
async def test_create_refuses_bad_ids_and_stays(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("n")
    await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
    bad = {"Bad_Name": "invalid cluster id", "local": "reserved", "alpha": "exists already", "": "invalid cluster id"}
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


@pytest.mark.slow
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
        dialog.query_one("#create-image", Input).value = "empty"
        dialog.query_one(f"#create-{field}", Input).value = path
        await pilot.press("enter")
        await until(partial(_complains, app, complaint), what=complaint)
        assert app.screen is dialog
        assert app.focused is dialog.query_one(f"#create-{field}")
    assert dialog.query_one("#create-id", Input).value == "gamma"
    assert app.jobs == ()


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
async def test_a_machine_is_made_with_all_that_was_asked_for(workspace: Workspace) -> None:
    user_data = workspace.root / "user-data"
    user_data.write_text("#cloud-config\n")
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        fields = {
            "id": "dev",
            "image": "empty",
            "disk-size": "1G",
            "cpus": "lots",
            "memory": "1G",
            "user-data": str(user_data),
        }
        for name, value in fields.items():
            app.screen.query_one(f"#create-{name}", Input).value = value
        await pilot.press("enter")
        error = app.screen.query_one("#create-error", Static)
        await until(lambda: "lots" in str(error.render()), what="the complaint")
        assert app.focused is app.screen.query_one("#create-cpus", Input)
        app.screen.query_one("#create-cpus", Input).value = "3"
        await pilot.press("enter")
        made = cluster(workspace)
        await until(made.files.settings.is_file, what="the machine")
        assert read_image(made.files.image).virtual_bytes == 2**30
        assert read_settings(made.files) == ClusterSettings(cpus="3", memory="1G", user_data=str(user_data))


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
async def test_the_create_dialog_begins_with_the_configured_defaults(workspace: Workspace) -> None:
    app = make_app(workspace, create=CreateDefaults(disk_size="1G", cpus="3", memory="1G"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        assert app.screen.query_one("#create-memory", Input).value == "1G"
        app.screen.query_one("#create-cpus", Input).value = ""
        app.screen.query_one("#create-image", Input).value = "empty"
        await pilot.press(*"dev", "enter")
        made = cluster(workspace)
        await until(made.files.settings.is_file, what="the machine")
        assert read_image(made.files.image).virtual_bytes == 2**30
        assert read_settings(made.files) == ClusterSettings(memory="1G")


@pytest.mark.slow
@pytest.mark.usefixtures("require_qemu")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "-"}, "invalid cluster id"),
        ({"id": "a", "image": "https://example.org/x.qcow2"}, "needs its digest"),
        ({"id": "a", "digest": "sha256:00"}, "leave the digest empty"),
        ({"id": "a", "image": "https://example.org/x.qcow2", "digest": "md5:00"}, "digest"),
        ({"id": "a", "disk-size": "big"}, "disk size"),
    ],
)
async def test_what_cannot_be_is_said_in_the_dialog(workspace: Workspace, fields: dict[str, str], words: str) -> None:
    app = make_app(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        for name, value in fields.items():
            app.screen.query_one(f"#create-{name}", Input).value = value
        await pilot.press("enter")
        error = app.screen.query_one("#create-error", Static)
        await until(lambda: words in str(error.render()), what="the complaint")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("dev", ""),
        ("a" * 32, ""),
        ("taken", "taken exists already: choose another id"),
        ("k8s", "reserved"),
        ("", "invalid cluster id"),
        ("a" * 33, "invalid cluster id"),
        ("Dev", "invalid cluster id"),
        ("a--b", "invalid cluster id"),
        ("-a", "invalid cluster id"),
        ("a\n", "invalid cluster id"),
    ],
)
def test_an_id_is_new_and_one_that_podplane_takes(value: str, words: str) -> None:
    error = check_id(value, frozenset({"taken"}))
    assert words in error
    assert bool(error) is bool(words)


def test_a_path_means_the_same_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert absolute("disk.qcow2") == str(tmp_path / "disk.qcow2")
    assert absolute("~/disk.qcow2") == "/home/somebody/disk.qcow2"
    assert absolute("/srv/../disk") == "/srv/../disk"  # links stay, as they were named
    assert absolute("") == ""


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", None),
        ("a", "alpine"),  # a name before a path
        ("deb", "debian.qcow2"),
        ("debian.qcow2", "debian.qcow2"),
        ("./fo", "./folder/"),
        ("folder/", "folder/inner"),
        (".h", ".hidden"),
        ("./", "./debian.qcow2"),  # what is hidden is for those who ask for it
        ("DEB", None),
        ("nowhere/x", None),
        ("debian.qcow2/x", None),
        ("~no-such-user-here/x", None),
        ("zzz", None),
    ],
)
async def test_the_first_entry_that_goes_on_as_typed_is_suggested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, found: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in (".hidden", "debian.qcow2", "debian\x1b.raw", "folder/inner"):
        (tmp_path / name).touch()
    assert await PathSuggester(("alpine",)).get_suggestion(value) == found


async def test_names_that_could_move_the_cursor_are_not_suggested(tmp_path: Path) -> None:
    (tmp_path / "disk\x1b[2J").touch()
    assert await PathSuggester().get_suggestion(f"{tmp_path}/d") is None


def test_the_home_of_a_user_who_does_not_exist_is_a_path_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("~nobody-of-that-name/disk") == f"{tmp_path}/~nobody-of-that-name/disk"


@pytest.mark.slow
async def test_an_image_that_brings_files_along_is_asked_about(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    base = make(workspace.root / "base.qcow2", "-F", "qcow2", "-b", str(make_disk(workspace, "beta")))
    listed_file = f"  • {workspace.data}/vms/podplane-local-beta.amd64.image.qcow2 (qcow2)"

    async def ask() -> None:
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog) and app.focused, what="the dialog")
        app.screen.query_one("#create-id", Input).value = "gamma"
        app.screen.query_one("#create-image", Input).value = str(base)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, Question), what="the question")
        assert listed_file in str(app.screen.query_one(".dialog-text", Static).render())

    await ask()
    await pilot.press("escape")
    await settled(pilot)
    assert not files_of(workspace, "gamma").image.exists()
    await ask()
    await pilot.click("#accept")
    await listed(app, "alpha", "beta", "gamma")
    assert read_settings(files_of(workspace, "gamma")).backing_chain[0] == f"{base} (qcow2)"


@pytest.mark.slow
async def test_the_next_try_takes_the_limit_that_was_set_meanwhile(pilot: Pilot[None]) -> None:
    app, answers = app_of(pilot), list[CreateRequest | None]()
    url, digest = "https://images.invalid/d.qcow2", f"sha256:{'0' * 64}"
    start = CreateRequest("gamma", CreateSpec(url, digest, max_size="1M"))
    dialog = CreateDialog(taken=frozenset(), defaults=CreateDefaults(max_size="30G"), start=start, error="too large")
    app.push_screen(dialog, answers.append)
    await until(lambda: app.screen is dialog and app.focused, what="the dialog")
    await pilot.press("enter")
    await until(lambda: answers, what="the answer")
    assert answers == [CreateRequest("gamma", CreateSpec(url, digest, max_size="30G"))]
