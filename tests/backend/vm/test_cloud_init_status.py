"""What a guest says of its cloud-init, in the words of several versions, and in words that can't be theirs."""

from __future__ import annotations

import json

import pytest

from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.backend.vm import cloud_init_status as module
from podplane_tui.backend.vm.cloud_init_status import CloudInitStatus, Outcome, ask, read_status
from tests.backend.ssh.sshd import serve

RUNNING, DONE, ABSENT = (CloudInitStatus(each) for each in (Outcome.RUNNING, Outcome.DONE, Outcome.ABSENT))
SCRIPTS_USER = "('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))"
FAILED = CloudInitStatus(
    Outcome.ERROR, "scripts_user", "RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands')"
)


SCHEMA = "cloud-config failed schema validation! You may run 'sudo cloud-init schema --system' to check the details."
DEBIAN_13_DEGRADED = json.dumps(
    {
        "boot_status_code": "enabled-by-generator",
        "datasource": "nocloud",
        "detail": "DataSourceNoCloud [seed=/dev/vdb]",
        "errors": [],
        "extended_status": "degraded done",
        "init": {"errors": [], "finished": 239.77, "recoverable_errors": {"WARNING": [SCHEMA]}, "start": 232.59},
        "init-local": {"errors": [], "finished": 219.33, "recoverable_errors": {}, "start": 174.47},
        "last_update": "Thu, 01 Jan 1970 00:04:33 +0000",
        "modules-config": {
            "errors": [],
            "finished": 255.72,
            "recoverable_errors": {"WARNING": [SCHEMA]},
            "start": 247.17,
        },
        "modules-final": {"errors": [], "finished": 273.04, "recoverable_errors": {}, "start": 262.53},
        "recoverable_errors": {"WARNING": [SCHEMA, SCHEMA]},
        "stage": None,
        "status": "done",
    }
)
"""What cloud-init 25.1.4 of Debian 13 said of user-data with keys that it does not know."""


REDIRECTED = "Stdout, stderr changing to (>> /var/log/quiet.log, >> /var/log/quiet.log)"
DEBIAN_13_ERROR = json.dumps(
    {
        "boot_status_code": "enabled-by-generator",
        "detail": "DataSourceNoCloud [seed=/dev/vdb]",
        "errors": [SCRIPTS_USER.replace("_", "-")],
        "extended_status": "error - done",
        "init": {"errors": [], "finished": 433.17, "recoverable_errors": {"WARNING": [REDIRECTED]}},
        "modules-final": {"errors": [SCRIPTS_USER.replace("_", "-")], "finished": 588.06},
        "recoverable_errors": {"WARNING": [REDIRECTED, "Failed to run module scripts-user"]},
        "stage": None,
        "status": "error",
    }
)
"""What it said, in part, of a script that failed, and of output that went to a file."""


def told(status: str, **more: object) -> str:
    return json.dumps({"status": status, **more}, indent=2)


@pytest.mark.parametrize(
    ("printed", "code", "expected"),
    [
        (told("running"), 0, RUNNING),
        (told("not run"), 0, RUNNING),
        (told("not started"), 0, RUNNING),
        (told("done", errors=[]), 0, DONE),
        (told("disabled"), 0, ABSENT),
        (told("error", errors=[SCRIPTS_USER]), 1, FAILED),
        (told("error", errors=[SCRIPTS_USER], extended_status="error - done"), 1, FAILED),
        (told("error", errors=[SCRIPTS_USER], extended_status="error - running"), 1, RUNNING),
        (told("running", extended_status="degraded running", recoverable_errors={"WARNING": ["x"]}), 2, RUNNING),
        (told("error"), 1, CloudInitStatus(Outcome.ERROR)),
        (told("done", extended_status="degraded done"), 2, CloudInitStatus(Outcome.DEGRADED)),
        (told("done"), 2, CloudInitStatus(Outcome.DEGRADED)),
        (
            told("done", recoverable_errors={"WARNING": ["cloud-config failed schema validation!"]}),
            0,
            CloudInitStatus(Outcome.DEGRADED, detail="cloud-config failed schema validation!"),
        ),
        (DEBIAN_13_ERROR, 1, CloudInitStatus(Outcome.ERROR, "scripts-user", FAILED.detail)),
        (DEBIAN_13_DEGRADED, 2, CloudInitStatus(Outcome.DEGRADED, detail=SCHEMA)),
        # 22.4 of Debian 12 writes the module with a hyphen
        (
            told("error", errors=["('scripts-user', RuntimeError('Runparts: 1 failures (runcmd)'))"]),
            1,
            CloudInitStatus(Outcome.ERROR, "scripts-user", "RuntimeError('Runparts: 1 failures (runcmd)')"),
        ),
        # `cloud-init status --long`, of a cloud-init that has no `--format`
        ("status: running\n", 0, RUNNING),
        ("status: done\ntime: Thu, 01 Jan 1970 00:00:00 +0000\ndetail:\nDataSourceNoCloud [seed=/dev/vdb]\n", 0, DONE),
        ("status: done\n", 2, CloudInitStatus(Outcome.DEGRADED)),
        (f"status: error\ntime: never\ndetail:\n{SCRIPTS_USER}\n", 1, FAILED),
        ("status: disabled\n", 0, ABSENT),
        # what no cloud-init has printed
        ("", 0, None),
        ("usage: cloud-init [-h]\n", 2, None),
        ("status: perfect\n", 0, None),
        (told("perfect"), 0, None),
        ("[]", 0, None),
        ("3", 0, None),
        ("[" * 100_000, 0, None),
        ('{"status": ["done"]}', 0, None),
        ('{"status": "done", "errors": {"a": 1}, "recoverable_errors": 7, "extended_status": []}', 0, DONE),
        ('{"status": "done", "schemas"', 0, None),
    ],
)
def test_what_an_answer_means(printed: str, code: int, expected: CloudInitStatus | None) -> None:
    assert read_status(printed, code) == expected


def test_what_is_told_of_a_failure() -> None:
    assert FAILED.told == (
        "in the module scripts_user: RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands')"
    )
    assert CloudInitStatus(Outcome.ERROR, detail="boom").told == "boom"
    assert CloudInitStatus(Outcome.DEGRADED, module="x").told == "in the module x"
    assert DONE.told == ""
    assert [each.ended for each in (RUNNING, DONE, ABSENT, FAILED)] == [False, True, True, True]


def test_words_of_a_guest_are_short_and_clean() -> None:
    status = read_status(told("error", errors=["\x1b]0;owned\x07('a\x1b[31mb', X('" + "y\n" * 9999 + "'))"]), 1)
    assert status is not None
    assert status.told.isprintable()
    assert len(status.told) < 400


@pytest.mark.slow
def test_a_guest_without_cloud_init_is_asked_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as server:
        assert ask(server.target) == ABSENT
        assert answer_of(server.target, "echo 'status: done'; exit 2", monkeypatch) == CloudInitStatus(Outcome.DEGRADED)
        assert answer_of(server.target, "exec cat /dev/zero | head -c 3000000", monkeypatch) is None


def answer_of(target: SSHTarget, script: str, monkeypatch: pytest.MonkeyPatch) -> CloudInitStatus | None:
    monkeypatch.setattr(module, "_SCRIPT", script)
    return ask(target)


def test_an_endless_answer_is_not_kept() -> None:
    kept = module._Bounded()
    for _ in range(100):
        assert kept.write(b"x" * 100_000) == 100_000
    assert len(kept.getvalue()) == module._MAX_ANSWER
