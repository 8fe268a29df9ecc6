"""The dialog that asks how to start a cluster that podplane made."""

import pytest

from podplane_tui.backend.vm.start import StartWay
from podplane_tui.tui.screens.start import StartDialog
from podplane_tui.tui.widgets.marks import Choice
from tests.tui.screens.support import DialogApp, shown

pytestmark = pytest.mark.slow


async def test_enter_starts_it_through_podplane_where_that_is_installed() -> None:
    app = DialogApp(lambda: StartDialog(name="dev", installed=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "podplane local start --id dev" in str(app.screen.query(Choice).first().label)
        await pilot.press("enter")
        assert app.answers == [StartWay.PODPLANE]


async def test_the_other_way_can_be_chosen() -> None:
    app = DialogApp(lambda: StartDialog(name="dev", installed=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        app.screen.query_one("#start-way").focus()
        await pilot.press("down", "space")
        app.screen.query_one("#accept").focus()
        await pilot.press("enter")
        assert app.answers == [StartWay.VM_ONLY]


@pytest.mark.parametrize("keys", [["enter"], ["up", "space", "enter"]])
async def test_without_podplane_the_vm_alone_is_the_only_way(keys: list[str]) -> None:
    app = DialogApp(lambda: StartDialog(name="dev", installed=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        first, second = app.screen.query(Choice)
        assert first.disabled
        assert "not installed" in str(first.label)
        assert second.value
        app.screen.query_one("#start-way").focus()
        await pilot.press(*keys[:-1])
        app.screen.query_one("#accept").focus()
        await pilot.press(keys[-1])
        assert app.answers == [StartWay.VM_ONLY]
