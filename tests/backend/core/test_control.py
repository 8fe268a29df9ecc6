"""How far a verb has come."""

from __future__ import annotations

import pytest

from podplane_tui.backend.core.control import Control, Progress


@pytest.mark.parametrize(
    ("progress", "fraction"),
    [
        (Progress(5), None),
        (Progress(0, 0), None),
        (Progress(0, 10), 0.0),
        (Progress(5, 10), 0.5),
        (Progress(11, 10), 1.0),
        (Progress(5, 10, part=0.25), 0.25),
        (Progress(5, 10, part=0.0), 0.0),
        (Progress(5, part=1.5), 1.0),
        (Progress(5, part=-0.5), 0.0),
    ],
)
def test_the_part_that_is_done_is_told_or_reckoned_and_stays_within_the_whole(
    progress: Progress, fraction: float | None
) -> None:
    assert progress.fraction == fraction


def test_cancelling_one_verb_is_no_affair_of_another() -> None:
    first, second = Control(), Control()
    first.cancel.set()
    first.skip.set()
    assert not second.cancel.is_set()
    assert not second.skip.is_set()
