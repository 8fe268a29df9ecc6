"""What a failed rsync means, from its exit code and its own words."""

from __future__ import annotations

import pytest

from podplane_tui.backend.sync.diagnosis import explain, known_reason


@pytest.mark.parametrize(
    ("code", "words", "meaning"),
    [
        (11, [b'rsync: [receiver] write failed on "/x": No space left on device (28)'], "disk is full: make room"),
        (12, [b"sudo: a password is required", b"rsync: connection unexpectedly closed"], "let sudo ask for no passw"),
        (12, [b"bash: line 1: sudo: command not found"], "the machine has no sudo: install it"),
        (12, [b"sudo: rsync: command not found"], "the machine has no rsync: install it"),
        (4, [b"rsync: --usermap=*:0: unknown option"], "too old: install 3.1"),
        (2, [b"protocol version mismatch -- is your shell clean?"], "keep it quiet"),
        (23, [b"rsync: a", b"rsync: b", b"rsync error: some files"], "rsync: a (and 1 more)"),
        (30, [], "the machine stopped answering"),
        (99, [], "it does not say why"),
    ],
)
def test_failures_say_what_to_do(code: int, words: list[bytes], meaning: str) -> None:
    assert meaning in explain(code, words)


@pytest.mark.parametrize("words", [[], [b""], [b"rsync: something new", b"\xff"]])
def test_what_we_know_nothing_about_has_no_reason(words: list[bytes]) -> None:
    assert known_reason(words) is None


def test_advice_carries_the_line_itself_made_printable() -> None:
    reason = known_reason([b"motd", b"\x1b[31mbash: rsync: command not found\x07"])
    assert reason is not None
    assert reason.startswith("the machine has no rsync: install it there (")
    assert "bash: rsync: command not found" in reason
    assert reason.isprintable()


def test_a_cause_counts_before_what_follows_from_it_whatever_comes_first() -> None:
    words = [b'rsync: mkdir "/a/b" failed: No such file or directory (2)', b"write failed: Disk quota exceeded (122)"]
    assert explain(11, words).startswith("the machine's disk is full")
    assert explain(11, words[:1]).startswith("the folder above the destination is not there: make it first (")


def test_what_rsync_says_after_every_failure_is_passed_over() -> None:
    words = [
        b"ssh: something odd",
        b"rsync: connection unexpectedly closed (0 bytes received so far) [sender]",
        b"rsync error: error in rsync protocol data stream (code 12) at io.c(232) [sender=3.2.7]",
    ]
    assert explain(12, words) == "ssh: something odd"
    assert explain(12, [*words, b"", b"  "]) == "ssh: something odd"


def test_only_failures_of_single_files_are_counted() -> None:
    assert explain(23, [b"rsync: a"]) == "rsync: a"
    assert explain(24, [b"a vanished", b"b vanished", b"c vanished"]) == (
        "some files vanished while they were copied: a vanished (and 2 more)"
    )
    assert explain(1, [b"a", b"b"]) == "b"
