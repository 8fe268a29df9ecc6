"""The moving picture: a start, the boot, a login, as frames that a browser draws and Pillow puts together."""

import asyncio
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, async_playwright

from tests.screenshots.scenes import PROMPT
from tests.screenshots.stage import Picture, Stage

SIZE = (110, 32)

_SPEED = 9.0
"""How much faster than the emulated machine boots."""

_EVERY = 2.5
"""Seconds between two frames while it is filmed."""

_SHORTEST, _LONGEST = 0.35, 1.2
_LAST = 4.0
"""Seconds a frame, and the last one, stand."""

_WIDTH = 900
"""Pixels."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What was on the screen from `time` on, in seconds."""

    time: float
    svg: str


async def film(stage: Stage) -> list[Frame]:
    """Start `default`, watch it boot, look at its stages, log in."""
    frames: list[Frame] = []
    async with stage.app(SIZE, "default") as picture, _filming(picture, frames):
        await asyncio.sleep(3 * _EVERY)
        await picture.press("s")
        await picture.said("Reached target")
        await asyncio.sleep(10)
        await picture.press("2")
        await picture.boot_shown()
        await asyncio.sleep(_SPEED * 2.5)
        await picture.press("1")
        await picture.said("finished at")
        await picture.press("2")
        await asyncio.sleep(_SPEED * 2)
        await picture.press("3", "3")
        await picture.said(PROMPT)
        for line, answer in (("uname -sr", "Linux"), ("systemctl is-system-running", "running")):
            await asyncio.sleep(_SPEED)
            await picture.type_line(line)
            await picture.said(f"\n{answer}")
        await asyncio.sleep(_SPEED)
    return frames


@asynccontextmanager
async def _filming(picture: Picture, frames: list[Frame]) -> AsyncIterator[None]:
    """Take a frame every now and then; those that are like the one before count as one."""

    async def take() -> None:
        while True:
            svg = picture.draw()
            if not frames or frames[-1].svg != svg:
                frames.append(Frame(time.monotonic(), svg))
            await asyncio.sleep(_EVERY)

    task = asyncio.create_task(take())
    try:
        yield
    finally:
        task.cancel()


async def develop(frames: list[Frame], path: Path) -> None:
    """Write the frames as one animated picture."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = await browser.new_page()
        pictures = [await _draw(page, frame.svg) for frame in frames]
        await browser.close()
    lengths = [(after.time - frame.time) / _SPEED for frame, after in pairwise(frames)]
    stand = [min(max(length, _SHORTEST), _LONGEST) for length in lengths] + [_LAST]
    first, *others = pictures
    durations = [round(1000 * seconds) for seconds in stand]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, quality=60, method=4)


async def _draw(page: Page, svg: str) -> Image.Image:
    """A frame in pixels."""
    await page.set_content(f"<style>body {{ margin: 0 }} svg {{ width: {_WIDTH}px; display: block }}</style>{svg}")
    drawn = await page.locator("svg").first.screenshot()
    return Image.open(io.BytesIO(drawn)).convert("RGB")
