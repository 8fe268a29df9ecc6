"""What counts as a good boot."""

from __future__ import annotations

import pytest

from podplane_tui.backend.boot.model import FATAL, Boot, Failure, Stage
from podplane_tui.backend.boot.rules import FailureKind, StageName


def boot(*stages: tuple[StageName, float | None], failure: FailureKind | None = None) -> Boot:
    """A boot of such stages and durations."""
    return Boot(
        number=1,
        line=1,
        offset=0,
        started_at=None,
        kernel_started_at=None,
        stages=tuple(
            Stage(
                name, 1.0, duration, start_exact=True, duration_exact=True, running=duration is None, line=1, offset=0
            )
            for name, duration in stages
        ),
        failures=() if failure is None else (Failure(failure, "x", 1, 0, None),),
        more_failures=0,
        key_blocks=(),
        ended="",
    )


def test_a_stage_is_found_by_its_name() -> None:
    found = boot((StageName.KERNEL, 2.0), (StageName.SYSTEMD, None))
    assert found.stage("kernel") is found.stages[0]
    assert found.stage(StageName.SYSTEMD) is found.stages[1]
    assert found.stage("login prompt") is None


@pytest.mark.parametrize(
    ("stages", "good"),
    [
        ([], False),
        ([(StageName.KERNEL, 2.0), (StageName.SYSTEMD, 9.0)], False),
        ([(StageName.LOGIN_PROMPT, 0.0)], True),
        ([(StageName.CLOUD_INIT_FINAL, None)], False),
        ([(StageName.CLOUD_INIT_FINAL, 0.0)], True),
        ([(StageName.CLOUD_INIT_CONFIG, 3.0)], False),
    ],
)
def test_a_boot_is_good_with_a_prompt_or_the_end_of_cloud_init(
    stages: list[tuple[StageName, float | None]], good: bool
) -> None:
    assert boot(*stages).good is good


@pytest.mark.parametrize("kind", FailureKind)
def test_only_what_stops_a_boot_makes_it_a_bad_one(kind: FailureKind) -> None:
    stops = kind.value in {"panic", "emergency shell", "initramfs shell"}
    assert boot((StageName.LOGIN_PROMPT, 0.0), failure=kind).good is not stops
    assert (kind in FATAL) is stops
