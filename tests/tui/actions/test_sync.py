"""What is asked before a sync: always what, and whether really where something would be deleted."""

import pytest

from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.tui.actions.sync import ask_sync
from podplane_tui.tui.screens.preview import PreviewDialog
from podplane_tui.tui.screens.sync import SyncAnswer, SyncDialog
from tests.conftest import Workspace
from tests.tui.actions.support import User, vm_of, workshop_of

PLAIN = SyncAnswer(SyncRequest("/a", "/b"))
DELETING = SyncAnswer(SyncRequest("/a", "/b", delete=True))
LOOKING = SyncAnswer(SyncRequest("/a", "/b"), preview=True)


async def asked(workspace: Workspace, *answers: object) -> tuple[SyncAnswer | None, list[type[object]]]:
    """What comes of these answers, and the dialogs they were given to."""
    user = User(*answers)
    found = await ask_sync(user, workshop_of(workspace), vm_of(workspace), watch=False)
    assert user.answers == []
    return found, [type(dialog) for dialog in user.shown]


async def test_what_deletes_nothing_is_agreed_to_with_the_one_dialog(workspace: Workspace) -> None:
    assert await asked(workspace, PLAIN) == (PLAIN, [SyncDialog])
    assert await asked(workspace, None) == (None, [SyncDialog])


@pytest.mark.parametrize("answer", [DELETING, LOOKING], ids=["deletes", "wants-to-look"])
async def test_a_preview_comes_before_what_deletes_or_where_it_is_wanted(
    workspace: Workspace, answer: SyncAnswer
) -> None:
    assert await asked(workspace, answer, True) == (answer, [SyncDialog, PreviewDialog])


@pytest.mark.parametrize("answer", [DELETING, LOOKING], ids=["deletes", "wants-to-look"])
async def test_who_declines_after_the_preview_is_back_at_what_was_asked_for(
    workspace: Workspace, answer: SyncAnswer
) -> None:
    dialogs = [SyncDialog, PreviewDialog, SyncDialog]
    assert await asked(workspace, answer, None, None) == (None, dialogs)
    assert await asked(workspace, answer, None, PLAIN) == (PLAIN, dialogs)
