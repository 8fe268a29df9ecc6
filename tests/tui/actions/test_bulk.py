"""One verb for many VMs: which of them it makes sense for, and the one question before it."""

from pathlib import Path
from threading import Event

import pytest
from textual.pilot import Pilot

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.vm.backing import unconfirmed_chain
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.actions import bulk
from podplane_tui.tui.actions.bulk import plan, select
from podplane_tui.tui.screens.delete import DeleteDialog
from podplane_tui.tui.screens.dialog import Question
from podplane_tui.tui.widgets.vm_list.table import VMTable
from tests.backend.images.support import write_image
from tests.conftest import Workspace
from tests.tui.actions.support import KEYS, image_of, vm_of, workshop_of
from tests.tui.support import (
    app_of,
    files_of,
    listed,
    screen_text,
    settled,
    text_of,
    toasts,
)
from tests.waiting import until


@pytest.mark.slow
async def test_a_verb_acts_on_all_marked_machines_after_one_question(pilot: Pilot[None], workspace: Workspace) -> None:
    app = app_of(pilot)
    await pilot.press("asterisk")
    await settled(pilot)
    assert "2 marked" in screen_text(pilot)
    await pilot.press("slash", "b", "e", "enter", "d")
    await until(lambda: isinstance(app.screen, DeleteDialog), what="the dialog")
    await settled(pilot)
    text = screen_text(pilot)
    assert "Delete 2 VMs?" in text
    assert "1 of them hidden by the filter" in text
    for cluster_id in ("alpha", "beta"):
        assert files_of(workspace, cluster_id).image.name in text_of(app, "#delete-list")
    await pilot.press("right", "enter")
    await listed(app)
    done = ["deleted alpha", "deleted beta"]
    await until(lambda: sorted(job.headline for job in app.jobs) == done, what="the end of both jobs")


@pytest.mark.slow
async def test_marked_machines_a_verb_makes_no_sense_for_are_refused(pilot: Pilot[None]) -> None:
    app = app_of(pilot)
    await pilot.press("asterisk", "x")
    await until(lambda: toasts(app), what="a toast")
    assert toasts(app) == ["alpha is not running; beta is not running"]
    await pilot.press("escape")
    assert app.screen.query_one(VMTable).marked == frozenset()


def named(*names: str, state: State = State.STOPPED) -> list[VMStatus]:
    return [VMStatus(VMFiles("amd64", name, Path("/d"), Path("/r")), state) for name in names]


def test_what_a_verb_makes_no_sense_for_is_left_out_with_the_reason() -> None:
    vms = [*named("a", "b"), *named("c", state=State.RUNNING)]
    chosen = select(
        Verb.START, vms, busy={"b.amd64"}, hidden={"a.amd64", "c.amd64"}, key=KEYS.__getitem__, arch="amd64"
    )
    assert [vm.cluster_id for vm in chosen.able] == ["a"]
    assert chosen.left_out == (("b", "is busy"), ("c", "is already running: stop or restart it"))
    assert chosen.hidden == 1  # of those it is done to
    chosen = select(Verb.START, vms, busy={"b.amd64"}, hidden=(), key=KEYS.__getitem__, arch="arm64")
    assert chosen.left_out[0] == ("b amd64", "is busy")


@pytest.mark.parametrize(("number", "last"), [(1, "  • vm0  words"), (5, "  • vm4  words"), (7, "    and 2 more")])
def test_a_question_names_a_few_and_counts_the_others(number: int, last: str) -> None:
    lines = [line.plain for line in bulk.listed([(f"vm{each}", "words") for each in range(number)])]
    assert lines[-1] == last
    assert lines[0] == "  • vm0  words"
    assert len(lines) == min(number, 6)


def test_a_plan_of_deletes_removes_the_files_of_each_vm_alone(workspace: Workspace) -> None:
    vms = [vm_of(workspace, name) for name in ("a", "b", "c")]
    images = [image_of(vm) for vm in vms]
    chosen = select(Verb.DELETE, vms[:2], busy=(), hidden=(), key=KEYS.__getitem__, arch="amd64")
    found = plan(Verb.DELETE, chosen, workshop_of(workspace))
    assert [vm.cluster_id for vm, _ in found.tasks] == ["a", "b"]
    found.tasks[0][1](Control())
    assert [image.exists() for image in images] == [False, True, True]


def test_a_plan_of_repairs_leaves_out_what_needs_none(workspace: Workspace) -> None:
    sound, crashed = vm_of(workspace, "a"), vm_of(workspace, "b", State.CRASHED)
    for vm in (sound, crashed):
        image_of(vm)
    crashed.files.pid_dir.mkdir(parents=True)
    crashed.files.pid_file.write_text('{"qemu": 999999999}')
    chosen = select(Verb.REPAIR, [sound, crashed], busy=(), hidden=(), key=KEYS.__getitem__, arch="amd64")
    found = plan(Verb.REPAIR, chosen, workshop_of(workspace))
    assert [vm.cluster_id for vm, _ in found.tasks] == ["b"]
    assert [name for name, _ in found.left_out] == ["a"]


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESTART])
def test_files_that_guests_would_read_are_asked_about_once_and_all_of_them(workspace: Workspace, verb: Verb) -> None:
    base = workspace.root / "base"
    base.write_bytes(bytes(512))
    state = State.STOPPED if verb is Verb.START else State.RUNNING
    vms = [vm_of(workspace, f"vm{number}", state) for number in range(7)]
    for vm in vms[1:]:
        write_image(image_of(vm), base=str(base), kind="raw")
    write_image(image_of(vms[0]))
    planned = plan(
        verb, select(verb, vms, busy=(), hidden=(), key=KEYS.__getitem__, arch="amd64"), workshop_of(workspace)
    )
    question = planned.question
    assert isinstance(question, Question)
    assert (question._accept, question._style) == ("Allow", "-large -dangerous")
    lines = question._text.plain.splitlines()
    assert lines[0] == "Through their disks, these guests can read files of this host:"
    assert lines[1:13] == [line for vm in vms[1:] for line in (vm.cluster_id, f"  • {base} (raw)")]
    assert [unconfirmed_chain(vm.files) for vm in vms[1:]] == [(f"{base} (raw)",)] * 6  # asking confirms nothing
    cancel = Event()
    cancel.set()
    for _, work in planned.tasks:
        with pytest.raises(VMError):  # noqa: PT011 - whatever comes after the confirmation
            work(Control(cancel=cancel))
    assert [unconfirmed_chain(vm.files) for vm in vms] == [()] * 7


def test_without_such_files_there_is_the_usual_question(workspace: Workspace) -> None:
    vm = vm_of(workspace)
    write_image(image_of(vm))
    chosen = select(Verb.START, [vm], busy=(), hidden=(), key=KEYS.__getitem__, arch="amd64")
    question = plan(Verb.START, chosen, workshop_of(workspace)).question
    assert isinstance(question, Question)
    assert (question._accept, question._style) == ("Start", "-large")
