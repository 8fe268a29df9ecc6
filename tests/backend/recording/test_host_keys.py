"""The host keys that a console has shown, learned from its recording while that grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.host_keys import learn
from podplane_tui.backend.ssh.known_hosts import HostKeys, forget, other_keys, prove, read_host_keys, read_so_far, trust
from tests.backend.recording.support import MB, STAGE, append, block, key, recording, shown


def test_keys_are_learned_as_soon_as_all_of_them_were_shown(files: VMFiles) -> None:
    text = shown(key(1, "ecdsa-sha2-nistp256"), key(2))
    path = recording(files, b"x" * 3_000_000 + text[:250])
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys()
    append(path, text[250:] + b"login: ")
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(2), key(1, "ecdsa-sha2-nistp256")), verified=True)


def test_keys_shown_last_count_and_take_the_place_of_trusted_ones(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(9))
    assert read_host_keys(files.known_hosts) == HostKeys((key(9),), verified=False)
    path = recording(files, shown(key(1)) + shown(key(2)))
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
    before += len(STAGE)
    path = recording(files, b"x" * (MB - before) + text + b"login: ")
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True)
    assert read_so_far(files.known_hosts) == (path.name, MB - before + len(text.rstrip()))


@pytest.mark.parametrize("inside", [b"", b"ssh-ed25519 short root@host\r\n", b"\xff\0\r\n", b"no key at all\r\n"])
def test_what_is_no_key_takes_the_place_of_nothing(files: VMFiles, inside: bytes) -> None:
    first, junk = recording(files, shown(key(1))), shown().replace(b"KEYS-----\r\n", b"KEYS-----\r\n" + inside, 1)
    learn(files, first)
    append(first, junk)
    learn(files, first)
    assert read_host_keys(files.known_hosts).keys == (key(1),)
    learn(files, recording(files, shown(key(2)) + junk, "20260103T000000.000000Z.raw"))
    assert read_host_keys(files.known_hosts).keys == (key(2),)


def test_what_stands_before_and_behind_a_hole_is_not_one_text(files: VMFiles) -> None:
    text = shown(key(1))
    path = recording(files, b"x" * (64 * 1024 - 250) + text[:250])  # whole blocks, so that a hole begins right there
    with path.open("r+b") as file:
        file.truncate(2 * MB)
    append(path, text[250:])
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys()
    assert not files.known_hosts.exists()


def test_a_recording_that_is_gone_is_an_error_of_the_system(files: VMFiles, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        learn(files, tmp_path / "none.raw")


# What anything in the guest may print

FORGED = [
    b"default login: " + block(key(6)),
    b"[    9.000000] cloud-init[9]: Cloud-init v. 22.4.2 finished at noon. Up 10.00 seconds\r\n" + block(key(6)),
    block(key(6)),
    b"Cloud-init v. 22.4.2 running 'modules:final' at one. Up 99.00 seconds\r\n" + block(key(6)),
    b"Cloud-init v. 22.4.2 finished at noon. Up 10.00 seconds\r\n"
    b"Cloud-init v. 22.4.2 running 'modules:final' at one. Up 99.00 seconds\r\n" + block(key(6)),
]


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("at_once", [False, True])
def test_a_later_block_of_a_boot_changes_nothing_and_is_noted(files: VMFiles, forged: bytes, at_once: bool) -> None:
    path = recording(files, shown(key(1)))
    if not at_once:
        learn(files, path)
    append(path, forged)
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True)
    others = other_keys(files.known_hosts)
    assert others is not None
    assert (others.recording, others.offset) == (path.name, path.stat().st_size - 2)
    assert others.fingerprint.startswith("SHA256:")
    learn(files, path)
    assert other_keys(files.known_hosts) == others
    forget(files, path)
    assert other_keys(files.known_hosts) is None


@pytest.mark.parametrize("forged", [*FORGED, shown(key(6)), b"[    0.000000] Linux version 6.1\r\n" + FORGED[3]])
def test_what_a_connection_has_verified_is_replaced_by_nothing(files: VMFiles, forged: bytes) -> None:
    path = recording(files, shown(key(1)))
    learn(files, path)
    prove(files.known_hosts, (key(1),))
    append(path, forged)
    learn(files, path)
    learn(files, recording(files, forged, "20260103T000000.000000Z.raw"))
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True, proven=True)
    assert other_keys(files.known_hosts) is not None


@pytest.mark.parametrize("early", [block(key(1)), b"default login: " + block(key(1))])
def test_a_block_outside_of_cloud_init_is_never_taken(files: VMFiles, early: bytes) -> None:
    path = recording(files, b"[    0.000000] Linux version 6.1\r\n" + early)
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys()
    assert other_keys(files.known_hosts) is None  # nothing is known that it could differ from


def test_the_same_block_again_is_no_warning(files: VMFiles) -> None:
    path = recording(files, shown(key(1)) + block(key(1)))
    learn(files, path)
    append(path, block(key(1)) + shown(key(1)))
    learn(files, path)
    prove(files.known_hosts, (key(1),))
    append(path, block(key(1)))
    learn(files, path)
    assert other_keys(files.known_hosts) is None
    assert read_host_keys(files.known_hosts).keys == (key(1),)


def test_a_key_trusted_and_then_verified_takes_those_shown_with_it(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(1))
    prove(files.known_hosts, (key(1),))
    other = key(2, "ecdsa-sha2-nistp256")
    learn(files, recording(files, shown(key(3), other)))
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), proven=True)
    assert other_keys(files.known_hosts) is not None
    learn(files, recording(files, shown(key(1), other), "20260103T000000.000000Z.raw"))
    assert read_host_keys(files.known_hosts) == HostKeys((key(1), other), verified=True, proven=True)


def test_keys_that_are_not_known_any_more_are_not_proven(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(1))
    for keys in ((), (key(2),)):
        prove(files.known_hosts, keys)
        assert not read_host_keys(files.known_hosts).proven


def test_verified_keys_are_joined_by_no_others(files: VMFiles) -> None:
    path = recording(files, shown(key(1)))
    learn(files, path)
    prove(files.known_hosts, (key(1),))
    append(path, shown(key(1), key(2, "ecdsa-sha2-nistp256")))
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True, proven=True)
