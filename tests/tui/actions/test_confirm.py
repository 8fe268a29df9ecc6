"""What is asked before a verb, and the work that the answers make."""

import pytest
from textual.content import Content

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.vm.backing import unconfirmed_chain
from podplane_tui.backend.vm.start import StartWay
from podplane_tui.backend.vm.verbs import VERBS, Verb
from podplane_tui.tui.actions.confirm import ASK
from podplane_tui.tui.actions.host import Asker
from podplane_tui.tui.actions.tasks import Work, Workshop
from podplane_tui.tui.screens.delete import DeleteDialog
from podplane_tui.tui.screens.dialog import Dialog, Question
from podplane_tui.tui.screens.start import StartDialog
from tests.backend.images.support import write_image
from tests.conftest import Workspace
from tests.tui.actions.support import User, image_of, vm_of, workshop_of


async def ask(host: Asker, workshop: Workshop, vm: VMStatus, verb: Verb) -> Work | None:
    return await ASK[verb](host, workshop, vm)


def text_of(user: User) -> Content:
    """What the only question says."""
    [question] = user.shown
    assert isinstance(question, Question)
    return question._text


async def test_a_stop_names_the_steps_it_will_take_and_leaves_out_the_others(workspace: Workspace) -> None:
    user = User(True)
    assert await ask(user, workshop_of(workspace), vm_of(workspace, state=State.RUNNING), Verb.STOP) is not None
    lines = text_of(user).plain.splitlines()
    assert lines[2] == "   1m 30s  the power button; the guest shuts down by itself"
    assert lines[3] == "       5s  SIGKILL"  # SIGTERM gets no time at all
    assert lines[-1] == "Press x again while it stops to skip to the next step."


async def test_a_restart_says_besides_what_it_starts_with(workspace: Workspace) -> None:
    user = User(True)
    await ask(user, workshop_of(workspace), vm_of(workspace, state=State.RUNNING), Verb.RESTART)
    assert text_of(user).plain.endswith("\nIt then starts with the CPUs, memory and kernel it has now.")


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.RESTART, Verb.RESET, Verb.DELETE])
@pytest.mark.parametrize("answer", [None, False])
async def test_who_declines_gets_nothing_done(workspace: Workspace, verb: Verb, answer: bool | None) -> None:
    vm = vm_of(workspace)
    image_of(vm)
    user = User(answer)
    assert await ask(user, workshop_of(workspace), vm, verb) is None
    assert len(user.shown) == 1


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.RESTART, Verb.RESET, Verb.DELETE])
async def test_a_question_names_the_architecture_that_is_not_the_usual_one(workspace: Workspace, verb: Verb) -> None:
    vm = vm_of(workspace)
    image_of(vm)
    user = User(None, None)
    for user.arch in ("amd64", "arm64"):
        await ask(user, workshop_of(workspace), vm, verb)
    assert [dialog._title for dialog in user.shown if isinstance(dialog, Dialog)] == [
        f"{VERBS[verb].title} dev?",
        f"{VERBS[verb].title} dev amd64?",
    ]


async def test_what_needs_no_question_is_not_asked(workspace: Workspace) -> None:
    user = User()
    for verb in (Verb.PAUSE, Verb.RESUME, Verb.START):
        assert await ask(user, workshop_of(workspace), vm_of(workspace), verb) is not None
    assert user.shown == []


async def test_a_delete_is_of_what_was_there_when_it_was_asked(workspace: Workspace) -> None:
    vm = vm_of(workspace)
    image = image_of(vm)
    user = User(True)
    work = await ask(user, workshop_of(workspace), vm, Verb.DELETE)
    assert isinstance(user.shown[0], DeleteDialog)
    vm.files.seed.write_bytes(b"since")
    assert work is not None
    work(Control())
    assert not image.exists()
    assert vm.files.seed.exists()


@pytest.mark.parametrize("way", [StartWay.PODPLANE, StartWay.VM_ONLY, None])
async def test_what_podplane_made_is_started_the_way_one_chooses(workspace: Workspace, way: StartWay | None) -> None:
    vm = vm_of(workspace)
    vm.files.cluster_config.parent.mkdir(parents=True)
    vm.files.cluster_config.write_text("{}")
    user = User(way)
    work = await ask(user, workshop_of(workspace), vm, Verb.START)
    assert isinstance(user.shown[0], StartDialog)
    assert (work is None) is (way is None)


async def test_a_repair_where_nothing_is_wrong_is_refused(workspace: Workspace) -> None:
    user = User()
    with pytest.raises(VMError, match="dev"):
        await ask(user, workshop_of(workspace), vm_of(workspace), Verb.REPAIR)
    assert user.shown == []


async def test_a_repair_lists_its_steps_and_does_them(workspace: Workspace) -> None:
    vm = vm_of(workspace, state=State.CRASHED)
    image_of(vm)
    vm.files.pid_dir.mkdir(parents=True)
    vm.files.pid_file.write_text('{"qemu": 999999999}')
    user = User(True)
    work = await ask(user, workshop_of(workspace), vm, Verb.REPAIR)
    assert "no disk is lost by it:\n\n  • " in text_of(user).plain
    assert work is not None
    assert work(Control())
    assert not vm.files.pid_file.exists()


def test_everything_about_a_vm_has_its_question_and_nothing_else_has_one() -> None:
    about_vm = {verb for verb, entry in VERBS.items() if entry.about_vm}
    assert set(ASK) == about_vm - {Verb.SYNC, Verb.WATCH}


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESTART])
async def test_files_that_the_guest_would_read_are_asked_about_first(workspace: Workspace, verb: Verb) -> None:
    vm, base = vm_of(workspace), workspace.root / "base"
    write_image(image_of(vm), base=str(base), kind="raw")
    base.write_bytes(bytes(512))
    user = User(None)
    assert await ask(user, workshop_of(workspace), vm, verb) is None
    assert text_of(user).plain.endswith(f"\n  • {base} (raw)")
    user = User(True, True)
    work = await ask(user, workshop_of(workspace), vm, verb)
    assert work is not None
    chain = unconfirmed_chain(vm.files)
    assert chain == (f"{base} (raw)",)  # asking alone confirms nothing
    assert workshop_of(workspace).confirmed(vm, chain, lambda _: "done")(Control()) == "done"
    assert unconfirmed_chain(vm.files) == ()
    user = User(True)
    assert await ask(user, workshop_of(workspace), vm, verb) is not None
    assert len(user.shown) == (1 if verb is Verb.RESTART else 0)
