"""What the pictures show."""

from collections.abc import Awaitable, Callable

from tests.screenshots.stage import Picture, Stage

Take = Callable[[Picture], Awaitable[None]]
"""Takes the picture."""

Scene = Callable[[Stage, Take], Awaitable[None]]
"""Sets the stage, and has the picture taken."""

PROMPT = "debian@"


async def boot(stage: Stage, take: Take) -> None:
    """The console while a machine boots."""
    await stage.booted("default")
    async with stage.app((120, 36), "staging") as picture:
        await stage.start("staging")
        await picture.said("Reached target")
        await take(picture)


async def dashboard(stage: Stage, take: Take) -> None:
    """Several machines, and the console of one with its whole boot."""
    async with stage.booted_app((120, 36), "default") as picture:
        await picture.said("finished at")
        await take(picture)


async def timeline(stage: Stage, take: Take) -> None:
    """How a machine booted in which much fails."""
    async with stage.booted_app((120, 44), "staging") as picture:
        await picture.press("2")
        await picture.boot_shown()
        await picture.press("tab")
        await take(picture)


async def shell(stage: Stage, take: Take) -> None:
    """A shell over SSH; keys go into it."""
    async with stage.booted_app((120, 36), "default") as picture:
        await picture.press("3", "3")
        await picture.said(PROMPT)
        await picture.type_line("clear; systemctl --no-pager --legend=no list-units --type=service | head -20")
        await picture.said("ssh.service")
        await picture.type_line("free -h; df -h /")
        await picture.said("Mounted on")
        await take(picture)


async def details(stage: Stage, take: Take) -> None:
    """Everything about one machine."""
    async with stage.booted_app((120, 48), "default") as picture:
        await picture.press("4")
        await picture.pilot.pause(20)  # let the plots have something to show
        await take(picture)


async def create(stage: Stage, take: Take) -> None:
    """Making one more."""
    async with stage.booted_app((100, 36), "default") as picture:
        await picture.press("n")
        await picture.pilot.pause(1)
        await picture.press(*"preview")
        await take(picture)


async def delete(stage: Stage, take: Take) -> None:
    """The question before a delete."""
    async with stage.booted_app((100, 30), "batch") as picture:
        await picture.press("d")
        await picture.dialog("#delete-list")
        await take(picture)


async def small(stage: Stage, take: Take) -> None:
    """At 80 columns and 24 lines."""
    async with stage.booted_app((80, 24), "default") as picture:
        await picture.said("finished at")
        await take(picture)


async def wide(stage: Stage, take: Take) -> None:
    """Side by side where there is room."""
    async with stage.booted_app((200, 50), "default") as picture:
        await picture.press("3", "3")
        await picture.said(PROMPT)
        await picture.type_line("clear; ls -l --color / && uptime && uname -a")
        await picture.said("SMP")
        await take(picture)


SCENES: dict[str, Scene] = {
    scene.__name__: scene for scene in (boot, dashboard, timeline, shell, details, create, delete, small, wide)
}
