"""Toasts that are taken back."""

from textual.app import App

from podplane_tui.tui.toasts import left_to_say, take_back, tell


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


async def test_what_comes_up_when_the_app_is_ending_is_left_to_say() -> None:
    app = App[None]()
    async with app.run_test() as pilot:
        tell(app, "[b]now")
        await pilot.pause()
        assert [(toast.message, toast.severity, toast.markup) for toast in app._notifications] == [
            ("[b]now", "warning", False)
        ]
        assert left_to_say(app) == []
        app.exit()
        tell(app, "later")
        assert len(app._notifications) == 1
    assert left_to_say(app) == ["later"]
    assert left_to_say(App[None]()) == []
