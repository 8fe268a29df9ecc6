"""What a failed rsync means, from its exit code and its own words."""

from __future__ import annotations

import pytest

from podplane_tui.backend.sync.diagnosis import Reason, explain, known_reason

FULL = b'rsync: [receiver] write failed on "/x": No space left on device (28)'


@pytest.mark.parametrize(
    ("code", "words", "problem", "hint"),
    [
        (11, [FULL], f"the VM's disk is full ({FULL.decode()})", "free some space there"),
        (
            12,
            [b"sudo: a password is required", b"rsync: connection unexpectedly closed"],
            "the user may not become root in the VM (sudo: a password is required)",
            "let sudo ask for no password there",
        ),
        (
            12,
            [b"bash: line 1: sudo: command not found"],
            "the VM has no sudo (bash: line 1: sudo: command not found)",
            "install sudo there",
        ),
        (
            12,
            [b"sudo: rsync: command not found"],
            "the VM has no rsync (sudo: rsync: command not found)",
            "install rsync there",
        ),
        (
            4,
            [b"rsync: --usermap=*:0: unknown option"],
            "the rsync on one side is too old (rsync: --usermap=*:0: unknown option)",
            "install rsync 3.1 or newer there",
        ),
        (
            2,
            [b"protocol version mismatch -- is your shell clean?"],
            "the login shell in the VM prints something of its own (protocol version mismatch -- is your shell clean?)",
            "keep it quiet when no terminal is attached",
        ),
        (
            23,
            [b"rsync: a", b"rsync: b", b"rsync error: some files"],
            "some files could not be copied: rsync: a (and 1 more)",
            "check who owns them and their modes",
        ),
        (30, [], "the VM stopped answering", "check whether the VM is running, and try again"),
        (99, [], "it gave no reason", "check the source and the destination, and try again"),
    ],
)
def test_failures_say_why_and_what_to_do(code: int, words: list[bytes], problem: str, hint: str) -> None:
    assert explain(code, words) == Reason(problem, hint)


@pytest.mark.parametrize("words", [[], [b""], [b"rsync: something new", b"\xff"]])
def test_what_we_know_nothing_about_has_no_reason(words: list[bytes]) -> None:
    assert known_reason(words) is None


def test_a_reason_carries_the_line_itself_made_printable() -> None:
    reason = known_reason([b"motd", b"\x1b[31mbash: rsync: command not found\x07"])
    assert reason is not None
    assert reason.problem.startswith("the VM has no rsync (")
    assert "bash: rsync: command not found" in reason.problem
    assert reason.problem.isprintable()


def test_a_cause_counts_before_what_follows_from_it_whatever_comes_first() -> None:
    words = [b'rsync: mkdir "/a/b" failed: No such file or directory (2)', b"write failed: Disk quota exceeded (122)"]
    assert explain(11, words).hint == "free some space there"
    assert explain(11, words[:1]).hint == "create that directory first"


def test_what_rsync_says_after_every_failure_is_passed_over() -> None:
    words = [
        b"ssh: something odd",
        b"rsync: connection unexpectedly closed (0 bytes received so far) [sender]",
        b"rsync error: error in rsync protocol data stream (code 12) at io.c(232) [sender=3.2.7]",
    ]
    reason = Reason("ssh: something odd", "check that the VM is running and has rsync")
    assert explain(12, words) == reason
    assert explain(12, [*words, b"", b"  "]) == reason


def test_only_failures_of_single_files_are_counted() -> None:
    assert explain(23, [b"rsync: a"]).problem == "rsync: a"
    assert explain(24, [b"a vanished", b"b vanished", b"c vanished"]) == (
        "some files vanished while they were copied: a vanished (and 2 more)",
        "try again",
    )
    assert explain(1, [b"a", b"b"]).problem == "b"
