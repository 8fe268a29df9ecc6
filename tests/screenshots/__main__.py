"""Make the pictures in `screenshots/`, all or those named: python -m tests.screenshots [NAME…]."""

import asyncio
import sys
from functools import partial
from pathlib import Path

from tests.debian.clusters import BOOT_LIMIT
from tests.screenshots import cast
from tests.screenshots.scenes import SCENES
from tests.screenshots.stage import Picture, Stage, stage_set

OUTPUT = Path(__file__).parents[2] / "screenshots"
CAST = "boot-and-login"


async def save(name: str, picture: Picture) -> None:
    """Keep a picture of what is on the screen when nothing more comes."""
    await picture.pilot.pause(0.3)
    (OUTPUT / f"{name}.svg").write_text(picture.draw(), "utf-8")
    print(f"screenshots/{name}.svg")  # noqa: T201 - a command's output


async def make(stage: Stage, wanted: list[str]) -> None:
    """The cast comes first: it starts the machine that the pictures then show."""
    if CAST in wanted:
        frames = await cast.film(stage)
        await cast.develop(frames, OUTPUT / f"{CAST}.webp")
        print(f"screenshots/{CAST}.webp")  # noqa: T201 - a command's output
    for name, scene in SCENES.items():
        if name in wanted:
            await asyncio.wait_for(scene(stage, partial(save, name)), 3 * BOOT_LIMIT)


def main() -> None:
    """Make them."""
    wanted = sys.argv[1:] or [CAST, *SCENES]
    if unknown := set(wanted) - {CAST, *SCENES}:
        sys.exit(f"no such picture: {' '.join(sorted(unknown))}; there are {' '.join([CAST, *SCENES])}")
    OUTPUT.mkdir(exist_ok=True)
    with stage_set() as stage:
        asyncio.run(make(stage, wanted))


if __name__ == "__main__":
    main()
