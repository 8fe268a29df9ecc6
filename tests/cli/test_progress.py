"""Running a long verb: what Ctrl-C does to it and what is shown meanwhile."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.core.errors import Cancelled, StartFailed
from podplane_tui.cli.progress import JSONLines, Output, StatusLine, run_verb
from tests.waiting import wait_until


class Screen(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self) -> bool:
        return True


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_cancels() -> None:
    def verb(control: Control) -> None:
        press_ctrl_c()
        assert control.cancel.wait()
        assert not control.skip.is_set()
        raise Cancelled("nothing is left of it")

    with pytest.raises(Cancelled, match="nothing is left of it"):
        run_verb(verb)


def test_each_ctrl_c_skips_a_step_where_that_is_what_it_means() -> None:
    def verb(control: Control) -> int:
        for _step in range(3):
            press_ctrl_c()
            assert control.skip.wait()
            control.skip.clear()
        assert not control.cancel.is_set()
        return 3

    assert run_verb(verb, skips=True) == 3


@pytest.mark.parametrize("error", [StartFailed("QEMU ended at once"), PermissionError(13, "no"), SystemExit(3)])
def test_the_verbs_error_is_the_callers(error: BaseException) -> None:
    def verb(_control: Control) -> None:
        raise error

    with pytest.raises(type(error), match=re.escape(str(error))) as failure:
        run_verb(verb)
    assert failure.value is error


def test_ctrl_c_means_afterwards_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    run_verb(lambda _control: None)
    assert signal.getsignal(signal.SIGINT) is before


VERB = """
import sys
from podplane_tui.cli.progress import run_verb
def verb(control):
    print("begun", flush=True)
    if sys.argv[1] == "deaf":
        sys.stdin.read()
    control.cancel.wait()
    print("cleaned up", flush=True)
run_verb(verb, skips=True)
print("went on", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("kind", ["obedient", "deaf"])
def test_a_signal_that_ends_programs_lets_the_verb_clean_up_once(number: signal.Signals, kind: str) -> None:
    command = [sys.executable, "-c", VERB, kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        while kind == "deaf" and process.poll() is None:  # only a second one ends it, once the first has been seen
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        left = process.stdout.read()
    assert process.returncode == -number
    assert left == ("cleaned up\n" if kind == "obedient" else "")


def test_the_verb_runs_beside_the_main_thread() -> None:
    assert run_verb(lambda _control: threading.current_thread()) is not threading.main_thread()


def test_steps_are_written_over_each_other_and_gone_at_the_end() -> None:
    screen = Screen()
    line = StatusLine(screen)
    line.report("one")
    line.report("two \x1b[31m\x07 and a half\nthree")
    line.clear()
    assert screen.getvalue() == "\r\x1b[Kone\r\x1b[Ktwo \\x07 and a half three\r\x1b[K"


def test_a_step_never_fills_more_than_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    StatusLine(screen).report("x" * 200)
    assert len(screen.getvalue().removeprefix("\r\x1b[K")) == 39


def echo() -> Output:
    return StatusLine(sys.stderr, echo=True)


@pytest.mark.parametrize("output", [echo, lambda: JSONLines(echo=True)])
def test_a_verb_ends_when_nobody_reads_its_steps(monkeypatch: pytest.MonkeyPatch, output: Callable[[], Output]) -> None:
    ended = threading.Event()

    def verb(control: Control) -> None:
        control.report("one")
        assert control.cancel.wait()
        control.report("two")  # what it still has to say harms nobody
        ended.set()
        raise Cancelled("nothing is left of it")

    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:  # noqa: PTH123 - a descriptor, not a path
        monkeypatch.setattr(sys, "stdout", pipe)
        with pytest.raises(BrokenPipeError, match=os.strerror(errno.EPIPE)):
            run_verb(verb, output=output())
        assert ended.is_set()
        monkeypatch.undo()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, writer)  # for what is left in its buffer
        os.close(nothing)


def test_a_step_on_stdout_is_one_printable_line(capfd: pytest.CaptureFixture[str]) -> None:
    run_verb(lambda control: control.report("/tmp/\x1b]0;owned\x07\x1b[31mred is gone"), output=echo())
    assert capfd.readouterr().out == "/tmp/red is gone\n"


def test_every_step_is_a_json_line(capfd: pytest.CaptureFixture[str]) -> None:
    def verb(control: Control) -> None:
        control.report("/tmp/\x1b[31mred")
        control.warn("it has a price")
        control.progress(Progress(1, total=2))  # told every few seconds only

    run_verb(verb, output=JSONLines())
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert lines == [{"schema": 1, "step": "/tmp/red"}, {"schema": 1, "warning": "it has a price"}]


def test_a_warning_is_a_line_of_its_own_on_stderr_for_scripts_too() -> None:
    for stream in (io.StringIO(), Screen()):
        line = StatusLine(stream)
        line.report("a step")
        line.warn("it has a price\x1b[31m")
        line.clear()
        assert stream.getvalue().replace("\r\x1b[K", "").removeprefix("a step") == "it has a price\n"


def test_a_script_gets_no_steps() -> None:
    stream = io.StringIO()
    line = StatusLine(stream)
    line.report("one")
    line.clear()
    assert stream.getvalue() == ""


def test_a_terminal_that_is_gone_does_not_stop_the_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podplane_tui.cli.progress._LIVE_INTERVAL", 0.0)
    monkeypatch.setattr("podplane_tui.cli.progress._PLAIN_INTERVAL", 0.0)
    refused: list[str] = []

    class Gone(Screen):
        def write(self, text: str) -> int:
            refused.append(text)
            raise OSError(5, "Input/output error")

    def verb(control: Control) -> str:
        control.report("one")
        control.progress(Progress(1, total=2))
        control.warn("it has a price")
        control.report("two")
        assert not control.cancel.is_set()
        return "done"

    assert run_verb(verb, output=StatusLine(Gone())) == "done"
    assert refused == ["\r\x1b[Kone", "it has a price\n"]  # a warning is worth another try, a step is not


def test_progress_is_a_bar_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podplane_tui.cli.progress._LIVE_INTERVAL", 0.0)
    monkeypatch.setenv("COLUMNS", "60")
    screen = Screen()
    line = StatusLine(screen)
    line.progress(Progress(2**20, total=2**21))
    line.progress(Progress(2**21, total=2**21))
    _, first, second = screen.getvalue().split("\r\x1b[K")
    assert first.endswith("  50%  1M of 2M")
    assert second.endswith(" 100%  2M of 2M")
    assert "─" in first
    assert "─" not in second


def test_a_script_is_told_now_and_then_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    line = StatusLine(stream)
    line.progress(Progress(1, total=2))
    assert stream.getvalue() == ""  # what is quick needs no words
    monkeypatch.setattr("podplane_tui.cli.progress._PLAIN_INTERVAL", 0.0)
    line.progress(Progress(2**20, total=2**21, eta=3))
    assert stream.getvalue() == "50%  1M of 2M  3s left\n"


@contextlib.contextmanager
def typing(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal as stdin; gives its other end."""
    master, slave = os.openpty()
    with open(slave, encoding="utf-8") as terminal:  # noqa: PTH123 - it has no path
        monkeypatch.setattr(sys, "stdin", terminal)
        yield master
    os.close(master)


@pytest.mark.parametrize(("typed", "answer"), [(b"y\n", True), (b"YES\n", True), (b"\n", False), (b"no\n", False)])
def test_a_verb_that_asks_gets_the_answer(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], typed: bytes, answer: bool
) -> None:
    def verb(control: Control) -> bool:
        assert control.ask is not None
        return control.ask("go\non?")

    def type_later() -> None:
        wait_until(lambda: "go on? [y/N]: " in "".join(told), "the question")
        os.write(master, typed)

    told: list[str] = []
    monkeypatch.setattr("click.echo", lambda text, **_: told.append(text))
    with typing(monkeypatch) as master:
        os.write(master, b"y\n")  # typed before the question: no answer to it
        thread = threading.Thread(target=type_later)
        thread.start()
        assert run_verb(verb, output=StatusLine(io.StringIO()), asks=True) is answer
        thread.join()


def test_ctrl_c_ends_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    def verb(control: Control) -> bool:
        assert control.ask is not None
        press_ctrl_c()
        return control.ask("go on?")

    with typing(monkeypatch):
        assert run_verb(verb, output=StatusLine(io.StringIO()), asks=True) is False


def test_nobody_is_asked_where_nobody_can_be() -> None:
    assert run_verb(lambda control: control.ask, output=StatusLine(io.StringIO())) is None
