"""The host keys that a console has shown, learned from its recording while that grows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from podplane_tui.backend.boot.parser import BootParser
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.file import Chunk, RecordingReader
from podplane_tui.backend.recording.host_keys import learn
from podplane_tui.backend.ssh.known_hosts import HostKeys, forget, other_keys, prove, read_host_keys, read_so_far, trust
from tests.backend.recording.support import MB, STAGE, append, block, key, recording, shown


def test_keys_are_learned_as_soon_as_all_of_them_were_shown(files: VMFiles) -> None:
    text = shown(key(1, "ecdsa-sha2-nistp256"), key(2))
    path = recording(files, b"x" * 1_500_000 + text[:250])
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys()
    append(path, text[250:] + b"login: ")
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(2), key(1, "ecdsa-sha2-nistp256")), verified=True)


def test_keys_of_the_first_boot_count_and_take_the_place_of_trusted_ones(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(9))
    assert read_host_keys(files.known_hosts) == HostKeys((key(9),), verified=False)
    path = recording(files, shown(key(1)) + shown(key(2)))
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True)
    assert other_keys(files.known_hosts) is not None  # a later boot of a recording may be a user's text
    learn(files, recording(files, shown(key(3)), "20260101T000000.000000Z.raw"))  # an older one
    assert read_host_keys(files.known_hosts).keys == (key(1),)
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
    assert read_so_far(files.known_hosts)[:2] == (path.name, MB - before + len(text.rstrip()))


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
    assert read_so_far(files.known_hosts).parsed == 0


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


def test_a_key_trusted_and_then_verified_is_joined_by_none_shown_with_it(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(1))
    prove(files.known_hosts, (key(1),))
    other = key(2, "ecdsa-sha2-nistp256")
    learn(files, recording(files, shown(key(3), other)))
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), proven=True)
    assert other_keys(files.known_hosts) is not None
    learn(files, recording(files, shown(key(1), other), "20260103T000000.000000Z.raw"))
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True, proven=True)


def test_keys_that_are_not_known_any_more_are_not_proven(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(1))
    prove(files.known_hosts, (key(2),))
    assert not read_host_keys(files.known_hosts).proven


def test_a_first_login_proves_the_one_key_that_it_trusted(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    prove(files.known_hosts, ())
    assert not files.known_hosts.exists()
    trust(files.known_hosts, files.stem, key(1))
    prove(files.known_hosts, ())
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), proven=True)
    learn(files, recording(files, shown(key(6))))
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), proven=True)
    assert other_keys(files.known_hosts) is not None


def test_a_first_login_proves_nothing_that_the_console_has_shown_meanwhile(files: VMFiles) -> None:
    learn(files, recording(files, shown(key(1))))
    prove(files.known_hosts, ())
    assert not read_host_keys(files.known_hosts).proven


def test_verified_keys_are_joined_by_no_others(files: VMFiles) -> None:
    path = recording(files, shown(key(1)))
    learn(files, path)
    prove(files.known_hosts, (key(1),))
    append(path, shown(key(1), key(2, "ecdsa-sha2-nistp256")))
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True, proven=True)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_later_boot_of_a_recording_replaces_no_known_key(files: VMFiles, trusted: bool) -> None:
    path = recording(files, b"[    0.000000] Linux version 6.1\r\n" + (b"" if trusted else STAGE[36:] + block(key(1))))
    if trusted:
        files.known_hosts.parent.mkdir(parents=True)
        trust(files.known_hosts, files.stem, key(1))
    else:
        learn(files, path)
    append(path, shown(key(6)))
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=not trusted)
    assert other_keys(files.known_hosts) is not None


def test_a_later_boot_counts_while_no_key_is_known(files: VMFiles) -> None:
    path = recording(files, b"[    0.000000] Linux version 6.1\r\n" + shown(key(1)) + shown(key(2)))
    learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),), verified=True)


def test_no_boot_counts_for_the_first_in_a_recording_that_began_later(files: VMFiles) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    trust(files.known_hosts, files.stem, key(1))
    learn(files, recording(files, shown(key(6))), from_power_on=False)
    assert read_host_keys(files.known_hosts) == HostKeys((key(1),))
    assert other_keys(files.known_hosts) is not None


def test_boots_too_many_to_remember_the_first_count_for_nothing(files: VMFiles) -> None:
    flood = b"".join(shown(key(number)) for number in range(2, 40))
    learn(files, recording(files, shown(key(1)) + flood))
    assert read_host_keys(files.known_hosts) == HostKeys()


# What a guest can make us do


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the bytes that are read and those that are parsed, and how often."""
    done = Counter[str]()
    read, feed = RecordingReader.read, BootParser.feed

    def counted_read(self: RecordingReader, limit: int = 65536) -> Chunk | None:
        chunk = read(self, limit)
        done["read"] += 0 if chunk is None else len(chunk.data)
        return chunk

    def counted_feed(self: BootParser, data: bytes, at: float | None = None) -> None:
        done["feeds"] += 1
        done["parsed"] += len(data)
        feed(self, data, at)

    monkeypatch.setattr(RecordingReader, "read", counted_read)
    monkeypatch.setattr(BootParser, "feed", counted_feed)
    return done


@pytest.mark.parametrize("state", ["none", "trusted", "proven"])
def test_blocks_without_keys_are_read_once_and_never_parsed(files: VMFiles, work: Counter[str], state: str) -> None:
    files.known_hosts.parent.mkdir(parents=True)
    if state != "none":
        trust(files.known_hosts, files.stem, key(1))
    if state == "proven":
        prove(files.known_hosts, (key(1),))
    path = recording(files, block() * (MB // len(block())))
    for _ in range(3):
        learn(files, path)
    assert work["parsed"] == 0
    assert work["read"] < 1.1 * MB


def test_the_same_block_again_and_again_is_parsed_once(files: VMFiles, work: Counter[str]) -> None:
    path = recording(files, shown(key(1)))
    learn(files, path)
    prove(files.known_hosts, (key(1),))
    work.clear()
    append(path, block(key(6)) * (MB // len(block(key(6)))))
    for _ in range(3):
        learn(files, path)
    assert work["feeds"] == 1
    assert work["read"] < 1.1 * MB
    others = other_keys(files.known_hosts)
    assert others is not None
    assert others.offset == path.stat().st_size - 2


def test_a_look_reads_so_many_blocks_and_the_next_one_goes_on(files: VMFiles, work: Counter[str]) -> None:
    blocks = [block(key(number, kind)) for number in range(100) for kind in ("ssh-ed25519", "ssh-rsa")]
    path = recording(files, shown(key(1)))
    learn(files, path)
    prove(files.known_hosts, (key(1),))
    append(path, b"".join(blocks))
    for feeds in (64, 64, 64, 8, 0):
        work.clear()
        learn(files, path)
        assert work["feeds"] == feeds


def test_a_look_reads_so_far_and_the_next_one_goes_on(files: VMFiles, work: Counter[str]) -> None:
    path = recording(files, shown(key(1)))
    append(path, b"x" * 20 * MB + block(key(6)))
    for _ in range(3):
        assert other_keys(files.known_hosts) is None
        work.clear()
        learn(files, path)
        assert work["read"] <= 9 * MB
    assert other_keys(files.known_hosts) is not None


def test_boots_are_parsed_so_often_for_blocks_that_do_not_count(files: VMFiles, work: Counter[str]) -> None:
    path = recording(files, b"[    0.000000] Linux version 6.1\r\n" + b"x" * 10_000 + b"\n")
    for number in range(50):
        append(path, block(key(number)))
        learn(files, path)
    assert read_host_keys(files.known_hosts) == HostKeys()
    assert work["parsed"] < 8 * 15_000 + 50 * 1000


def test_a_first_boot_that_has_shown_its_keys_is_not_parsed_again(files: VMFiles, work: Counter[str]) -> None:
    path = recording(files, shown(key(1)) + b"x" * 100_000 + b"\n")
    learn(files, path)
    work.clear()
    for number in range(2, 6):
        append(path, shown(key(number)))
        learn(files, path)
    assert read_host_keys(files.known_hosts).keys == (key(1),)
    assert work["parsed"] < 4 * 1000
