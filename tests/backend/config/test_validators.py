"""What a setting may be, and what is said of what it may not."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from podplane_tui.backend.config.model import CreateDefaults, DashboardSettings, RecordingLimits
from podplane_tui.backend.config.validators import CHECKS, digest_fault, typed_value
from podplane_tui.backend.core.control import StopTimeouts

DIGEST = "sha256:" + "0" * 64
TABLES: dict[str, NamedTuple] = {
    "stop": StopTimeouts(),
    "recordings": RecordingLimits(),
    "create": CreateDefaults(),
    "dashboard": DashboardSettings(),
}


def test_every_setting_has_a_check_that_its_default_passes() -> None:
    assert CHECKS.keys() == TABLES.keys()
    for table, defaults in TABLES.items():
        values = defaults._asdict()
        assert CHECKS[table].keys() == values.keys()
        for name, value in values.items():
            assert CHECKS[table][name](value) == value


@pytest.mark.parametrize(
    ("image", "digest", "words"),
    [
        ("", "", ""),
        ("base.qcow2", "", ""),
        ("https://x.test/y.qcow2", DIGEST, ""),
        ("https://x.test/y.qcow2", "", "needs its digest"),
        ("/images/base.qcow2", DIGEST, "leave it empty, or give the URL"),
        ("", DIGEST, "leave it empty, or give the URL"),
    ],
)
def test_an_image_and_its_digest_have_to_go_together(image: str, digest: str, words: str) -> None:
    fault = digest_fault(image, digest)
    assert words in fault if words else not fault


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


@pytest.mark.parametrize(
    ("setting", "text", "words"),
    [
        ("stop.kill", "", "is not a number of seconds: use 0 or more"),
        ("stop.kill", "soon", "is not a number of seconds: use 0 or more"),
        ("stop.kill", "-1", "is not a number of seconds: use 0 or more"),
        ("stop.kill", "nan", "is not a number of seconds: use 0 or more"),
        ("stop.kill", "1e999", "is not a number of seconds: use 0 or more"),
        ("recordings.boots", "0", "is not a number: use 1 or more"),
        ("recordings.megabytes", "1.5", "is not a number: use 1 or more"),
        ("dashboard.refresh", "0.49", "is not a number of seconds: use 0.5 to 60"),
        ("dashboard.refresh", "61", "is not a number of seconds: use 0.5 to 60"),
        ("create.cpus", "0", "is not a number of CPUs: use 1 to 255"),
        ("create.cpus", "256", "is not a number of CPUs: use 1 to 255"),
        ("create.cpus", "many", "is not a number of CPUs: use 1 to 255"),
        ("create.memory", "1K", "is not a size of at least 1M"),
        ("create.disk_size", "40", "is not a size up to 64T"),
        ("create.digest", "sha256:12", "is no digest"),
        ("create.image", "./y.qcow2", "begin it with / or ~/"),
        ("create.image", "images/y.qcow2", "begin it with / or ~/"),
        ("create.user_data", "seed.yaml", "begin it with / or ~/"),
        ("create.user_data", "~root/seed.yaml", "begin it with / or ~/"),
    ],
)
def test_what_is_typed_wrong_is_said(setting: str, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        typed_value(setting, text)


@pytest.mark.parametrize(
    ("table", "name", "value"),
    [
        ("stop", "kill", True),
        ("stop", "kill", "3"),
        ("stop", "kill", None),
        ("recordings", "boots", 2.0),
        ("recordings", "boots", True),
        ("create", "cpus", True),
        ("create", "memory", 8),
        ("create", "image", ["x"]),
        ("dashboard", "theme", 3),
        ("dashboard", "refresh", False),
    ],
)
def test_a_value_of_another_kind_is_refused(table: str, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"^is not (?:a number|text)"):
        CHECKS[table][name](value)
