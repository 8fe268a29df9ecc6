"""The verbs that are being done: each in a thread, with a row in the journal, one at a time per VM."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Set as AbstractSet
from functools import partial

from podplane_tui.backend.core.errors import Cancelled, VMError
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.verbs import VERBS, Verb
from podplane_tui.tui.actions.host import JobHost
from podplane_tui.tui.actions.tasks import Work
from podplane_tui.tui.state.jobs import Job, Outcome, RunningJob
from podplane_tui.tui.threads import AtExit, in_thread
from podplane_tui.tui.toasts import TOAST_LIMIT
from podplane_tui.tui.verbs import binding_id

_REPORT_INTERVAL = 0.05


class JobRunner:
    """Runs work for the app and keeps `jobs` of it up to date."""

    def __init__(self, host: JobHost) -> None:
        self._host = host
        self._running: dict[str, RunningJob] = {}
        self._asked: dict[int, str] = {}
        """The questions of jobs, by their numbers, that were shown."""
        self._numbers = itertools.count(1)

    @property
    def busy(self) -> AbstractSet[str]:
        """The slots in which something runs: the keys of VMs, and others."""
        return self._running.keys()

    async def run(self, verb: Verb, key: str, subject: str, task: Work, *, slot: str = "") -> Job | None:
        """Do it in a thread, with a row in the journal; errors become its end and a toast. Gives how it ended.

        What shares a `slot` (without one: a VM) is done one at a time; None: there was something else to do there.
        """
        slot = slot or key
        if slot in self._running:
            self.meet(slot, verb)
            return None
        job = Job(next(self._numbers), verb, key, one_line(subject), time.monotonic(), time.time())
        running = RunningJob(job, wake=partial(self._host.call_later, self._fetch_later, slot))
        self._running[slot] = running
        self._host.show_job(job)
        self._host.look_now()
        outcome, message, hint = Outcome.DONE, "", ""
        try:
            message = await in_thread(lambda: task(running.control), name=f"{verb}-{key}", at_exit=AtExit.FINISH)
        except asyncio.CancelledError:  # the program ends, and with it all who wait for a thread
            if VERBS[verb].waits:
                running.control.cancel.set()
            raise
        except Cancelled as error:
            outcome, message, hint = Outcome.CANCELLED, error.problem, error.hint
        except VMError as error:
            outcome, message, hint = Outcome.FAILED, error.problem, error.hint
        except OSError as error:
            outcome, message = Outcome.FAILED, f"{error.filename or 'the system'}: {error.strerror or error}"
        except Exception as error:
            self._host.log.error(error)
            outcome, message = Outcome.FAILED, f"unexpected {type(error).__name__}: {error}"
        finally:
            del self._running[slot]
            self._asked.pop(job.number, None)
        ended = running.finish(outcome, message, hint)
        self._host.show_job(ended)
        self._host.look_now(doubt=True)
        if outcome is Outcome.FAILED:
            title = f"{VERBS[verb].title} {ended.subject} failed"
            parts = (one_line(part, limit=TOAST_LIMIT) for part in (message, hint) if part)
            self._host.notify("\n".join(parts), title=title, severity="error", timeout=10, markup=False)
        return ended

    def _fetch_later(self, key: str) -> None:
        """There are new steps: show them, and all that come within a moment, at once."""
        self._host.set_timer(_REPORT_INTERVAL, lambda: self._fetch(key))

    def _fetch(self, key: str) -> None:
        running = self._running.get(key)
        if running is None:
            return
        self._host.show_job(running.fetch())
        if running.question != self._asked.get(running.job.number, ""):
            self._asked[running.job.number] = running.question
            if running.question:
                self._host.notify(
                    f"{one_line(running.question, limit=TOAST_LIMIT)}\n{self._answer_hint()}",
                    title=running.job.subject,
                    severity="warning",
                    timeout=20,
                    markup=False,
                )

    def _answer_hint(self) -> str:
        return f"Press {self._host.key(binding_id(Verb.WATCH))} on the VM to answer."

    def paused(self, key: str) -> RunningJob | None:
        """The job of a VM that waits for an answer to its question."""
        return next((job for job in self._running.values() if job.job.key == key and job.question), None)

    def meet(self, slot: str, verb: Verb) -> None:
        """What a verb means while something runs there: a second stop skips to the next step, all else has to wait."""
        running = self._running[slot]
        if verb is Verb.STOP and running.job.verb in {Verb.STOP, Verb.RESTART}:
            running.control.skip.set()
            running.report("skipping to the next step")
        else:
            self._host.refuse(f"{running.job.subject} is busy: {running.job.headline}. Wait until that has ended.")

    def end_watches(self, key: str) -> bool:
        """End the watches of a VM; whether there were any."""
        watches = [job for job in self._running.values() if job.job.verb is Verb.WATCH and job.job.key == key]
        for running in watches:
            running.control.cancel.set()
        return bool(watches)

    def cancel(self, number: int) -> None:
        """Give that job up, if it still runs."""
        for running in self._running.values():
            if running.job.number == number:
                running.report("giving up")
                running.control.cancel.set()
