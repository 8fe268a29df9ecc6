"""The dialog with the keys that no keyboard sends into a serial console."""

import pytest
from textual.widgets import OptionList

from podplane_tui.backend.qemu.send_key import CTRL_ALT_DEL, SYSRQ
from podplane_tui.tui.screens.send import SendDialog, Sending, choices
from tests.tui.screens.support import DialogApp, shown


def test_everything_is_either_typed_or_pressed_and_has_a_name_of_its_own() -> None:
    found = [sending for sending, _ in choices(132, 43)]
    assert found[0] == Sending("stty rows 43 columns 132", text="stty rows 43 columns 132\r")
    assert found[1].keys == CTRL_ALT_DEL
    assert len(found) == 2 + len(SYSRQ) == len({sending.name for sending in found})
    assert all(bool(sending.keys) is not bool(sending.text) for sending in found)
    assert all(words for _, words in choices(80, 24))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attached", "keyboard", "sent"),
    [
        (True, True, "stty rows 24 columns 80"),
        (False, True, "Ctrl-Alt-Del"),
        (True, False, "stty rows 24 columns 80"),
    ],
)
async def test_only_what_can_be_sent_can_be_chosen(attached: bool, keyboard: bool, sent: str) -> None:
    app = DialogApp(lambda: SendDialog(name="dev", columns=80, lines=24, attached=attached, keyboard=keyboard))
    async with app.run_test(size=(100, 40)) as pilot:
        await shown(pilot)
        options = app.screen.query_one(OptionList)
        disabled = [option.disabled for option in options.options]
        assert disabled == [not attached, *[not keyboard] * (len(disabled) - 1)]
        await pilot.press("home", "enter")
        [answer] = app.answers
        assert isinstance(answer, Sending)
        assert answer.name == sent


@pytest.mark.slow
async def test_where_nothing_can_be_sent_only_leaving_is_left() -> None:
    app = DialogApp(lambda: SendDialog(name="dev", columns=80, lines=24, attached=False, keyboard=False))
    async with app.run_test(size=(100, 40)) as pilot:
        await shown(pilot)
        await pilot.press("down", "enter")
        assert app.answers == []
        await pilot.press("escape")
        assert app.answers == [None]
