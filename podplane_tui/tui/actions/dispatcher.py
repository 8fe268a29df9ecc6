"""What becomes of a key that asks for a verb: refuse, ask, do. Imported with the first of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.verbs import VERBS, Verb
from podplane_tui.tui.actions import bulk
from podplane_tui.tui.actions.confirm import ASK, chain_text
from podplane_tui.tui.actions.host import ActionHost
from podplane_tui.tui.actions.runner import JobRunner
from podplane_tui.tui.actions.sync import ask_sync
from podplane_tui.tui.actions.tasks import Work, Workshop
from podplane_tui.tui.messages import ActionRequested
from podplane_tui.tui.screens.create import CreateDialog, CreateRequest
from podplane_tui.tui.screens.dialog import Question
from podplane_tui.tui.screens.sync import PausedDialog
from podplane_tui.tui.state.jobs import Outcome
from podplane_tui.tui.threads import in_thread
from podplane_tui.tui.verbs import binding_id, why_not

if TYPE_CHECKING:
    from textual.worker import Worker

GIVE_UP = 10.0
"""Seconds after which a request that has not come to its dialog makes way for another: its disk may never answer."""

Doing = Callable[[], Awaitable[object]]
"""Does what was asked for and agreed to."""


class Actions:
    """Does for the app what is asked of it; `jobs` are the verbs that are being done."""

    def __init__(self, host: ActionHost, workshop: Workshop) -> None:
        self._host = host
        self.workshop = workshop
        self.jobs = JobRunner(host)
        self.asking = 0
        """Requests that may open a dialog, or have one open."""
        self._asked: Worker[None] | None = None
        self._asked_at = 0.0
        self._without_vm = {Verb.CREATE: self._ask_create, Verb.SERVER: self._ask_server}
        """What is asked before each verb that is about no VM."""
        self._not_made: tuple[CreateRequest | None, str] = (None, "")
        """What could not be made, and why: the next dialog begins with it, so that nothing has to be typed twice."""

    def request(self, event: ActionRequested) -> None:
        """Begin."""
        if self.asking:
            if self._asked is None or self._host.dialog_open or time.monotonic() - self._asked_at < GIVE_UP:
                self._host.refuse("What was asked for before is still being looked at.")
                return
            self._asked.cancel()
        self.asking += 1
        self._asked_at = time.monotonic()
        self._asked = self._host.run_worker(self._ask_and_do(event), group="verbs")

    async def _ask_and_do(self, event: ActionRequested) -> None:
        try:
            if len(event.keys) > 1:
                do = await self._ask_about_many(event)
            elif VERBS[event.verb].about_vm:
                do = await self._ask_about(event.verb, event.keys[0])
            else:
                do = await self._without_vm[event.verb]()
        finally:
            self.asking -= 1
        if do is not None:
            await do()

    async def _ask_about_many(self, event: ActionRequested) -> Doing | None:
        """The same for many VMs, with one question that lists them, and then all at once."""
        verb = event.verb
        vms = [vm for vm in self._host.vms or () if vm.key in event.keys]
        chosen = bulk.select(
            verb, vms, busy=self.jobs.busy, hidden=event.hidden, key=self._host.key, arch=self._host.arch
        )
        if verb in {Verb.SYNC, Verb.WATCH}:
            self._host.refuse(
                f"Files are copied to one VM at a time: {self._host.key('view.back')} takes the marks away."
            )
        elif not chosen.able and verb is Verb.STOP and self.jobs.busy & set(event.keys):
            for key in self.jobs.busy & set(event.keys):
                self.jobs.meet(key, verb)
        elif not chosen.able:
            self._host.refuse(
                "; ".join(f"{name} {reason}" for name, reason in chosen.left_out) or "Those VMs are gone."
            )
        else:
            self._host.clear_notifications()
            plan = await in_thread(lambda: bulk.plan(verb, chosen, self.workshop), name=f"{verb}-plans")
            if not plan.tasks:
                self._host.refuse("; ".join(f"{name} {reason}" for name, reason in plan.left_out))
            elif await self._host.push_screen_wait(plan.question):
                return lambda: asyncio.gather(
                    *(self.jobs.run(verb, vm.key, vm.label(self._host.arch), task) for vm, task in plan.tasks)
                )
        return None

    async def _ask_about(self, verb: Verb, key: str) -> Doing | None:
        """Refuse, or ask. One verb at a time per VM."""
        vm = next((vm for vm in self._host.vms or () if vm.key == key), None)
        if vm is None:
            self._host.refuse("That VM is gone.")
            return None
        if verb is Verb.WATCH and (paused := self.jobs.paused(key)) is not None:
            self._host.clear_notifications()
            question = PausedDialog(title=paused.job.subject, question=paused.question)
            if (yes := await self._host.push_screen_wait(question)) is not None:
                paused.answer(yes=yes)
            return None
        if verb is Verb.WATCH and self.jobs.end_watches(key):
            return None
        if key in self.jobs.busy:
            self.jobs.meet(key, verb)
            return None
        if reason := why_not(verb, vm, self._host.key):
            self._host.refuse(reason)
            return None
        self._host.clear_notifications()  # none of them may cover the question
        try:
            task = await self._ask(verb, vm)
        except (VMError, OSError) as error:
            self._host.refuse(str(error))
            return None
        if task is None:
            return None
        # Asked to watch, but told to copy once.
        return partial(self.jobs.run, Verb.SYNC if verb is Verb.WATCH else verb, key, vm.label(self._host.arch), task)

    async def _ask(self, verb: Verb, vm: VMStatus) -> Work | None:
        if verb not in {Verb.SYNC, Verb.WATCH}:
            return await ASK[verb](self._host, self.workshop, vm)
        answer = await ask_sync(self._host, self.workshop, vm, watch=verb is Verb.WATCH)
        if answer is not None and answer.watch:
            self._begin_watch(vm, answer.request)
            return None
        return self.workshop.sync(vm, answer.request) if answer is not None else None

    async def _ask_server(self) -> Doing | None:
        return partial(self.jobs.run, Verb.SERVER, "", "the local server", self.workshop.start_server)

    async def _ask_create(self) -> Doing | None:
        arch = self._host.arch
        taken = frozenset(vm.cluster_id for vm in self._host.vms or () if vm.arch == arch)
        cached = await in_thread(lambda: self.workshop.cached_images(arch), name="images")
        self._host.clear_notifications()  # none of them may cover the dialog
        (start, error), self._not_made = self._not_made, (None, "")
        dialog = CreateDialog(
            taken=taken,
            cached=cached,
            defaults=self._host.config.create,
            start=start,
            error=error,
            check=lambda request: self.workshop.cluster(request.cluster_id, arch).create_fault(request.spec),
        )
        request = await self._host.push_screen_wait(dialog)
        if request is None:
            return None
        cluster, spec = self.workshop.cluster(request.cluster_id, arch), request.spec
        try:
            chain = await in_thread(lambda: cluster.image_chain(spec), name="image-chain")
        except VMError:
            chain = ()  # the job says so
        if chain:
            question = Question(
                title=f"Create {request.cluster_id}?", text=chain_text(chain), accept="Allow", style="-dangerous"
            )
            if not await self._host.push_screen_wait(question):
                self._not_made = request, ""
                return None
            request = request._replace(spec=replace(spec, confirmed_chain=chain))
        return partial(self._create, request)

    async def _create(self, request: CreateRequest) -> None:
        key = f"{request.cluster_id}.{self._host.arch}"
        start_key = self._host.key(binding_id(Verb.START))
        task = self.workshop.create(request.cluster_id, request.spec, self._host.arch, start_key=start_key)
        ended = await self.jobs.run(Verb.CREATE, key, request.cluster_id, task)
        if ended is None:
            return
        if ended.outcome is Outcome.DONE:
            self._host.select(request.cluster_id)
        elif ended.outcome is Outcome.FAILED:
            self._not_made = request, ended.told
            if not self.asking and self._host.list_focused:
                self.request(ActionRequested(Verb.CREATE))  # else with the next wish for a VM

    # Watches: beside the one verb at a time that a VM takes, and any number of them

    def _begin_watch(self, vm: VMStatus, request: SyncRequest) -> None:
        slot = f"{vm.key} {request.source} {request.destination}"
        if slot in self.jobs.busy:
            self._host.refuse(
                f"{request.source} is watched already: press {self._host.key(binding_id(Verb.WATCH))} to end that"
            )
            return
        subject = f"{request.source} → {vm.label(self._host.arch)}:{request.destination}"
        task = self.workshop.watch(vm, request)
        self._host.run_worker(self.jobs.run(Verb.WATCH, vm.key, subject, task, slot=slot), group=f"watch-{slot}")
