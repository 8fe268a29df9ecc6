"""Figures and paths made short."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.control import Progress
from podplane_tui.backend.core.format import (
    count,
    format_duration,
    format_elapsed,
    format_path,
    format_progress,
    format_size,
    format_usage,
)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "—"),
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1K"),
        (196 * 1024, "196K"),
        (int(1.25 * 2**20), "1.2M"),
        (int(9.96 * 2**20), "10M"),
        (2**20 - 1, "1M"),
        (128 * 2**30, "128G"),
        (2**40, "1T"),
    ],
)
def test_sizes(size: int | None, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, 2**60))
def test_a_size_fits_its_column(size: int) -> None:
    assert len(format_size(size)) <= 5


def test_usage_names_what_is_known() -> None:
    assert format_usage(2**30, 4 * 2**30) == "1G/4G"
    assert format_usage(None, 4 * 2**30) == "—/4G"
    assert format_usage(None, None) == "—"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (-3, "0s"), (59.9, "59s"), (187, "3m 07s"), (18720, "5h 12m"), (183600, "2d 03h")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


def test_short_times_have_tenths() -> None:
    assert format_elapsed(0.44) == "0.4s"
    assert format_elapsed(9.97) == "9s"
    assert format_elapsed(75) == "1m 15s"


def test_paths_are_clean_and_know_home() -> None:
    home = Path("/home/someone")
    assert format_path(home / "x" / "y", home=home) == "~/x/y"
    assert format_path(Path("/srv/\x1b[31mred\n"), home=home) == "/srv/red"
    assert format_path(Path("/srv/x"), home=Path("/")) == "/srv/x"


def test_counts() -> None:
    assert [count(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


HALF = Progress(2**30, total=2**31, rate=31 * 2**20, eta=34, files=1204, files_total=10_000)


def test_progress_is_a_bar_and_figures() -> None:
    done, rest, figures = format_progress(HALF, width=100)
    assert (done, rest) == ("━" * 15, "─" * 15)
    assert figures == "  50%  1G of 2G  31M/s  34s left  1,204 of 10,000 files"


def test_progress_that_tells_little() -> None:
    assert format_progress(Progress(2**20), width=80) == ("", "", "1M")
    assert format_progress(Progress(0, files=1), width=80) == ("", "", "0B  1 file")
    assert format_progress(Progress(5, part=0.25), width=40)[2] == "  25%  5B"


@given(st.integers(0, 200), st.floats(0, 1), st.booleans())
def test_progress_keeps_to_its_room(width: int, part: float, known: bool) -> None:
    progress = Progress(2**30, rate=2**20, eta=7200, files=3, files_total=12_345, part=part if known else None)
    text = "".join(format_progress(progress, width=width))
    assert len(text) <= max(width, 14)
    assert not known or f"{int(part * 100)}%" in text
