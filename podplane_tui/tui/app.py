"""The dashboard's app: looks at the machines again and again, runs verbs as jobs, asks before what can't be undone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.notifications import SeverityLevel
from textual.reactive import reactive
from textual.screen import Screen

from podplane_tui import backend
from podplane_tui.backend.config import Config
from podplane_tui.backend.errors import Cancelled, VMError
from podplane_tui.backend.inventory import Inventory
from podplane_tui.backend.local_server import LocalServer
from podplane_tui.backend.paths import dashboard_memory
from podplane_tui.backend.readiness import ReadinessTracker
from podplane_tui.backend.rsync import SyncRequest
from podplane_tui.backend.snapshot import VMSnapshot
from podplane_tui.backend.text import one_line
from podplane_tui.text import format_duration
from podplane_tui.tui import many
from podplane_tui.tui.clipboard import clipboard_command, fill_clipboard
from podplane_tui.tui.events import Event, Level, changes, event, with_events
from podplane_tui.tui.history import History
from podplane_tui.tui.jobs import Job, Outcome, RunningJob, updated
from podplane_tui.tui.memory import Memory, recall, remember
from podplane_tui.tui.messages import ActionRequested, CancelRequested, Noted
from podplane_tui.tui.screens import dashboard_keys
from podplane_tui.tui.screens.create import CreateDialog
from podplane_tui.tui.screens.dashboard import Dashboard
from podplane_tui.tui.screens.delete import DeleteDialog, measure
from podplane_tui.tui.screens.dialog import Question
from podplane_tui.tui.screens.tour import Tour
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.syncing import ask_sync
from podplane_tui.tui.theme import THEMES
from podplane_tui.tui.threads import AtExit, in_thread
from podplane_tui.tui.upkeep import UPKEEP_INTERVAL, Upkeep
from podplane_tui.tui.verbs import ABANDONED_AT_EXIT, WORDING, Verb, refusal
from podplane_tui.tui.widgets.vm_table import VMTable
from podplane_tui.tui.work import Work, Workshop

STALE_AFTER = 2
"""Seconds after its time at which a look that has not come back makes what is shown look old."""

_REPORT_INTERVAL = 0.05
_TOAST_LIMIT = 300


class PodplaneApp(App[None]):
    """`arch` is the architecture new machines get. `select` is the cluster whose row the cursor starts on.

    `start_settings` is what every start from here uses; `message` is shown once at the beginning. `state_dir` is our
    own, None for the usual one. `inventory` is one that has looked already, with what it saw.
    """

    TITLE = "podplane-tui"
    CSS_PATH: ClassVar[list[Path]] = stylesheets()  # type: ignore[assignment] # Textual takes any sequence
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "suspend", "Suspend", show=False, id="app.suspend", tooltip="Back to the shell"),
    ]

    snapshots: reactive[tuple[VMSnapshot, ...] | None] = reactive(None)
    jobs: reactive[tuple[Job, ...]] = reactive(())
    events: reactive[tuple[Event, ...]] = reactive(())
    local_server: reactive[LocalServer | None] = reactive(None)
    stale_for: reactive[int] = reactive(0)
    """Seconds since the last look at the machines, once they are too many; else 0."""

    def __init__(
        self,
        data_dir: Path,
        runtime_dir: Path,
        arch: str,
        *,
        config: Config | None = None,
        start_settings: backend.StartSettings | None = None,
        select: str | None = None,
        message: str = "",
        state_dir: Path | None = None,
        inventory: tuple[Inventory, tuple[VMSnapshot, ...]] | None = None,
        welcome: bool = False,
    ) -> None:
        super().__init__()
        self._config = config or Config()
        for theme in THEMES:
            self.register_theme(theme)
        self.data_dir = data_dir
        self.runtime_dir = runtime_dir
        self.state_dir = state_dir
        self.arch = arch
        self._workshop = Workshop(data_dir, runtime_dir, self._config.stop, start_settings, state_dir)
        self._select = select
        self._message = message
        self._welcome = welcome
        self._look_now = asyncio.Event()
        self._at_work: dict[str, RunningJob] = {}
        self._asking: set[str] = set()
        self._numbers = itertools.count(1)
        self._looked = time.monotonic()
        self._readiness = ReadinessTracker()
        self._inventory = Inventory(data_dir, runtime_dir, state_dir=state_dir) if inventory is None else inventory[0]
        if inventory is not None:
            self.set_reactive(PodplaneApp.snapshots, inventory[1])
        self._history = History()
        self._memory_path = dashboard_memory(state_dir)
        self._memory = recall(self._memory_path)

    def get_default_screen(self) -> Dashboard:
        """The dashboard, fed with what the app knows."""
        dashboard = Dashboard(
            data_dir=self.data_dir,
            runtime_dir=self.runtime_dir,
            arch=self.arch,
            select=self._select,
            view=self._memory.view,
            history=self._history,
        )
        self._dashboard = dashboard.data_bind(
            PodplaneApp.snapshots, PodplaneApp.jobs, PodplaneApp.events, PodplaneApp.stale_for, PodplaneApp.local_server
        )
        return self._dashboard

    def on_mount(self) -> None:
        """Start looking."""
        self.theme = self._config.dashboard.theme
        self.set_keymap(dict(self._config.keys))
        self._poll()
        self._keep_recordings()
        self.set_interval(1.0, self._notice_age)
        if self._message:
            self.notify(one_line(self._message, limit=_TOAST_LIMIT), markup=False)
        if self._welcome and not self._memory.toured:
            self.notify("New here? F1 shows around.", title="Welcome", timeout=8, markup=False)
            self._remember(replace(self._memory, toured=True))

    def on_unmount(self) -> None:
        """Let go of verbs that wait for a guest or a network; the program ends when they have noticed."""
        for job in self._at_work.values():
            if job.job.verb in ABANDONED_AT_EXIT:
                job.control.cancel.set()

    def action_tour(self) -> None:
        """Show around."""
        self.push_screen(Tour())

    async def action_suspend(self) -> None:
        """Back to the shell, with no console attached: a guest whose console nobody reads stands still."""
        if self.is_web:
            self._refuse("There is no shell behind a browser: close the tab to leave.")
            return
        await self._dashboard.release_console()
        self.action_suspend_process()

    # Looking

    @work(group="poll", exclusive=True)
    async def _poll(self) -> None:
        gc.enable()  # whoever opens the dashboard may have put it off
        while True:
            self._look_now.clear()
            found = await in_thread(lambda: self._readiness.update(self._inventory.snapshot()), name="inventory")
            self._looked = time.monotonic()
            self._history.add(found, self._looked)
            self.stale_for = 0
            self.local_server = self._inventory.local_server
            if found != self.snapshots:
                self._note_changes(found)
                self.snapshots = found
            try:
                await asyncio.wait_for(self._look_now.wait(), self._config.dashboard.refresh)
            except TimeoutError:
                continue

    @work(group="recordings", exclusive=True)
    async def _keep_recordings(self) -> None:
        upkeep = Upkeep()
        while True:
            await asyncio.sleep(UPKEEP_INTERVAL)
            machines = self.snapshots or ()
            for text in await in_thread(lambda: upkeep.look(machines), name="upkeep"):  # noqa: B023 - awaited here
                self.post_message(Noted(event(text)))

    def _note_changes(self, found: tuple[VMSnapshot, ...]) -> None:
        """What our own jobs do to machines is their story; all else that happens to one is an event."""
        recent = time.monotonic() - 2 * self._config.dashboard.refresh
        ended = {job.key for job in self.jobs if job.ended and job.ended > recent}
        new = changes(self.snapshots, found, ours=ended | self._at_work.keys())
        if new:
            self.events = with_events(self.events, new)

    @on(Noted)
    def _noted(self, event: Noted) -> None:
        event.stop()
        self.events = with_events(self.events, [event.event])
        severity: SeverityLevel = "error" if event.event.level is Level.BAD else "information"
        self.notify(one_line(event.event.text, limit=_TOAST_LIMIT), severity=severity, markup=False)

    def copy_to_clipboard(self, text: str) -> None:
        """To the terminal's clipboard, and to that of the desktop where there is one."""
        super().copy_to_clipboard(text)
        if (command := clipboard_command(os.environ)) is not None:
            self.run_worker(in_thread(lambda: fill_clipboard(command, text), name="clipboard"), group="clipboard")

    def _notice_age(self) -> None:
        """A look that does not come back must not pass for the present."""
        age = int(time.monotonic() - self._looked)
        self.stale_for = age if age >= self._config.dashboard.refresh + STALE_AFTER else 0

    @on(VMTable.ViewChanged)
    def _view_changed(self, event: VMTable.ViewChanged) -> None:
        event.stop()
        self._remember(replace(self._memory, view=event.view))

    @work(group="memory", exclusive=True)
    async def _remember(self, memory: Memory) -> None:
        """Keep it for the next run; that it can't be kept is no reason to disturb anybody."""
        self._memory = memory
        with contextlib.suppress(OSError):
            await in_thread(lambda: remember(self._memory_path, memory), name="memory", at_exit=AtExit.FINISH)

    def _find(self, key: str) -> VMSnapshot | None:
        return next((vm for vm in self.snapshots or () if vm.key == key), None)

    # Doing

    @on(ActionRequested)
    def _action_requested(self, event: ActionRequested) -> None:
        event.stop()
        if len(event.keys) > 1:
            self.run_worker(self._act_on_many(event), group="many", exit_on_error=True)
        else:
            key = event.keys[0] if event.keys else ""
            self.run_worker(self._act(event.verb, key), group=f"vm-{key}", exit_on_error=True)

    async def _act_on_many(self, event: ActionRequested) -> None:
        """The same for many machines, with one question that lists them, and then all at once."""
        verb = event.verb
        vms = [vm for vm in self.snapshots or () if vm.key in event.keys]
        chosen = many.select(verb, vms, busy=self._at_work.keys() | self._asking, hidden=event.hidden)
        if verb in {Verb.SYNC, Verb.WATCH}:
            self._refuse("Files are copied to one VM at a time: Esc takes the marks away.")
        elif not chosen.able and verb is Verb.STOP and self._at_work.keys() & set(event.keys):
            for key in self._at_work.keys() & set(event.keys):
                self._while_running(self._at_work[key], verb)
        elif not chosen.able:
            self._refuse("; ".join(f"{name} {reason}" for name, reason in chosen.left_out) or "Those VMs are gone.")
        else:
            keys = {vm.key for vm in chosen.able}
            self._asking |= keys
            self.clear_notifications()
            try:
                plan = await in_thread(lambda: many.plan(verb, chosen, self._workshop), name=f"{verb}-plans")
                agreed = await self.push_screen_wait(plan.question) if plan.tasks else None
            finally:
                self._asking -= keys
            if not plan.tasks:
                self._refuse("; ".join(f"{name} {reason}" for name, reason in plan.left_out))
            elif agreed:
                await asyncio.gather(*(self._run_job(verb, vm.key, vm.cluster_id, task) for vm, task in plan.tasks))

    async def _act(self, verb: Verb, key: str) -> None:
        """Refuse, ask, then do. One verb at a time per machine, the question before it counted in."""
        if verb is Verb.CREATE:
            await self._create()
            return
        if verb is Verb.SERVER:
            await self._run_job(verb, "", "the local server", self._workshop.start_server)
            return
        vm = self._find(key)
        if vm is None:
            self._refuse("That VM is gone.")
            return
        if verb is Verb.WATCH and self._end_watches(key):
            return
        running = self._at_work.get(key)
        if running is not None:
            self._while_running(running, verb)
            return
        reason = refusal(verb, vm)
        if reason is not None:
            self._refuse(reason)
            return
        if key in self._asking:
            return
        self._asking.add(key)
        self.clear_notifications()  # none of them may cover the question
        try:
            task = await self._ask(verb, vm)
        finally:
            self._asking.discard(key)
        if task is not None:
            # Asked to watch, but told to copy once.
            await self._run_job(Verb.SYNC if verb is Verb.WATCH else verb, key, vm.cluster_id, task)

    def _while_running(self, running: RunningJob, verb: Verb) -> None:
        """A second press of stop skips to the next step; anything else has to wait."""
        if verb is Verb.STOP and running.job.verb in {Verb.STOP, Verb.RESTART}:
            running.control.skip.set()
            running.report("skipping to the next step")
            return
        self._refuse(f"{running.job.subject} is busy: {running.job.headline}. Wait until that has ended.")

    async def _ask(self, verb: Verb, vm: VMSnapshot) -> Work | None:
        """The work to do, after whatever has to be asked first; None when the answer was no."""
        name = vm.cluster_id
        match verb:
            case Verb.STOP | Verb.RESTART:
                question = Question(
                    title=f"{WORDING[verb].title} {name}?", text=self._stop_text(verb), accept=WORDING[verb].title
                )
                return self._workshop.plain(verb, vm) if await self.push_screen_wait(question) else None
            case Verb.RESET:
                text = Content("The guest restarts at once, as with a reset button: what it has not saved is lost.")
                question = Question(title=f"Reset {name}?", text=text, accept="Reset", style="-dangerous")
                return self._workshop.plain(verb, vm) if await self.push_screen_wait(question) else None
            case Verb.START:
                return await self._ask_start(vm)
            case Verb.DELETE:
                return await self._ask_delete(vm)
            case Verb.REPAIR:
                return await self._ask_repair(vm)
            case Verb.CONFIGURE | Verb.SNAPSHOT:
                return await self._ask_machine(verb, vm)
            case Verb.SYNC | Verb.WATCH:
                answer = await ask_sync(self, self._workshop, vm, watch=verb is Verb.WATCH)
                if answer is not None and answer.watch:
                    self._begin_watch(vm, answer.request)
                    return None
                return self._workshop.sync(vm, answer.request) if answer is not None else None
            case _:
                return self._workshop.plain(verb, vm)

    async def _ask_machine(self, verb: Verb, vm: VMSnapshot) -> Work | None:
        from podplane_tui.tui import machine  # noqa: PLC0415 - asked for rarely, and it brings dialogs of its own

        try:
            ask = machine.ask_settings if verb is Verb.CONFIGURE else machine.ask_snapshot
            return await ask(self, self._workshop, vm)
        except VMError as error:
            self._refuse(str(error))
            return None

    def _stop_text(self, verb: Verb) -> Content:
        timeouts = self._workshop.stop_timeouts
        steps = [
            (timeouts.powerdown, "the power button; the guest shuts down by itself"),
            (timeouts.terminate, "SIGTERM: QEMU writes its disk and ends"),
            (timeouts.kill, "SIGKILL"),
        ]
        lines = [
            Content.assemble((f"  {format_duration(seconds):>7}  ", "$text-accent"), words)
            for seconds, words in steps
            if seconds > 0
        ]
        tail = "\n\nPress x again while it stops to skip to the next step."
        if verb is Verb.RESTART:
            tail += "\nIt then starts with the CPUs, memory and kernel it has now."
        return Content.assemble("In this order, each for at most\n\n", Content("\n").join(lines), tail)

    async def _ask_delete(self, vm: VMSnapshot) -> Work | None:
        def look() -> tuple[tuple[Path, ...], DeleteDialog]:
            plan = self._workshop.cluster(vm.cluster_id, vm.arch).delete_plan()
            return plan, DeleteDialog(title=f"Delete {vm.cluster_id}?", files=measure(plan))

        try:
            plan, dialog = await in_thread(look, name="delete-plan")
        except (VMError, OSError) as error:
            self._refuse(str(error))
            return None
        return self._workshop.delete(vm, plan) if await self.push_screen_wait(dialog) else None

    async def _ask_start(self, vm: VMSnapshot) -> Work | None:
        if not await in_thread(vm.files.cluster_config.is_file, name="start-look"):
            return self._workshop.plain(Verb.START, vm)
        from podplane_tui.backend.podplane_cli import podplane_installed  # noqa: PLC0415 - brings half of the backend
        from podplane_tui.tui.screens.start import StartDialog, StartWay  # noqa: PLC0415

        way = await self.push_screen_wait(StartDialog(name=vm.cluster_id, installed=podplane_installed()))
        if way is None:
            return None
        return self._workshop.plain(Verb.START, vm) if way is StartWay.PODPLANE else self._workshop.start_alone(vm)

    async def _ask_repair(self, vm: VMSnapshot) -> Work | None:
        try:
            plan = await in_thread(self._workshop.cluster(vm.cluster_id, vm.arch).repair_plan, name="repair-plan")
        except VMError as error:
            self._refuse(str(error))
            return None
        steps = [one_line(step.description) for step in plan.steps]
        if all(step.kind is backend.RepairKind.MANUAL for step in plan.steps):
            self._refuse(" ".join(steps) or f"{vm.cluster_id} is {vm.state}: there is nothing to repair")
            return None
        lines = Content("\n").join(Content.assemble(("  • ", "$text-accent"), step) for step in steps)
        text = Content.assemble("This will be done, and no disk is lost by it:\n\n", lines)
        question = Question(title=f"Repair {vm.cluster_id}?", text=text, accept="Repair")
        return self._workshop.repair(vm, plan) if await self.push_screen_wait(question) else None

    async def _create(self) -> None:
        taken = frozenset(vm.cluster_id for vm in self.snapshots or () if vm.arch == self.arch)
        cached = await in_thread(lambda: self._workshop.cached_images(self.arch), name="images")
        self.clear_notifications()  # none of them may cover the dialog
        request = await self.push_screen_wait(CreateDialog(taken=taken, cached=cached, defaults=self._config.create))
        if request is None:
            return
        key = f"{request.cluster_id}.{self.arch}"
        await self._run_job(Verb.CREATE, key, request.cluster_id, self._workshop.create(request, self.arch))
        self._dashboard.select(request.cluster_id)

    def _refuse(self, reason: str) -> None:
        self.notify(one_line(reason, limit=_TOAST_LIMIT), severity="warning", markup=False)

    # Watches: beside the one verb at a time that a machine takes, and any number of them

    def _begin_watch(self, vm: VMSnapshot, request: SyncRequest) -> None:
        slot = f"{vm.key} {request.source} {request.destination}"
        if slot in self._at_work:
            self._refuse(f"{request.source} is watched already: press W to end that")
            return
        subject = f"{request.source} → {vm.cluster_id}:{request.destination}"
        task = self._workshop.watch(vm, request)
        self.run_worker(self._run_job(Verb.WATCH, vm.key, subject, task, slot=slot), group=f"watch-{slot}")

    def _end_watches(self, key: str) -> bool:
        """End the watches of a machine; whether there were any."""
        watches = [job for job in self._at_work.values() if job.job.verb is Verb.WATCH and job.job.key == key]
        for running in watches:
            running.control.cancel.set()
        return bool(watches)

    # Jobs

    async def _run_job(self, verb: Verb, key: str, subject: str, task: Work, *, slot: str = "") -> None:
        """Do it in a thread, with a row in the journal; errors become its end and a toast.

        What shares a `slot` (without one: a machine) is done one at a time.
        """
        slot = slot or key
        if slot in self._at_work:
            self._while_running(self._at_work[slot], verb)
            return
        job = Job(next(self._numbers), verb, key, one_line(subject), time.monotonic(), time.time())
        running = RunningJob(job, wake=partial(self.call_later, self._fetch_later, slot))
        self._at_work[slot] = running
        self._show(job)
        self._look_now.set()
        outcome, message = Outcome.DONE, ""
        try:
            message = await in_thread(lambda: task(running.control), name=f"{verb}-{key}", at_exit=AtExit.FINISH)
        except Cancelled as error:
            outcome, message = Outcome.CANCELLED, str(error)
        except VMError as error:
            outcome, message = Outcome.FAILED, str(error)
        except OSError as error:
            outcome, message = Outcome.FAILED, f"{error.filename or 'the system'}: {error.strerror or error}"
        except Exception as error:
            self.log.error(error)
            outcome, message = Outcome.FAILED, f"unexpected {type(error).__name__}: {error}"
        finally:
            del self._at_work[slot]
        ended = running.finish(outcome, message)
        self._show(ended)
        self._look_now.set()
        if outcome is Outcome.FAILED:
            title = f"{WORDING[verb].title} {ended.subject} failed"
            self.notify(one_line(message, limit=_TOAST_LIMIT), title=title, severity="error", timeout=10, markup=False)

    def _fetch_later(self, key: str) -> None:
        """There are new steps: show them, and all that come within a moment, at once."""
        self.set_timer(_REPORT_INTERVAL, lambda: self._fetch(key))

    def _fetch(self, key: str) -> None:
        running = self._at_work.get(key)
        if running is not None:
            self._show(running.fetch())

    def _show(self, job: Job) -> None:
        self.jobs = updated(self.jobs, job)

    @on(CancelRequested)
    def _cancel_requested(self, event: CancelRequested) -> None:
        event.stop()
        for running in self._at_work.values():
            if running.job.number == event.number:
                running.report("giving up")
                running.control.cancel.set()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the keys do joins Textual's own commands."""
        names = set()
        if isinstance(screen, Dashboard):
            for name, words, action in dashboard_keys.commands(screen, screen.vm):
                names.add(name)
                yield SystemCommand(name, words, action)
        yield from (command for command in super().get_system_commands(screen) if command.title not in names)
