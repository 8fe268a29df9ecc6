"""Running a long verb: what Ctrl-C does to it and what is shown meanwhile."""

from __future__ import annotations

import io
import os
import signal
import threading

import pytest

from podplane_tui.backend.errors import Cancelled, StartFailed
from podplane_tui.backend.interface import Control
from podplane_tui.cli.progress import Progress, run_verb


class Screen(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self) -> bool:
        return True


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_cancels() -> None:
    def verb(control: Control) -> None:
        press_ctrl_c()
        assert control.cancel.wait(30)
        assert not control.skip.is_set()
        raise Cancelled("nothing is left of it")

    with pytest.raises(Cancelled):
        run_verb(verb)


def test_each_ctrl_c_skips_a_step_where_that_is_what_it_means() -> None:
    def verb(control: Control) -> int:
        for _step in range(3):
            press_ctrl_c()
            assert control.skip.wait(30)
            control.skip.clear()
        assert not control.cancel.is_set()
        return 3

    assert run_verb(verb, skips=True) == 3


@pytest.mark.parametrize("error", [StartFailed("QEMU ended at once"), PermissionError(13, "no"), SystemExit(3)])
def test_the_verbs_error_is_the_callers(error: BaseException) -> None:
    def verb(_control: Control) -> None:
        raise error

    with pytest.raises(type(error)) as failure:
        run_verb(verb)
    assert failure.value is error


def test_ctrl_c_means_afterwards_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    run_verb(lambda _control: None)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_verb_runs_beside_the_main_thread() -> None:
    assert run_verb(lambda _control: threading.current_thread()) is not threading.main_thread()


def test_steps_are_written_over_each_other_and_gone_at_the_end() -> None:
    screen = Screen()
    progress = Progress(screen)
    progress.report("one")
    progress.report("two \x1b[31m\x07 and a half\nthree")
    progress.clear()
    assert screen.getvalue() == "\r\x1b[Kone\r\x1b[Ktwo \\x07 and a half three\r\x1b[K"


def test_a_step_never_fills_more_than_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    Progress(screen).report("x" * 200)
    assert len(screen.getvalue().removeprefix("\r\x1b[K")) == 39


def test_a_script_gets_no_steps() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.report("one")
    progress.clear()
    assert stream.getvalue() == ""


def test_a_terminal_that_is_gone_does_not_stop_the_verb() -> None:
    class Gone(Screen):
        def write(self, _text: str) -> int:
            raise OSError(5, "Input/output error")

    progress = Progress(Gone())
    progress.report("one")
    progress.clear()
