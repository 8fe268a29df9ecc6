"""What all dialogs have in common."""

from pathlib import Path
from typing import ClassVar

from textual.app import App

from podplane_tui.tui.screens.delete import DeleteDialog, DoomedFile
from podplane_tui.tui.styles import stylesheets

FILES = [DoomedFile(Path(f"/srv/vms/disk-{number:02}.qcow2"), 2**20, is_directory=False) for number in range(40)]


class Asking(App[None]):
    """Nothing but a dialog."""

    CSS_PATH: ClassVar[list[Path]] = stylesheets()  # type: ignore[assignment] # Textual takes any sequence


async def test_buttons_stay_in_view_however_much_is_listed() -> None:
    app = Asking()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(DeleteDialog(title="Delete 40 VMs?", files=FILES))
        await pilot.pause()
        body = app.screen.query_one(".dialog-body")
        for name in ("#cancel", "#accept"):
            assert app.screen.region.contains_region(app.screen.query_one(name).region)
        assert "PgDn" in str(app.screen.query_one(".dialog").border_subtitle)
        while body.scroll_y < body.max_scroll_y:
            before = body.scroll_y
            await pilot.press("pagedown")
            assert body.scroll_y > before
        assert "disk-39.qcow2" in "".join(strip.text for strip in app.screen._compositor.render_strips(app.size))
        await pilot.press("pageup")
        assert body.scroll_y < body.max_scroll_y
        assert app.screen.query_one("#cancel").has_focus


async def test_a_dialog_that_fits_does_not_speak_of_more() -> None:
    app = Asking()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(DeleteDialog(title="Delete a VM?", files=FILES[:2]))
        await pilot.pause()
        assert str(app.screen.query_one(".dialog").border_subtitle) == "Esc cancels"
