"""What is remembered of a cluster."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from podplane_tui.backend.core import file_lock
from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.file_identity import file_identity
from podplane_tui.backend.recording.store import begin, belongs_to
from podplane_tui.backend.ssh.known_hosts import read_host_keys, trust
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm import remembered as settings
from podplane_tui.backend.vm.remembered import (
    MAX_SYNCS,
    ClusterSettings,
    claim,
    has_former,
    read_settings,
    remember_sync,
    update_settings,
)
from podplane_tui.backend.vm.user_data import keep_user_data
from tests.backend.core.test_file_lock import during


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    return VMFiles("amd64", "dev", tmp_path / "data", tmp_path / "run", tmp_path / "state")


def test_what_is_remembered_is_read_again(files: VMFiles) -> None:
    assert read_settings(files) == ClusterSettings()
    update_settings(files, cpus="4")
    assert update_settings(files, memory="8G") == ClusterSettings(cpus="4", memory="8G")
    assert read_settings(files) == ClusterSettings(cpus="4", memory="8G")
    assert files.settings == files.own_state / "clusters" / "podplane-local-dev.amd64.json"
    assert files.settings.stat().st_mode & 0o777 == 0o600


def test_what_another_version_wrote_survives(files: VMFiles) -> None:
    files.settings.parent.mkdir(parents=True)
    files.settings.write_text('{"cpus": "2", "colour": ["blue"]}')
    update_settings(files, user="root")
    written = json.loads(files.settings.read_text())
    assert (written["cpus"], written["user"], written["colour"]) == ("2", "root", ["blue"])


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"cpus": 4}', "\x00", "[" * 9000])
def test_what_cannot_be_understood_counts_as_nothing(files: VMFiles, content: str) -> None:
    files.settings.parent.mkdir(parents=True)
    files.settings.write_text(content)
    assert read_settings(files) == ClusterSettings()
    assert update_settings(files, cpus="1").cpus == "1"


def test_copies_are_remembered_latest_first_and_once(files: VMFiles) -> None:
    first = SyncRequest("/a/", "/b", "root:root", ("*.o", "two words"), delete=True, gitignore=True)
    remember_sync(files, first)
    remember_sync(files, SyncRequest("/c", "/d"))
    assert read_settings(files).syncs == (SyncRequest("/c", "/d"), first)
    again = SyncRequest("/a/", "/b")
    remember_sync(files, again)
    assert read_settings(files).syncs == (again, SyncRequest("/c", "/d"))
    for number in range(2 * MAX_SYNCS):
        remember_sync(files, SyncRequest(f"/{number}", "/d"))
    assert [request.source for request in read_settings(files).syncs] == [
        f"/{number}" for number in reversed(range(MAX_SYNCS, 2 * MAX_SYNCS))
    ]


def test_copies_that_are_none_are_passed_over(files: VMFiles) -> None:
    files.settings.parent.mkdir(parents=True)
    good = {"source": "a", "destination": "b"}
    bad: list[object] = [1, None, {}, {"source": "a"}, {**good, "excludes": "x"}, {**good, "chown": 1}]
    files.settings.write_text(json.dumps({"cpus": "2", "syncs": [*bad, {**good, "delete": "yes"}]}))
    assert read_settings(files) == ClusterSettings(cpus="2", syncs=(SyncRequest("a", "b"),))


def test_a_copy_means_the_same_from_every_folder(
    files: VMFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for source, remembered in (
        ("src", f"{tmp_path}/src"),
        ("src/", f"{tmp_path}/src/"),
        (".", f"{tmp_path}/"),
        ("/", "/"),
    ):
        remember_sync(files, SyncRequest(source, "/d"))
        assert read_settings(files).syncs[0].source == remembered


def test_what_can_not_be_remembered_disturbs_nobody(files: VMFiles) -> None:
    files.own_state.write_text("a file where the folder should be")
    remember_sync(files, SyncRequest("/a", "/b"))
    assert read_settings(files).syncs == ()


def test_a_folder_in_the_place_of_the_lock_disturbs_no_copy(files: VMFiles) -> None:
    files.settings_lock.mkdir(parents=True)
    with pytest.raises(CorruptFile, match="is not a regular file"):
        update_settings(files, cpus="4")
    remember_sync(files, SyncRequest("/a", "/b"))
    assert read_settings(files) == ClusterSettings()


def test_two_that_change_it_at_once_lose_nothing(files: VMFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    other = during(monkeypatch, settings, lambda: update_settings(files, memory="8G"))
    update_settings(files, cpus="4")
    other.join()
    assert read_settings(files) == ClusterSettings(cpus="4", memory="8G")
    assert [path.name for path in files.settings.parent.iterdir()] == [files.settings.name]


def test_whoever_holds_the_lock_for_good_is_not_waited_for_as_long(
    files: VMFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lock, "_PATIENCE", 0.0)
    files.settings.parent.mkdir(parents=True)
    handle = file_lock.try_acquire(files.settings_lock)
    assert handle is not None
    with pytest.raises(TimeoutError, match="another program") as caught:
        update_settings(files, cpus="4")
    error = caught.value
    assert (error.strerror, error.filename) == ("another program holds its lock: end that", str(files.settings_lock))
    remember_sync(files, SyncRequest("/a", "/b"))
    file_lock.release(files.settings_lock, handle)
    assert read_settings(files) == ClusterSettings()


def disk(files: VMFiles) -> None:
    """Another file at the disk's path than before, born after all that was before: the clock of births is coarse."""
    files.image_dir.mkdir(parents=True, exist_ok=True)
    now = time.time_ns()

    def is_born() -> bool:
        files.image.unlink(missing_ok=True)
        files.image.write_bytes(b"x")
        identity = file_identity(files.image)
        return identity is not None and (identity.born is None or identity.born > now)

    while not is_born():
        pass


def test_what_was_remembered_of_a_former_disk_is_not_read_and_goes_with_the_next_change(files: VMFiles) -> None:
    disk(files)
    update_settings(files, cpus="4")
    keep_user_data(files, "#cloud-config\n")
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, "ssh-ed25519 AAAA")
    old = begin(files)
    assert not has_former(files)
    claim(files)
    assert read_settings(files).cpus == "4"
    disk(files)
    assert has_former(files)
    assert read_settings(files) == ClusterSettings()
    remember_sync(files, SyncRequest("/a", "/b"))
    assert not has_former(files)
    assert read_settings(files) == ClusterSettings(syncs=(SyncRequest("/a", "/b"),))
    assert read_host_keys(files.known_hosts).keys == ()
    assert not files.kept_user_data.exists()
    assert not old.exists()


def test_what_an_earlier_version_remembered_is_that_of_the_disk_there_is(files: VMFiles) -> None:
    disk(files)
    files.settings.parent.mkdir(parents=True)
    files.settings.write_text('{"cpus": "2"}')
    claim(files)
    assert read_settings(files).cpus == "2"
    disk(files)
    assert read_settings(files).cpus == ""


def test_a_new_vm_begins_with_nothing(files: VMFiles) -> None:
    disk(files)
    update_settings(files, cpus="4")
    claim(files, new=True)
    assert read_settings(files) == ClusterSettings()


def test_recordings_of_the_present_disk_stay(files: VMFiles) -> None:
    disk(files)
    update_settings(files, cpus="4")
    disk(files)
    recording = begin(files)
    belongs_to(recording, os.getpid())  # and it goes on
    claim(files)
    assert read_settings(files).cpus == ""
    assert recording.exists()


def test_without_a_disk_nothing_is_forgotten(files: VMFiles) -> None:
    disk(files)
    update_settings(files, cpus="4")
    files.image.unlink()
    claim(files)
    assert not has_former(files)
    assert read_settings(files).cpus == "4"


@pytest.mark.parametrize(
    ("raw", "read"),
    [('["/a (raw)", "/b (qcow2)"]', ("/a (raw)", "/b (qcow2)")), ("3", ()), ("[3]", ("3",)), ('"/a"', ())],
)
def test_confirmed_files_are_a_list(files: VMFiles, raw: str, read: tuple[str, ...]) -> None:
    files.settings.parent.mkdir(parents=True)
    files.settings.write_text(f'{{"backing_chain": {raw}}}')
    assert read_settings(files).backing_chain == read
