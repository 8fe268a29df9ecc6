"""What a failed rsync means, and what to do about it."""

from __future__ import annotations

import re
from typing import NamedTuple

from podplane_tui.backend.core.text import one_line


class Reason(NamedTuple):
    """Why rsync failed and what to do about it: the two parts of an error."""

    problem: str
    hint: str


_MEANINGS = {
    2: Reason("the rsync in the VM does not understand this host's", "install rsync 3.1 or newer in the VM"),
    3: Reason("rsync can't use the files or directories named", "check that they exist"),
    4: Reason("the rsync in the VM is too old for these options", "install rsync 3.1 or newer in the VM"),
    10: Reason("the connection to the VM failed", "check whether the VM is running, and try again"),
    11: Reason(
        "reading or writing a file failed", "check that the destination's directory exists and its disk has room"
    ),
    12: Reason(
        "the connection to the VM was lost, or rsync is missing there",
        "check that the VM is running and has rsync",
    ),
    14: Reason("rsync could not start ssh", "check that ssh works on this host"),
    22: Reason("rsync ran out of memory", "copy fewer files at a time"),
    23: Reason("some files could not be copied", "check who owns them and their modes"),
    24: Reason("some files vanished while they were copied", "try again"),
    30: Reason("the VM stopped answering", "check whether the VM is running, and try again"),
}
"""rsync's exit codes (rsync(1), EXIT VALUES) in words: when the far side fails, its own words do not always arrive."""

_UNKNOWN = Reason("it gave no reason", "check the source and the destination, and try again")

_BOILERPLATE = re.compile(rb"rsync error: |rsync: connection unexpectedly closed|rsync: .*error in rsync protocol")
"""What rsync says after the line that tells what is wrong."""

_KNOWN = (
    (rb"No space left on device|Disk quota exceeded", Reason("the VM's disk is full", "free some space there")),
    (rb"Read-only file system", Reason("the destination is read-only", "choose another destination")),
    (
        rb"sudo: .*(password is required|terminal is required|no tty present)|is not in the sudoers",
        Reason("the user may not become root in the VM", "let sudo ask for no password there"),
    ),
    (rb"rsync: (command )?not found", Reason("the VM has no rsync", "install rsync there")),
    (rb"sudo: (command )?not found", Reason("the VM has no sudo", "install sudo there")),
    (
        rb"(unknown|unrecognized|invalid|illegal) option|on remote machine",
        Reason("the rsync on one side is too old", "install rsync 3.1 or newer there"),
    ),
    (
        rb"protocol version mismatch|is your shell clean",
        Reason("the login shell in the VM prints something of its own", "keep it quiet when no terminal is attached"),
    ),
    (
        rb"mkdir .* failed: No such file",
        Reason("the directory above the destination does not exist", "create that directory first"),
    ),
    (rb"link_stat .* failed: No such file", Reason("the source does not exist", "check the path")),
)


def known_reason(words: list[bytes]) -> Reason | None:
    """What rsync's words, line by line, mean, and the line itself; None where we don't know."""
    for pattern, known in _KNOWN:
        for line in words:
            if re.search(pattern, line):
                return known._replace(problem=f"{known.problem} ({one_line(line)})")
    return None


def explain(code: int, words: list[bytes]) -> Reason:
    """Why rsync ended with `code`, from what it said: the meaning where we know one, and its own words."""
    reason = known_reason(words)
    if reason is not None:
        return reason
    meaning = _MEANINGS.get(code, _UNKNOWN)
    telling = [line for line in words if line.strip() and not _BOILERPLATE.match(line)] or words
    if code in {23, 24} and len(telling) > 1:
        told = f"{meaning.problem}: {one_line(telling[0])} (and {len(telling) - 1} more)"
    else:
        told = one_line(telling[-1]) if telling else meaning.problem
    return meaning._replace(problem=told)
