"""What a failed rsync means, in words that say what to do."""

from __future__ import annotations

import re

from podplane_tui.backend.core.text import one_line

_MEANINGS = {
    2: "the rsync over there does not understand ours: install rsync 3.1 or newer in the machine",
    3: "it can't use the files or folders named: check that they exist",
    4: "the rsync over there is too old for what was asked: install rsync 3.1 or newer in the machine",
    10: "the connection to the machine failed",
    11: "reading or writing a file failed: check that the destination's folder exists and its disk has room",
    12: "the connection to the machine broke off, or rsync is missing there",
    14: "it could not start ssh",
    22: "it ran out of memory",
    23: "some files could not be copied",
    24: "some files vanished while they were copied",
    30: "the machine stopped answering",
}
"""rsync's exit codes (rsync(1), EXIT VALUES) in words: when the far side fails, its own words do not always arrive."""

_BOILERPLATE = re.compile(rb"rsync error: |rsync: connection unexpectedly closed|rsync: .*error in rsync protocol")
"""What rsync says after the line that tells what is wrong."""

_ADVICE = (
    (rb"No space left on device|Disk quota exceeded", "the machine's disk is full: make room there"),
    (rb"Read-only file system", "the destination can't be written to: choose another"),
    (
        rb"sudo: .*(password is required|terminal is required|no tty present)|is not in the sudoers",
        "the user may not become root in the machine: let sudo ask for no password there",
    ),
    (rb"rsync: (command )?not found", "the machine has no rsync: install it there"),
    (rb"sudo: (command )?not found", "the machine has no sudo: install it there"),
    (
        rb"(unknown|unrecognized|invalid|illegal) option|on remote machine",
        "the rsync on one side is too old: install 3.1 or newer",
    ),
    (
        rb"protocol version mismatch|is your shell clean",
        "the login shell over there prints something of its own: keep it quiet when no terminal is attached",
    ),
    (rb"mkdir .* failed: No such file", "the folder above the destination is not there: make it first"),
    (rb"link_stat .* failed: No such file", "what to copy is not here: check the path"),
)


def known_reason(words: list[bytes]) -> str | None:
    """Advice about what rsync said, line by line, and the line itself; None where we know none."""
    for pattern, advice in _ADVICE:
        for line in words:
            if re.search(pattern, line):
                return f"{advice} ({one_line(line)})"
    return None


def explain(code: int, words: list[bytes]) -> str:
    """Why rsync ended with `code`, from what it said: advice where we know one, and its own words."""
    reason = known_reason(words)
    if reason is not None:
        return reason
    telling = [line for line in words if line.strip() and not _BOILERPLATE.match(line)] or words
    if code in {23, 24} and len(telling) > 1:
        return f"{_MEANINGS[code]}: {one_line(telling[0])} (and {len(telling) - 1} more)"
    return one_line(telling[-1]) if telling else _MEANINGS.get(code, "it does not say why")
