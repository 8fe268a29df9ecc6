"""The host keys that a console has shown, learned from its recording while that grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.host_keys import learn
from podplane_tui.backend.ssh.known_hosts import HostKeys, forget, read_host_keys, read_so_far, trust
from tests.backend.recording.support import MB, append, key, recording, shown


def test_keys_are_learned_as_soon_as_all_of_them_were_shown(files: VMFiles) -> None:
    text = shown(key(1, "ecdsa-sha2-nistp256"), key(2))
    path = recording(files, b"x" * 3_000_000 + text[:150])
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys()
    append(path, text[150:] + b"login: ")
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(2), key(1, "ecdsa-sha2-nistp256")), verified=True)


def test_keys_shown_last_count_and_take_the_place_of_trusted_ones(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(9))
    assert read_host_keys(files.known_hosts) == HostKeys((key(9),), verified=False)
    path = recording(files, shown(key(1)) + b"[    0.000000] Linux version 6.1\n" + shown(key(2)))
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(2),), verified=True)
    learn(files, recording(files, shown(key(3)), "20260101T000000.000000Z.raw"))  # an older one
    assert read_host_keys(files.known_hosts).keys == (key(2),)
    learn(files, recording(files, shown(key(4)), "20260103T000000.000000Z.raw"))
    assert read_host_keys(files.known_hosts).keys == (key(4),)


def test_forgotten_keys_are_not_learned_again_from_what_was_shown_before(files: VMFiles) -> None:
    path = recording(files, shown(key(1)))
    learn(files, path)
    assert forget(files, path)
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys()
    append(path, shown(key(2)))
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(2),), verified=True)


@pytest.mark.parametrize("before", [1, 20, 36, 60, 140])
def test_keys_are_found_wherever_the_pieces_that_are_read_end(files: VMFiles, before: int) -> None:
    text = shown(key(1))
    path = recording(files, b"x" * (MB - before) + text + b"login: ")
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True)
    assert read_so_far(files.known_hosts) == (path.name, MB - before + len(text.rstrip()))


@pytest.mark.parametrize("inside", [b"", b"ssh-ed25519 short root@host\r\n", b"\xff\0\r\n", b"no key at all\r\n"])
def test_what_is_no_key_takes_the_place_of_nothing(files: VMFiles, inside: bytes) -> None:
    first, junk = recording(files, shown(key(1))), shown().replace(b"\r\n", b"\r\n" + inside, 1)
    learn(files, first)
    append(first, junk)
    learn(files, first)
    assert read_host_keys(files.known_hosts).keys == (key(1),)
    learn(files, recording(files, shown(key(2)) + junk, "20260103T000000.000000Z.raw"))
    assert read_host_keys(files.known_hosts).keys == (key(2),)


def test_what_stands_before_and_behind_a_hole_is_not_one_text(files: VMFiles) -> None:
    text = shown(key(1))
    path = recording(files, b"x" * (64 * 1024 - 150) + text[:150])  # whole blocks, so that a hole begins right there
    with path.open("r+b") as file:
        file.truncate(2 * MB)
    append(path, text[150:])
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys()
    assert not files.known_hosts.exists()


def test_a_recording_that_is_gone_is_an_error_of_the_system(files: VMFiles, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        learn(files, tmp_path / "none.raw")
