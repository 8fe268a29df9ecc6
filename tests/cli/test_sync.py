"""`sync`: what it refuses, and what a watch leaves behind."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
from dataclasses import replace

import click
import pytest

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.sync.copy import SyncPreview
from podplane_tui.backend.sync.output import Change, ChangeKind
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.remembered import read_settings, remember_sync
from podplane_tui.cli import sync
from podplane_tui.cli.acting import Act
from podplane_tui.cli.context import Choices
from tests.cli.support import Call, assert_refused, make_disk
from tests.conftest import Workspace


def test_sync_into_a_stopped_machine(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    assert_refused(call("sync", "/etc/hostname", "/tmp/"), 1, "default is stopped")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_that_is_ended_leaves_no_folder_behind(workspace: Workspace, number: signal.Signals) -> None:
    make_disk(workspace)
    temporary = workspace.root / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "podplane_tui", "sync", "--watch", str(workspace.root), "/there"],
        env={**workspace.environment, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("waiting for the VM")
        assert len(list(temporary.iterdir())) == 1
        process.send_signal(number)
    assert list(temporary.iterdir()) == []


def test_a_source_without_a_place_to_go_to_is_refused(call: Call) -> None:
    assert_refused(call("sync", "here"), 2, "sync FROM TO")


def test_there_is_nothing_to_do_again_where_nothing_was_copied(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    assert_refused(call("sync"), 2, "nothing was copied into podplane-local-default", "sync FROM TO")


def test_the_latest_copy_is_done_again_but_deletes_nothing_unasked(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    files = VMFiles("amd64", "default", workspace.data, workspace.runtime)
    remember_sync(files, SyncRequest("/other", "/there"))
    remember_sync(files, SyncRequest("/here/", "/opt/app/", "a:b", ("*.pyc",), delete=True, gitignore=True))
    result = call("sync", "--arch", "amd64")
    again, refused = result.stderr.splitlines()
    assert again == "again: /here/ -> /opt/app/"
    assert "default is stopped" in refused
    assert read_settings(files).syncs[0] == SyncRequest("/here/", "/opt/app/", "a:b", ("*.pyc",), gitignore=True)
    call("sync", "--arch", "amd64", "--chown", "c:d", "--exclude", "x", "--exclude", "y")
    assert read_settings(files).syncs[0] == SyncRequest("/here/", "/opt/app/", "c:d", ("x", "y"), gitignore=True)


def test_a_look_is_not_remembered(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    for options in (["--dry-run"], ["--delete"]):
        assert_refused(call("sync", *options, "--arch", "amd64", "/here", "/there"), 1, "default is stopped")
    files = VMFiles("amd64", "default", workspace.data, workspace.runtime)
    assert read_settings(files).syncs == ()


def test_what_is_remembered_is_found_from_any_folder(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    call("sync", "--arch", "amd64", "app/", "/opt/app/", cwd=workspace.root)
    files = VMFiles("amd64", "default", workspace.data, workspace.runtime)
    assert [request.source for request in read_settings(files).syncs] == [f"{workspace.root}/app/"]


PREVIEW = SyncPreview(
    (Change(ChangeKind.NEW, "a"), Change(ChangeKind.ATTRIBUTES, "b c")),
    (Change(ChangeKind.DELETED, "old"),),
    {ChangeKind.NEW: 1234, ChangeKind.CHANGED: 0, ChangeKind.ATTRIBUTES: 1, ChangeKind.DELETED: 1},
)
NOTHING = SyncPreview((), (), dict.fromkeys(ChangeKind, 0))


def test_a_dry_run_lists_deletions_first_and_sums_up() -> None:
    assert list(sync._lines(PREVIEW)) == ["deleted     old", "new         a", "attributes  b c"]
    assert sync._summary(PREVIEW) == "would be: 1,234 new, 1 attributes, 1 deleted"
    assert list(sync._lines(NOTHING)) == []
    assert sync._summary(NOTHING) == "everything is up to date"


def test_nothing_to_delete_is_no_question(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    sync._ask(Act(Choices()), NOTHING)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(click.UsageError, match="1 path would be deleted and there is nobody to ask: give --yes"):
        sync._ask(Act(Choices()), PREVIEW)


@pytest.mark.parametrize("answer", ["\n", "n\n", "y\n"])
def test_what_would_be_deleted_is_listed_before_the_question(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with (
        contextlib.nullcontext()
        if answer == "y\n"
        else pytest.raises(click.ClickException, match="nothing was copied and nothing deleted")
    ):
        sync._ask(Act(Choices()), PREVIEW)
    assert capfd.readouterr().out.startswith("  old\nDelete 1 path in the VM for good? [y/N]")


def test_an_empty_source_with_yes_is_refused_without_force(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    empty = workspace.root / "empty"
    empty.mkdir()
    for options in (["--yes"], ["--yes", "--watch"]):
        assert_refused(call("sync", "--delete", *options, f"{empty}/", "/opt/app"), 2, "is empty", "--force")
    assert_refused(call("sync", "--delete", "--yes", "--force", f"{empty}/", "/opt/app"), 1, "default is stopped")


def test_force_is_not_remembered(workspace: Workspace, call: Call) -> None:
    make_disk(workspace)
    call("sync", "--arch", "amd64", "--delete", "--yes", "--force", str(workspace.root), "/opt/app")
    files = VMFiles("amd64", "default", workspace.data, workspace.runtime)
    assert read_settings(files).syncs == (SyncRequest(str(workspace.root), "/opt/app", delete=True),)


def test_the_guests_system_is_refused_before_the_question(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInput, match=r"the VM's system in /etc: .*--force"):
        sync._ask(Act(Choices()), replace(PREVIEW, system="/etc"))
    assert capfd.readouterr() == ("", "")
    sync._tell(Act(Choices()), SyncRequest("/a", "/etc", delete=True), replace(PREVIEW, system="/etc"))
    assert "use --force" in capfd.readouterr().err
