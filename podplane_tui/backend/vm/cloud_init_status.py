"""How far a guest's cloud-init has come, as the guest itself says: `cloud-init status` over SSH, and what it means.

Source: cloud-init's `cmd/status.py` of 22.4 (Debian 12) to 25.1 (Debian 13). What the guest prints can't be trusted:
it is cut, and what is shown of it is made fit for a line.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from podplane_tui.backend.core.control import Control, ShellOptions
from podplane_tui.backend.core.errors import CommandFailed, CommandTimedOut
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.ssh import client as ssh

ANSWER_TIMEOUT = 60.0
"""Seconds in which a guest says how its cloud-init is: to start a Python takes a busy emulated one half of that."""

DEGRADED_CODE = 2
"""The exit code of `cloud-init status`, since 23.4, for one that ended with errors it could recover from."""

_MAX_ANSWER = 256 * 1024
"""Bytes of an answer that are read."""

_SCRIPT = """\
command -v cloud-init >/dev/null 2>&1 || { echo 'status: disabled'; exit 0; }
told=$(cloud-init status --format json 2>/dev/null); code=$?
case $told in *{*) ;; *) told=$(cloud-init status --long 2>/dev/null); code=$? ;; esac
printf '%s\\n' "$told"
exit $code
"""
"""Before 22.4 there is no `--format`."""

_MODULE = re.compile(r"\(?'([\w.-]{1,60})', ?")
"""An error begins with the module that it is of: Python's words for a tuple."""

_LONG_DETAIL = re.compile(r"^detail:\s*(.*)", re.MULTILINE | re.DOTALL)
_LONG_STATUS = re.compile(r"^status: *([a-z][a-z -]{0,40})$", re.MULTILINE)


class Outcome(StrEnum):
    """What became of it. `absent`: the guest has none, or does not run it."""

    RUNNING = "running"
    DONE = "done"
    DEGRADED = "degraded"
    ERROR = "error"
    ABSENT = "absent"


class CloudInitStatus(NamedTuple):
    """What a guest says of its cloud-init: its outcome, the module that failed and what was wrong, "" when unknown."""

    outcome: Outcome
    module: str = ""
    detail: str = ""

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.outcome is not Outcome.RUNNING

    @property
    def told(self) -> str:
        """What was wrong, in a clause: the module and its error."""
        module = f"in the module {self.module}" if self.module else ""
        return ": ".join(part for part in (module, self.detail) if part)


_OUTCOMES = {
    "not run": Outcome.RUNNING,
    "not started": Outcome.RUNNING,
    "running": Outcome.RUNNING,
    "done": Outcome.DONE,
    "degraded": Outcome.DEGRADED,
    "degraded done": Outcome.DEGRADED,
    "error": Outcome.ERROR,
    "disabled": Outcome.ABSENT,
}


def ask(target: ssh.SSHTarget, *, control: Control | None = None) -> CloudInitStatus | None:
    """What the guest says of its cloud-init; None when it says nothing that can be understood.

    Raises `ShellError` when it can't be asked, `CommandTimedOut` and `Cancelled`.
    """
    answer, code = _Bounded(), 0
    try:
        ssh.run(target, ("sh", "-c", _SCRIPT), ShellOptions(timeout=ANSWER_TIMEOUT, stdout=answer), control=control)
    except CommandTimedOut:
        raise
    except CommandFailed as error:
        code = error.exit_code
    return read_status(answer.getvalue().decode("utf-8", "replace"), code)


class _Bounded(io.BytesIO):
    """Keeps the first of what is written to it."""

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        super().write(data[: max(0, _MAX_ANSWER - self.tell())])
        return len(data)


def read_status(printed: str, exit_code: int) -> CloudInitStatus | None:
    """What `cloud-init status` says, with `--format json` or without; None for what it can't have printed."""
    try:
        told = json.loads(printed)
    except (ValueError, RecursionError):
        return _read_long(printed, exit_code)
    if not isinstance(told, dict):
        return None
    status, extended = _words(told.get("status")), _words(told.get("extended_status"))
    outcome = _OUTCOMES.get(status)
    if outcome is None:
        return None
    recovered = list(_strings(told.get("recoverable_errors")))
    if extended.endswith("running"):  # an error may have been met, and more is to come
        outcome = Outcome.RUNNING
    elif outcome is Outcome.DONE and (exit_code == DEGRADED_CODE or "degraded" in extended or recovered):
        outcome = Outcome.DEGRADED
    errors = list(_strings(told.get("errors")))
    if outcome is Outcome.ERROR:
        return _failed(outcome, (errors or recovered or [""])[0])
    if outcome is Outcome.DEGRADED:
        return _failed(outcome, (recovered or errors or [""])[0])
    return CloudInitStatus(outcome)


def _read_long(printed: str, exit_code: int) -> CloudInitStatus | None:
    match = _LONG_STATUS.search(printed)
    outcome = None if match is None else _OUTCOMES.get(match[1])
    if outcome is None:
        return None
    if outcome is Outcome.DONE and exit_code == DEGRADED_CODE:
        outcome = Outcome.DEGRADED
    if outcome not in {Outcome.ERROR, Outcome.DEGRADED}:
        return CloudInitStatus(outcome)
    detail = _LONG_DETAIL.search(printed)
    return _failed(outcome, "" if detail is None else detail[1])


def _failed(outcome: Outcome, error: str) -> CloudInitStatus:
    clean = one_line(error, limit=300)
    match = _MODULE.match(clean)
    if match is None:
        return CloudInitStatus(outcome, detail=clean)
    return CloudInitStatus(outcome, match[1], clean[match.end() :].removesuffix(")"))


def _words(value: object) -> str:
    return value if isinstance(value, str) else ""


def _strings(value: object) -> Iterator[str]:
    """The strings in lists, or in lists by level, of the answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                yield item
    elif isinstance(value, Mapping):
        for level in sorted(map(str, value)):
            yield from _strings(value.get(level)) if not isinstance(value.get(level), Mapping) else ()
