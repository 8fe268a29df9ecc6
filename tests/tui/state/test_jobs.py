"""Jobs: steps from any thread, bounded, announced once at a time."""

import threading
import time

from podplane_tui.backend.core.control import Progress
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.tui.state.jobs import MAX_JOBS, MAX_STEPS, Job, Outcome, RunningJob, updated
from tests.waiting import wait_until


def job(number: int = 1, *, verb: Verb = Verb.START) -> Job:
    return Job(number, verb, "default.amd64", "default", time.monotonic(), time.time())


def test_headlines() -> None:
    running = RunningJob(job(), wake=lambda: None)
    assert running.job.headline == "starting default"
    assert running.finish(Outcome.DONE, "").headline == "started default"
    assert running.finish(Outcome.FAILED, "no").headline == "start default failed"


def test_reports_are_cleaned_and_announced_once_until_fetched() -> None:
    announced = []
    running = RunningJob(job(), wake=lambda: announced.append(1))
    running.control.report("\x1b[31mone\x1b[m")
    running.control.report("two\nlines")
    running.control.report("   ")
    assert len(announced) == 1
    assert [step.text for step in running.fetch().steps] == ["one", "two lines"]
    running.control.report("three")
    assert len(announced) == 2
    assert running.fetch().step == "three"


def test_progress_is_announced_and_only_the_latest_kept() -> None:
    announced = []
    running = RunningJob(job(), wake=lambda: announced.append(1))
    running.control.progress(Progress(1, total=10))
    running.control.progress(Progress(2, total=10))
    assert len(announced) == 1
    assert running.fetch().progress == Progress(2, total=10)
    assert not running.job.steps


def test_a_flood_of_steps_from_threads_is_bounded() -> None:
    running = RunningJob(job(), wake=lambda: None)

    def flood() -> None:
        for number in range(MAX_STEPS):
            running.control.report(f"step {number}")

    threads = [threading.Thread(target=flood) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = running.finish(Outcome.DONE, "done")
    assert len(ended.steps) == MAX_STEPS
    assert ended.dropped == 2 * MAX_STEPS
    assert not ended.active


def test_an_ended_job_keeps_its_time() -> None:
    ended = RunningJob(job(), wake=lambda: None).finish(Outcome.CANCELLED, "given up")
    assert ended.elapsed(now=ended.started + 1000) < 100


def test_the_list_replaces_in_place_and_forgets_the_oldest_finished() -> None:
    jobs: tuple[Job, ...] = ()
    for number in range(MAX_JOBS + 5):
        jobs = updated(jobs, job(number))
    assert len(jobs) == MAX_JOBS
    running, finished = jobs[0], RunningJob(jobs[1], wake=lambda: None).finish(Outcome.DONE, "")
    jobs = updated(jobs, finished)
    assert jobs[1] == finished
    jobs = updated(jobs, job(MAX_JOBS + 5))
    assert running in jobs
    assert finished not in jobs


def asking(running: RunningJob, answers: list[bool]) -> threading.Thread:
    """A verb's thread that asks."""

    def ask() -> None:
        assert running.control.ask is not None
        answers.append(running.control.ask("go\non?"))

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: running.question, "the question")
    return thread


def test_a_question_is_announced_and_waits_for_its_answer() -> None:
    announced: list[int] = []
    running = RunningJob(job(), wake=lambda: announced.append(1))
    running.answer(yes=True)  # to nothing
    for yes in (False, True):
        answers: list[bool] = []
        thread = asking(running, answers)
        assert running.question == "go on?"
        running.fetch()
        running.answer(yes=yes)
        running.answer(yes=not yes)
        thread.join()
        assert answers == [yes]
        assert running.question == ""
    assert len(announced) == 2


def test_a_question_is_over_with_its_job() -> None:
    running = RunningJob(job(), wake=lambda: None)
    answers: list[bool] = []
    thread = asking(running, answers)
    running.control.cancel.set()
    thread.join()
    assert answers == [False]
