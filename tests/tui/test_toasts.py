"""Toasts that are taken back."""

from textual.app import App

from podplane_tui.tui.toasts import take_back


async def test_only_toasts_that_say_just_this_are_taken_back() -> None:
    app = App[None]()
    async with app.run_test() as pilot:
        for message in ("starting", "starting a", "starting"):
            app.notify(message)
        await pilot.pause()
        take_back(app, "starting")
        assert [toast.message for toast in app._notifications] == ["starting a"]
        take_back(app, "what nobody said")
        assert [toast.message for toast in app._notifications] == ["starting a"]
