"""When frames are painted."""

import asyncio
from collections.abc import Container

import pytest

from podplane_tui.tui.widgets.terminal import pacing
from podplane_tui.tui.widgets.terminal.pacing import (
    FRAME_SHARE,
    FRAME_TIME,
    LONGEST_FRAME_TIME,
    SYNCHRONIZED_TIMEOUT,
    FramePacer,
)
from tests.waiting import until

TICK = 1 / 1024
"""Seconds between two requests: what floats hold exactly."""
LONG_AGO = -1000.0


class Painting:
    """A pacer, clocks that go as they are told, and when frames were painted. Timers go by the real clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.spent = 0.0
        self.cost = 0.0
        """Seconds a frame takes."""
        self.seen = True
        self.frames: list[float] = []
        self.pacer = FramePacer(self.paint)
        monkeypatch.setattr(pacing, "monotonic", lambda: self.now)
        monkeypatch.setattr(pacing, "thread_time", lambda: self.spent)

    def paint(self) -> bool:
        self.frames.append(self.now)
        self.spent += self.cost
        return self.seen

    def request(self, *, last_key: float = LONG_AGO, synchronized: bool = False) -> None:
        self.pacer.request(last_key=last_key, synchronized=synchronized)

    def flood(self, *, ticks: int, keys: Container[int] = ()) -> list[int]:
        """Request a frame at each tick; returns at which of them there was one. No timer gets its turn."""
        begun, last_key = self.now, LONG_AGO
        self.frames.clear()
        for tick in range(ticks):
            self.now = begun + tick * TICK
            if tick in keys:
                last_key = self.now
            self.request(last_key=last_key)
        self.pacer.cancel()
        return [round((frame - begun) / TICK) for frame in self.frames]


@pytest.fixture
def painting(monkeypatch: pytest.MonkeyPatch) -> Painting:
    return Painting(monkeypatch)


@pytest.mark.parametrize(
    ("keys", "frames"),
    [
        ((), [0, 35, 70, 105, 140]),
        ([20], [0, 24, 33, 46, 72, 107, 142]),  # not before the answer can be there, then at gaps that double
        ([36], [0, 35, 44, 53, 70, 104, 139]),  # nor right after another frame
        (range(150), [0, 35, 70, 105, 140]),  # keys that do not end hold no frame back
    ],
)
async def test_frames_of_a_flood_are_closer_after_a_key(
    painting: Painting, keys: Container[int], frames: list[int]
) -> None:
    assert painting.flood(ticks=150, keys=keys) == frames


@pytest.mark.parametrize(
    ("cost", "gap"),
    [
        (0.0, FRAME_TIME),
        (FRAME_TIME / FRAME_SHARE / 2, FRAME_TIME),
        (0.003, 0.003 * FRAME_SHARE),
        (1.0, LONGEST_FRAME_TIME),
    ],
)
async def test_frames_that_take_long_are_further_apart(painting: Painting, cost: float, gap: float) -> None:
    painting.cost = cost
    first, second, third = painting.flood(ticks=250)[:3]
    assert third - second == second - first == pytest.approx(gap / TICK, abs=1)


async def test_a_frame_that_nobody_sees_says_nothing_about_what_one_takes(painting: Painting) -> None:
    painting.cost, painting.seen = 1.0, False
    assert painting.flood(ticks=40) == [0, 35]


async def passed() -> None:
    """Wait until every timer that a pacer may have set before is over."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(LONGEST_FRAME_TIME + SYNCHRONIZED_TIMEOUT, over.set)
    await over.wait()


async def test_what_comes_between_two_frames_is_painted_with_the_second(painting: Painting) -> None:
    for _ in range(3):
        painting.request()
        painting.now += TICK
    assert len(painting.frames) == 1
    painting.request(last_key=painting.now)  # sooner than the others
    await until(lambda: len(painting.frames) > 1, what="the frame that is due")
    await passed()
    assert len(painting.frames) == 2


async def test_no_frame_comes_after_the_pacer_is_cancelled(painting: Painting) -> None:
    painting.request()
    painting.request()
    painting.pacer.cancel()
    await passed()
    assert len(painting.frames) == 1
    painting.request()
    await until(lambda: len(painting.frames) == 2, what="the frame of another request")


async def test_an_unfinished_update_is_held_back_until_it_ends(painting: Painting) -> None:
    painting.request(synchronized=True)
    painting.now += SYNCHRONIZED_TIMEOUT / 2
    painting.request(synchronized=True)
    assert painting.frames == []
    painting.request()
    assert painting.frames == [painting.now]


async def test_an_update_that_does_not_end_is_painted_after_a_time_from_its_beginning(painting: Painting) -> None:
    begun = painting.now
    for _ in range(300):
        painting.request(synchronized=True)
        painting.now += TICK
    assert painting.frames[0] - begun == pytest.approx(SYNCHRONIZED_TIMEOUT, abs=TICK)
    painting.request()
    painting.now += 1.0
    painting.frames.clear()
    painting.request(synchronized=True)  # another one has its own time
    assert painting.frames == []
    painting.pacer.cancel()
