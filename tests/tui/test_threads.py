"""Blocking work beside the loop."""

import asyncio
import threading

import pytest

from podplane_tui.tui.threads import AtExit, in_thread, in_thread_for
from tests.waiting import PATIENCE


async def test_result_and_error_come_back() -> None:
    loop_thread = threading.get_ident()
    assert await in_thread(threading.get_ident, name="t") != loop_thread
    with pytest.raises(ValueError, match="invalid literal"):
        await in_thread(lambda: int("no"), name="t")


async def test_what_changes_nothing_dies_with_the_program_and_the_rest_finishes() -> None:
    assert await in_thread(lambda: threading.current_thread().daemon, name="t")
    assert not await in_thread(lambda: threading.current_thread().daemon, name="t", at_exit=AtExit.FINISH)


async def test_cancelling_the_wait_does_not_wait_for_the_thread() -> None:
    release = threading.Event()
    task = asyncio.ensure_future(in_thread(lambda: release.wait(PATIENCE), name="t"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not release.is_set()
    release.set()


def test_a_loop_that_has_closed_is_no_error() -> None:
    release, done = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(PATIENCE)
        done.set()

    async def begin() -> None:
        task = asyncio.ensure_future(in_thread(work, name="late"))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(begin())
    release.set()
    assert done.wait(PATIENCE)
    late = [thread for thread in threading.enumerate() if thread.name == "late"]
    for thread in late:
        thread.join(PATIENCE)
        assert not thread.is_alive()


class Node:
    def __init__(self, *, attached: bool) -> None:
        self.is_attached = attached


async def test_work_for_a_widget_that_is_gone_by_then_cancels_who_waits() -> None:
    def fail() -> None:
        raise ValueError("nobody is left to hear it")

    assert await in_thread_for(Node(attached=True), lambda: 3, name="work") == 3
    for work in (lambda: 3, fail):
        with pytest.raises(asyncio.CancelledError, match=r"^$"):
            await in_thread_for(Node(attached=False), work, name="work")
    with pytest.raises(ValueError, match="nobody is left"):
        await in_thread_for(Node(attached=True), fail, name="work")
