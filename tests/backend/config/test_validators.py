"""What a setting may be, and what is said of what it may not."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from podplane_tui.backend.config.model import CreateDefaults, DashboardSettings, RecordingLimits, SSHSettings
from podplane_tui.backend.config.validators import CHECKS, typed_value
from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import InvalidInput

DIGEST = "sha256:" + "0" * 64
TABLES: dict[str, NamedTuple] = {
    "stop": StopTimeouts(),
    "recordings": RecordingLimits(),
    "create": CreateDefaults(),
    "dashboard": DashboardSettings(),
    "ssh": SSHSettings(),
}


def test_every_setting_has_a_check_that_its_default_passes() -> None:
    assert CHECKS.keys() == TABLES.keys()
    for table, defaults in TABLES.items():
        values = defaults._asdict()
        assert CHECKS[table].keys() == values.keys()
        for name, value in values.items():
            assert CHECKS[table][name](value) == value


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        ("stop.kill", "3", 3),
        ("stop.kill", "2.5", 2.5),
        ("stop.kill", "0", 0),
        ("recordings.boots", "12", 12),
        ("dashboard.refresh", "0.5", 0.5),
        ("dashboard.theme", "3", "3"),
        ("create.cpus", "4", 4),
        ("create.cpus", "", ""),
        ("create.memory", "512M", "512M"),
        ("create.disk_size", "40g", "40g"),
        ("create.digest", DIGEST.upper(), DIGEST.upper()),
        ("create.image", "debian.qcow2", "debian.qcow2"),
        ("create.image", "https://x.test/y.qcow2", "https://x.test/y.qcow2"),
        ("create.image", "~/y.qcow2", "~/y.qcow2"),
        ("create.user_data", "/etc/seed.yaml", "/etc/seed.yaml"),
    ],
)
def test_what_is_typed_becomes_a_number_only_where_one_belongs(setting: str, text: str, value: object) -> None:
    found = typed_value(setting, text)
    assert (found, type(found)) == (value, type(value))


SECONDS = "use 0 or more"
COUNT = "use a whole number, 1 or more"
REFRESH = "use 0.5 to 60"
CPUS = "use a whole number from 1 to 255"
ABSOLUTE = "begin it with / or ~/"


@pytest.mark.parametrize(
    ("setting", "text", "problem", "hint"),
    [
        ("stop.kill", "", "invalid number of seconds ''", SECONDS),
        ("stop.kill", "soon", "invalid number of seconds 'soon'", SECONDS),
        ("stop.kill", "-1", "invalid number of seconds -1", SECONDS),
        ("stop.kill", "nan", "invalid number of seconds nan", SECONDS),
        ("stop.kill", "1e999", "invalid number of seconds inf", SECONDS),
        ("recordings.boots", "0", "invalid number 0", COUNT),
        ("recordings.megabytes", "1.5", "invalid number 1.5", COUNT),
        ("dashboard.refresh", "0.49", "invalid number of seconds 0.49", REFRESH),
        ("dashboard.refresh", "61", "invalid number of seconds 61", REFRESH),
        ("create.cpus", "0", "invalid number of CPUs '0'", CPUS),
        ("create.cpus", "256", "invalid number of CPUs '256'", CPUS),
        ("create.cpus", "4.5", "invalid number of CPUs '4.5'", CPUS),
        ("create.cpus", "many", "invalid number of CPUs 'many'", CPUS),
        ("create.memory", "1K", "invalid memory size '1K'", "use a size of at least 1M, such as 512M or 4G"),
        (
            "create.disk_size",
            "40",
            "invalid disk size '40'",
            "use a whole number with a unit up to 64T, such as 128G",
        ),
        (
            "create.digest",
            "sha256:12",
            "invalid digest 'sha256:12'",
            "use sha256:<64 hex digits> or sha512:<128 hex digits>",
        ),
        ("create.image", "./y.qcow2", "invalid path './y.qcow2'", ABSOLUTE),
        ("create.image", "images/y.qcow2", "invalid path 'images/y.qcow2'", ABSOLUTE),
        ("create.user_data", "seed.yaml", "invalid path 'seed.yaml'", ABSOLUTE),
        ("create.user_data", "~root/seed.yaml", "invalid path '~root/seed.yaml'", ABSOLUTE),
    ],
)
def test_what_is_typed_wrong_is_said(setting: str, text: str, problem: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(problem)) as raised:
        typed_value(setting, text)
    assert (raised.value.problem, raised.value.hint) == (problem, hint)


@pytest.mark.parametrize(
    ("table", "name", "value", "problem"),
    [
        ("stop", "kill", True, "invalid number of seconds True"),
        ("stop", "kill", "3", "invalid number of seconds '3'"),
        ("stop", "kill", None, "invalid number of seconds None"),
        ("recordings", "boots", 2.0, "invalid number 2.0"),
        ("recordings", "boots", True, "invalid number True"),
        ("create", "cpus", True, "invalid number of CPUs 'True'"),
        ("create", "memory", 8, "invalid value 8"),
        ("create", "image", ["x"], "invalid value ['x']"),
        ("dashboard", "theme", 3, "invalid value 3"),
        ("dashboard", "refresh", False, "invalid number of seconds False"),
    ],
)
def test_a_value_of_another_kind_is_refused(table: str, name: str, value: object, problem: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(problem)) as raised:
        CHECKS[table][name](value)
    assert raised.value.problem == problem


def test_a_long_value_is_cut() -> None:
    with pytest.raises(InvalidInput, match=r"invalid value \['") as raised:
        CHECKS["dashboard"]["theme"](["\x1b" * 1000])
    assert len(raised.value.problem) < 80
