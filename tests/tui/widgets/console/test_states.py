"""What becomes of the console panel's state: each transition in a table, and what holds after any of them."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podplane_tui.backend.console.claim import IDLE, Claim
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.recording.store import Recording, Source
from podplane_tui.tui.widgets.console.states import (
    OFFER_LASTS,
    Act,
    Action,
    Answer,
    Ask,
    Asked,
    BeginAnew,
    Connect,
    Connected,
    ConsoleState,
    Event,
    Granted,
    JumpWanted,
    LetGo,
    LookAt,
    Looked,
    NotConnected,
    NotGranted,
    Refusal,
    Refuse,
    Replay,
    Replayed,
    Request,
    Rest,
    Run,
    SayAsked,
    SayHandedOver,
    Signal,
    SourceFailed,
    Stage,
    Step,
    TakeBackAsked,
    Typing,
    ViewChanged,
    VMChanged,
    Warn,
    Why,
    after,
    run_of,
)
from podplane_tui.tui.widgets.console.status import Look

NOW = 1000.0


def vm(name: str, *, pid: int | None = 1, state: State = State.RUNNING) -> VMStatus:
    files = VMFiles("amd64", name, Path("/d"), Path("/r"))
    return VMStatus(files, state, pid=pid, console=None if pid is None else files.console)


def recording(name: str, source: Source) -> Recording:
    return Recording(
        Path(f"/{name}.raw"),
        started_at=0.0,
        ended_at=None,
        how_ended=None,
        source=source,
        boots=None,
        size=10,
        hole=None,
        pid=1,
        create_ticks="",
    )


A, B, AGAIN_A = vm("a"), vm("b"), vm("a", pid=2)
STOPPED, STARTING = vm("a", pid=None, state=State.STOPPED), vm("a", pid=None, state=State.STARTING)
NO_SOCKET = replace(A, console=None)
BY_QEMU, BY_US, EARLIER = (
    recording("qemu", Source.QEMU),
    recording("us", Source.ATTACHED),
    recording("old", Source.QEMU),
)
OTHER = Claim("another program", 7, 0.0)
THIRD = Claim("a third", 8, 0.0)

WATCHING = ConsoleState(vm=A, terminal=True, look=Look(BY_QEMU), stage=Stage.SETTLED)
"""A VM that QEMU records, with all as it is wanted."""
TYPING = replace(WATCHING, typing=Typing.ON, held=run_of(A))
RECORDING = replace(WATCHING, look=Look(BY_US), held=run_of(A))
"""A VM that we record, and nobody types."""
TAKEN = replace(WATCHING, look=Look(BY_QEMU, OTHER))
"""Another program holds the console."""
ASKING = replace(TAKEN, request=Request.ASKING, offered_at=NOW)

AGAIN: dict[str, Any] = {"doing": Rest(A), "stage": Stage.LOOK}
"""The way to what is wanted begins anew."""
TO_NOW = BeginAnew(A, extract=True)

CASES: dict[str, tuple[ConsoleState, Event, dict[str, Any], tuple[Action, ...]]] = {
    # the VM
    "a first VM": (
        ConsoleState(stage=Stage.SETTLED),
        VMChanged(A, terminal=False, typing=False),
        {"vm": A, **AGAIN},
        (Act.STOP_ASKING, Act.END_SEARCH, Act.SHOW),
    ),
    "another VM: all that was about the one before is gone": (
        replace(ASKING, error="no", past=EARLIER, mark=3, announced=OTHER),
        VMChanged(B, terminal=False, typing=False),
        {
            "vm": B,
            "terminal": False,
            "look": Look(),
            "error": "",
            "past": None,
            "mark": None,
            "request": Request.NONE,
            "offered_at": None,
            "doing": Rest(B),
            "stage": Stage.LOOK,
        },
        (TakeBackAsked(OTHER), Act.STOP_ASKING, Act.END_SEARCH, BeginAnew(A, extract=False), Act.SHOW),
    ),
    "another VM: its own terminal has the keys or has not": (
        TYPING,
        VMChanged(B, terminal=True, typing=False),
        {"vm": B, "look": Look(), "typing": Typing.OFF, "doing": Rest(B), "stage": Stage.LOOK},
        (Act.STOP_ASKING, Act.END_SEARCH, TO_NOW, Act.SHOW),
    ),
    "no VM any more": (
        WATCHING,
        VMChanged(None, terminal=False, typing=False),
        {"vm": None, "terminal": False, "look": Look(), "doing": Rest(None), "stage": Stage.LOOK},
        (Act.STOP_ASKING, Act.END_SEARCH, TO_NOW, Act.SHOW),
    ),
    "the same VM in another state": (
        replace(TYPING, past=EARLIER),
        VMChanged(replace(A, state=State.PAUSED), terminal=True, typing=True),
        {"vm": replace(A, state=State.PAUSED), "doing": Rest(replace(A, state=State.PAUSED)), "stage": Stage.LOOK},
        (Act.SHOW,),
    ),
    "the same VM in another run is shown as it is now": (
        replace(WATCHING, past=EARLIER),
        VMChanged(AGAIN_A, terminal=True, typing=False),
        {"vm": AGAIN_A, "past": None, "doing": Rest(AGAIN_A), "stage": Stage.LOOK},
        (BeginAnew(A, extract=False), Act.SHOW),
    ),
    "a start that failed is waited for no longer": (
        ConsoleState(vm=STARTING, typing=Typing.AWAITED, stage=Stage.SETTLED),
        VMChanged(STOPPED, terminal=False, typing=False),
        {"vm": STOPPED, "typing": Typing.OFF, "doing": Rest(STOPPED), "stage": Stage.LOOK},
        (Act.SHOW,),
    ),
    "a start that succeeded is waited for": (
        ConsoleState(vm=STARTING, typing=Typing.AWAITED, stage=Stage.SETTLED),
        VMChanged(A, terminal=False, typing=False),
        {"vm": A, **AGAIN},
        (BeginAnew(STARTING, extract=True), Act.SHOW),
    ),
    # where the user looks
    "out of view, nobody is asked and nothing awaited": (
        replace(ASKING, typing=Typing.AWAITED, past=EARLIER),
        ViewChanged(False),
        {
            "in_view": False,
            "typing": Typing.OFF,
            "past": None,
            "request": Request.NONE,
            "doing": Rest(None),
            "stage": Stage.LOOK,
        },
        (Act.STOP_ASKING, BeginAnew(A, extract=False)),
    ),
    "back in view": (replace(WATCHING, in_view=False), ViewChanged(True), {"in_view": True, **AGAIN}, ()),
    "suspended": (TYPING, Signal.SUSPENDED, {"suspended": True, "doing": Rest(None), "stage": Stage.LOOK}, ()),
    "resumed": (replace(TYPING, suspended=True), Signal.RESUMED, {"suspended": False, **AGAIN}, ()),
    "a line of an earlier run": (
        WATCHING,
        JumpWanted(EARLIER, 5),
        {"past": EARLIER, "mark": 5, **AGAIN},
        (BeginAnew(A, extract=False),),
    ),
    "a line, but of no VM": (ConsoleState(stage=Stage.SETTLED), JumpWanted(EARLIER, 5), {}, ()),
    "a look is due": (WATCHING, Signal.LOOK_DUE, AGAIN, ()),
    "what is shown has opened or ended": (WATCHING, Signal.SOURCE_CHANGED, AGAIN, (Act.SHOW,)),
    "what is shown could not be opened": (WATCHING, SourceFailed("gone"), {"error": "gone"}, (Act.SHOW,)),
    "the terminal is gone": (TYPING, Signal.TERMINAL_GONE, {"terminal": False, "typing": Typing.OFF, **AGAIN}, ()),
    # typing
    "typing is wanted": (
        replace(WATCHING, past=EARLIER),
        Signal.TYPING_WANTED,
        {"typing": Typing.ON, "past": None, **AGAIN},
        (BeginAnew(A, extract=False), Act.BEGIN_TYPING),
    ),
    "typing is wanted before there is a terminal": (
        replace(WATCHING, terminal=False),
        Signal.TYPING_WANTED,
        {"typing": Typing.AWAITED, **AGAIN},
        (TO_NOW,),
    ),
    "typing is wanted while one types": (TYPING, Signal.TYPING_WANTED, AGAIN, (TO_NOW,)),
    "typing is wanted of a VM that starts": (
        ConsoleState(vm=STARTING, stage=Stage.SETTLED),
        Signal.TYPING_WANTED,
        {"typing": Typing.AWAITED, "doing": Rest(STARTING), "stage": Stage.LOOK},
        (BeginAnew(STARTING, extract=True), Answer(Refusal(Why.STARTING))),
    ),
    "typing is wanted of a VM that is stopped": (
        replace(WATCHING, vm=STOPPED),
        Signal.TYPING_WANTED,
        {"doing": Rest(STOPPED), "stage": Stage.LOOK},
        (BeginAnew(STOPPED, extract=True), Answer(Refusal(Why.NO_CONSOLE))),
    ),
    "typing is wanted of a VM without a console": (
        replace(WATCHING, vm=NO_SOCKET),
        Signal.TYPING_WANTED,
        {"doing": Rest(NO_SOCKET), "stage": Stage.LOOK},
        (BeginAnew(NO_SOCKET, extract=True), Answer(Refusal(Why.NO_CONSOLE))),
    ),
    "typing is wanted where nothing could be connected": (
        ConsoleState(vm=A, error="refused", stage=Stage.SETTLED),
        Signal.TYPING_WANTED,
        AGAIN,
        (TO_NOW, Answer(Refusal(Why.NO_CONSOLE))),
    ),
    "typing is wanted of no VM": (
        ConsoleState(stage=Stage.SETTLED),
        Signal.TYPING_WANTED,
        {"doing": Rest(None), "stage": Stage.LOOK},
        (Answer(Refusal(Why.NO_CONSOLE)),),
    ),
    "typing is wanted where another holds the console": (
        TAKEN,
        Signal.TYPING_WANTED,
        {"offered_at": NOW, **AGAIN},
        (TO_NOW, Answer(Refusal(Why.HELD, OTHER))),
    ),
    "and again, too late": (
        replace(TAKEN, offered_at=NOW - OFFER_LASTS - 1),
        Signal.TYPING_WANTED,
        {"offered_at": NOW, **AGAIN},
        (TO_NOW, Answer(Refusal(Why.HELD, OTHER))),
    ),
    "and again, soon": (
        replace(TAKEN, offered_at=NOW - OFFER_LASTS),
        Signal.TYPING_WANTED,
        {"request": Request.ASKING, **AGAIN},
        (TO_NOW, Ask(A), Answer(Refusal(Why.ASKED, OTHER))),
    ),
    "and once more": (ASKING, Signal.TYPING_WANTED, AGAIN, (TO_NOW, Answer(Refusal(Why.ASKED_BEFORE, OTHER)))),
    "what is held for another VM is no reason to type into this one": (
        replace(TAKEN, held=run_of(B)),
        Signal.TYPING_WANTED,
        {"offered_at": NOW, **AGAIN},
        (TO_NOW, Answer(Refusal(Why.HELD, OTHER))),
    ),
    "the terminal takes the keys": (WATCHING, Signal.TYPING_BEGAN, {"typing": Typing.ON, **AGAIN}, (TO_NOW,)),
    "the terminal takes the keys that it was given": (TYPING, Signal.TYPING_BEGAN, AGAIN, ()),
    "the terminal takes the keys where another holds the console": (
        TAKEN,
        Signal.TYPING_BEGAN,
        {"offered_at": NOW, **AGAIN},
        (Act.END_TYPING, Refuse(Refusal(Why.HELD, OTHER))),
    ),
    "typing ends": (
        replace(TYPING, announced=OTHER),
        Signal.TYPING_ENDED,
        {"typing": Typing.OFF, **AGAIN},
        (TakeBackAsked(OTHER),),
    ),
    "to wait for a terminal does not end with it": (
        replace(WATCHING, terminal=False, typing=Typing.AWAITED),
        Signal.TYPING_ENDED,
        AGAIN,
        (),
    ),
    # other programs
    "somebody asks while one types": (TYPING, Asked(OTHER, 1.0), {"announced": OTHER}, (SayAsked(OTHER),)),
    "and goes on asking": (replace(TYPING, announced=OTHER), Asked(OTHER, 1.0), {}, ()),
    "and somebody else asks": (
        replace(TYPING, announced=OTHER),
        Asked(THIRD, 1.0),
        {"announced": THIRD},
        (SayAsked(THIRD),),
    ),
    "somebody asks while nobody has typed for long": (
        replace(TYPING, announced=OTHER),
        Asked(OTHER, IDLE),
        {"typing": Typing.OFF, **AGAIN},
        (Act.END_TYPING, TakeBackAsked(OTHER), SayHandedOver(OTHER)),
    ),
    "somebody asks while nobody types": (RECORDING, Asked(OTHER, 1.0), AGAIN, ()),
    "somebody asks for what is held no longer": (WATCHING, Asked(OTHER, IDLE), {}, ()),
    "a console is handed over": (
        replace(ASKING, past=EARLIER),
        Granted(A),
        {"request": Request.GRANTED, "typing": Typing.ON, "past": None, **AGAIN},
        (BeginAnew(A, extract=False), Act.BEGIN_TYPING),
    ),
    "a console is handed over that nobody asks for": (WATCHING, Granted(A), {}, (Act.STOP_ASKING,)),
    "a console is handed over of an earlier run": (
        replace(ASKING, vm=AGAIN_A),
        Granted(A),
        {"request": Request.NONE},
        (Act.STOP_ASKING,),
    ),
    "a console is not handed over": (ASKING, NotGranted("no"), {"request": Request.NONE}, (Warn("no"),)),
    "the VM closes its console": (
        replace(TYPING, look=Look(BY_QEMU, OTHER), announced=OTHER),
        Signal.LINE_CLOSED,
        {"held": None, "typing": Typing.OFF, "look": Look(BY_QEMU), **AGAIN},
        (Act.END_TYPING, TakeBackAsked(OTHER)),
    ),
    "another VM closes its console": (
        replace(TYPING, held=run_of(B)),
        Signal.LINE_CLOSED,
        {"held": None, **AGAIN},
        (),
    ),
    # the end of steps
    "rested": (
        replace(WATCHING, doing=Rest(A), stage=Stage.LOOK),
        Signal.RESTED,
        {"doing": LookAt(A), "stage": Stage.REPLAY},
        (),
    ),
    "rested, out of view": (
        replace(TYPING, in_view=False, doing=Rest(None), stage=Stage.LOOK),
        Signal.RESTED,
        {"doing": LetGo(None), "stage": Stage.LOOK_AGAIN},
        (),
    ),
    "rested, and all is different": (
        replace(WATCHING, vm=B, doing=Rest(A), stage=Stage.REST),
        Signal.RESTED,
        {"doing": Rest(B), "stage": Stage.LOOK},
        (),
    ),
    "a recording is found": (
        replace(WATCHING, look=Look(), mark=4, doing=LookAt(A), stage=Stage.REPLAY),
        Looked(A, Look(BY_QEMU)),
        {"look": Look(BY_QEMU), "mark": None, "doing": Replay(A, BY_QEMU, 4), "stage": Stage.LINE},
        (),
    ),
    "the recording asked for is an earlier one": (
        replace(WATCHING, past=EARLIER, mark=4, doing=LookAt(A), stage=Stage.REPLAY),
        Looked(A, Look(BY_QEMU)),
        {"mark": None, "doing": Replay(A, EARLIER, 4), "stage": Stage.LINE},
        (),
    ),
    "the recording asked for is the latest": (
        replace(WATCHING, past=BY_QEMU, mark=4, doing=LookAt(A), stage=Stage.REPLAY),
        Looked(A, Look(BY_QEMU)),
        {"past": None, "mark": None, "doing": Replay(A, BY_QEMU, 4), "stage": Stage.LINE},
        (),
    ),
    "no recording is found": (
        replace(WATCHING, doing=LookAt(A), stage=Stage.REPLAY),
        Looked(A, Look()),
        {"look": Look(), "doing": Connect(A), "stage": Stage.LOOK_AGAIN},
        (),
    ),
    "what was found of another VM": (
        replace(WATCHING, vm=B, look=Look(), doing=LookAt(A), stage=Stage.REST),
        Looked(A, Look(BY_QEMU)),
        {"doing": Rest(B), "stage": Stage.LOOK},
        (),
    ),
    "shown, and QEMU records it": (
        replace(WATCHING, terminal=False, doing=Replay(A, BY_QEMU, None), stage=Stage.LINE),
        Replayed(A),
        {"terminal": True, "doing": LetGo(None), "stage": Stage.FINISH},
        (),
    ),
    "shown, and we are to record it": (
        replace(RECORDING, held=None, doing=Replay(A, BY_US, None), stage=Stage.LINE),
        Replayed(A),
        {"doing": Connect(A), "stage": Stage.LOOK_AGAIN},
        (),
    ),
    "shown, and we record it": (
        replace(RECORDING, doing=Replay(A, BY_US, None), stage=Stage.LINE),
        Replayed(A),
        {"doing": None, "stage": Stage.SETTLED},
        (Act.SHOW,),
    ),
    "shown, and somebody asks for what we record": (
        replace(RECORDING, look=Look(BY_US, None, OTHER), doing=Replay(A, BY_US, None), stage=Stage.LINE),
        Replayed(A),
        {"doing": LetGo(None), "stage": Stage.LOOK_AGAIN},
        (),
    ),
    "shown, and another VM's console is held": (
        replace(TYPING, held=run_of(B), doing=Replay(A, BY_QEMU, None), stage=Stage.LINE),
        Replayed(A),
        {"doing": LetGo(A), "stage": Stage.LINE},
        (),
    ),
    "shown, and it has stopped while one types": (
        replace(TYPING, vm=STOPPED, doing=Replay(STOPPED, BY_QEMU, None), stage=Stage.LINE),
        Replayed(STOPPED),
        {"typing": Typing.OFF, "doing": LetGo(None), "stage": Stage.LOOK_AGAIN},
        (Act.END_TYPING,),
    ),
    "another VM's console was let go of, and one wants to type into this one": (
        replace(TYPING, held=run_of(B), doing=LetGo(A), stage=Stage.LINE),
        Signal.FREE,
        {"held": None, "doing": Connect(A), "stage": Stage.LOOK_AGAIN},
        (),
    ),
    "connected": (
        replace(
            TYPING,
            held=None,
            error="no",
            request=Request.GRANTED,
            announced=OTHER,
            doing=Connect(A),
            stage=Stage.LOOK_AGAIN,
        ),
        Connected(A),
        {
            "held": run_of(A),
            "error": "",
            "request": Request.NONE,
            "announced": None,
            "doing": LookAt(A),
            "stage": Stage.REPLAY_AGAIN,
        },
        (),
    ),
    "connected, and another VM is selected": (
        replace(WATCHING, vm=B, error="no", doing=Connect(A), stage=Stage.REST),
        Connected(A),
        {"held": run_of(A), "doing": Rest(B), "stage": Stage.LOOK},
        (),
    ),
    "not connected": (
        replace(RECORDING, held=None, doing=Connect(A), stage=Stage.LOOK_AGAIN),
        NotConnected(A, "no", held=False),
        {"error": "no", "doing": None, "stage": Stage.SETTLED},
        (Act.SHOW,),
    ),
    "not connected while one types": (
        replace(TYPING, held=None, doing=Connect(A), stage=Stage.LOOK_AGAIN),
        NotConnected(A, "no", held=False),
        {"error": "no", "typing": Typing.OFF, **AGAIN},
        (Act.END_TYPING, Warn("no")),
    ),
    "not connected while one types: another holds it": (
        replace(TYPING, held=None, look=Look(BY_QEMU, OTHER), doing=Connect(A), stage=Stage.LOOK_AGAIN),
        NotConnected(A, "held", held=True),
        {"error": "held", "typing": Typing.OFF, "offered_at": NOW, **AGAIN},
        (Act.END_TYPING, Refuse(Refusal(Why.HELD, OTHER))),
    ),
    "not connected while one types: one that is not ours holds it": (
        replace(TYPING, held=None, doing=Connect(A), stage=Stage.LOOK_AGAIN),
        NotConnected(A, "held", held=True),
        {"error": "held", "typing": Typing.OFF, **AGAIN},
        (Act.END_TYPING, Warn("held")),
    ),
    "another VM is not connected, and one types into this one": (
        replace(TYPING, vm=B, held=None, doing=Connect(A), stage=Stage.REST),
        NotConnected(A, "no", held=False),
        {"doing": Rest(B), "stage": Stage.LOOK},
        (),
    ),
    "looked again: what we record is shown": (
        replace(RECORDING, look=Look(), doing=LookAt(A), stage=Stage.REPLAY_AGAIN),
        Looked(A, Look(BY_US)),
        {"look": Look(BY_US), "doing": Replay(A, BY_US, None), "stage": Stage.FINISH},
        (),
    ),
    "looked again: what nobody can record is shown": (
        replace(RECORDING, look=Look(), doing=LookAt(A), stage=Stage.REPLAY_AGAIN),
        Looked(A, Look()),
        {"doing": Replay(A, None, None), "stage": Stage.FINISH},
        (),
    ),
    "looked again: an earlier run stays": (
        replace(RECORDING, past=EARLIER, doing=LookAt(A), stage=Stage.REPLAY_AGAIN),
        Looked(A, Look(BY_US)),
        {"doing": None, "stage": Stage.SETTLED},
        (Act.SHOW,),
    ),
    "let go of": (
        replace(RECORDING, look=Look(BY_US, OTHER, THIRD), doing=LetGo(None), stage=Stage.LOOK_AGAIN),
        Signal.FREE,
        {"held": None, "look": Look(BY_US, None, THIRD), "doing": LookAt(A), "stage": Stage.REPLAY_AGAIN},
        (),
    ),
    "let go of one that was handed over": (
        replace(WATCHING, request=Request.GRANTED, doing=LetGo(None), stage=Stage.FINISH),
        Signal.FREE,
        {"request": Request.NONE, "doing": None, "stage": Stage.SETTLED},
        (Act.SHOW,),
    ),
    "the terminal somebody waits for is there": (
        replace(WATCHING, typing=Typing.AWAITED, doing=LetGo(None), stage=Stage.FINISH),
        Signal.FREE,
        {"typing": Typing.ON, **AGAIN},
        (Act.BEGIN_TYPING, Act.SHOW),
    ),
    "the terminal somebody waits for is there, and another holds the console": (
        replace(TAKEN, typing=Typing.AWAITED, doing=LetGo(None), stage=Stage.FINISH),
        Signal.FREE,
        {"typing": Typing.OFF, "offered_at": NOW, "doing": None, "stage": Stage.SETTLED},
        (Refuse(Refusal(Why.HELD, OTHER)), Act.SHOW),
    ),
    "no terminal came": (
        replace(WATCHING, terminal=False, typing=Typing.AWAITED, doing=LetGo(None), stage=Stage.FINISH),
        Signal.FREE,
        {"typing": Typing.OFF, "doing": None, "stage": Stage.SETTLED},
        (Act.SHOW,),
    ),
    "a VM that starts is waited for": (
        ConsoleState(vm=STARTING, typing=Typing.AWAITED, doing=LetGo(None), stage=Stage.FINISH),
        Signal.FREE,
        {"doing": None, "stage": Stage.SETTLED},
        (Act.SHOW,),
    ),
}
"""What happens in a state, what it changes, and what is done."""


@pytest.mark.parametrize("case", CASES)
def test_a_transition(case: str) -> None:
    state, event, changes, actions = CASES[case]
    found, done = after(state, event, NOW)
    assert found == replace(state, **changes)
    assert done == actions


def test_what_happens_during_a_step_is_seen_to_when_it_has_ended() -> None:
    state = replace(WATCHING, doing=LookAt(A), stage=Stage.REPLAY)
    state = after(state, Signal.TYPING_WANTED, NOW).state
    assert (state.doing, state.stage) == (LookAt(A), Stage.REST)
    assert after(state, Looked(A, Look(BY_QEMU)), NOW).state.doing == Rest(A)


# What always holds

VMS = [None, A, AGAIN_A, B, STOPPED, STARTING, NO_SOCKET]
LOOKS = [
    Look(recording, holder, asker)
    for recording in (BY_QEMU, BY_US, None)
    for holder in (None, OTHER)
    for asker in (None, THIRD)
]
STEPS_AT_MOST = 20


@dataclass
class World:
    """The panel's state, and what is true outside: which terminal has the keys, what is held, who is asked."""

    state: ConsoleState
    keys: bool = field(init=False)
    held: Run | None = field(init=False)
    asked: VMStatus | None = field(init=False)
    now: float = NOW

    def __post_init__(self) -> None:
        self.keys = self.state.typing is Typing.ON
        self.held = self.state.held
        self.asked = self.state.vm if self.state.request is Request.ASKING else None

    def happen(self, event: Event) -> None:
        match event:
            case Signal.TYPING_BEGAN:
                self.keys = True
            case Signal.TYPING_ENDED | Signal.TERMINAL_GONE:
                self.keys = False
            case VMChanged(typing=typing):
                self.keys = typing
            case Connected(vm):
                self.held = run_of(vm)
            case Signal.FREE | Signal.LINE_CLOSED:
                self.held = None
            case Granted() | NotGranted():
                self.asked = None
        before = self.state
        self.state, actions = after(before, event, self.now)
        for action in actions:
            match action:
                case Act.BEGIN_TYPING:
                    assert self.state.terminal
                    self.keys = True
                case Act.END_TYPING:
                    self.keys = False
                case Act.STOP_ASKING:
                    self.asked = None
                case Ask(vm):
                    assert self.asked is None
                    self.asked = vm
        self.check(before, event)

    def check(self, before: ConsoleState, event: Event) -> None:
        state = self.state
        here = state.vm if state.in_view and not state.suspended else None
        assert (state.typing is Typing.ON) == self.keys
        assert state.held == self.held
        assert (state.request is Request.ASKING) == (self.asked is not None)
        assert (state.stage is Stage.SETTLED) == (state.doing is None)  # or something is under way to what is wanted
        if state.doing is not before.doing and isinstance(state.doing, Connect):
            assert state.held is None
            assert state.doing.vm == here
            assert here is not None
            assert here.console is not None
            assert self.keys or not (state.look.by_qemu or state.look.asker)
        if state.typing is Typing.AWAITED:
            assert state.vm is not None
            assert state.vm.live or state.vm.state is State.STARTING
        if isinstance(event, ViewChanged) and not event.in_view:
            assert state.request is Request.NONE
            assert state.typing is not Typing.AWAITED
            assert state.past is None
        if state.stage is not Stage.SETTLED:
            return
        assert state.request is not Request.GRANTED
        if here is None:
            assert self.held is None
        elif self.keys or self.held is not None:  # to type, or to record it where nobody else does
            assert self.held == (here.key, here.pid)

    def end_steps(self, count: int, look: Look, *, good: bool) -> None:
        for _ in range(count):
            if (step := self.state.doing) is not None:
                self.happen(self.end_of(step, look, good=good))

    def end_of(self, step: Step, look: Look, *, good: bool) -> Event:
        match step:
            case Rest():
                return Signal.RESTED
            case LookAt(vm):
                return Looked(vm, look)
            case Replay(vm):
                return Replayed(vm)
            case Connect(vm):
                return Connected(vm) if good else NotConnected(vm, "no", held=look.holder is not None)
            case LetGo():
                return Signal.FREE

    def possible(self) -> list[list[Event]]:
        """What can happen now, by its kind."""
        state, vm = self.state, self.state.vm
        same = [each for each in VMS if vm is not None and each is not None and each.key == vm.key and each != vm]
        other = [each for each in VMS if each != vm and each not in same]
        kinds: list[list[Event]] = [
            [Signal.TYPING_WANTED],
            [Signal.LOOK_DUE] if state.doing is None else [],
            [Signal.TYPING_BEGAN, Signal.TYPING_ENDED, Signal.TERMINAL_GONE] if state.terminal else [],
            [Granted(self.asked), NotGranted("no")] if self.asked is not None else [],
            [Signal.LINE_CLOSED, Asked(OTHER, 0.0), Asked(THIRD, IDLE)] if self.held is not None else [],
            [ViewChanged(not state.in_view), Signal.RESUMED if state.suspended else Signal.SUSPENDED],
            [Signal.SOURCE_CHANGED, SourceFailed("gone"), JumpWanted(EARLIER, 1)],
            [VMChanged(each, terminal=state.terminal, typing=self.keys) for each in same],
            [VMChanged(each, terminal=False, typing=False) for each in other],
        ]
        return [kind for kind in kinds if kind]


class Turn(NamedTuple):
    """One thing that happens, by its place among those that can, and what is found by steps that end after it."""

    kind: int
    event: int
    steps: int
    look: Look
    good: bool
    seconds: float


NUMBERS = st.integers(0, 10)
TURNS = st.builds(Turn, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(LOOKS), st.booleans(), st.sampled_from([0.0, 11.0]))


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.sampled_from([ConsoleState(), WATCHING, TYPING, RECORDING, TAKEN, ASKING]), st.lists(TURNS, min_size=1))
def test_whatever_happens_a_console_is_ours_only_where_it_is_wanted(begin: ConsoleState, turns: list[Turn]) -> None:
    world = World(begin)
    for turn in turns:
        world.now += turn.seconds
        kinds = world.possible()
        kind = kinds[turn.kind % len(kinds)]
        world.happen(kind[turn.event % len(kind)])
        world.end_steps(turn.steps, turn.look, good=turn.good)
    world.end_steps(STEPS_AT_MOST, turns[-1].look, good=turns[-1].good)
    assert world.state.doing is None  # when nothing happens any more, all is soon as wanted
    if world.state.here is not None:  # what has changed while it was connected is seen with the next look
        world.happen(Signal.LOOK_DUE)
        world.end_steps(STEPS_AT_MOST, turns[-1].look, good=turns[-1].good)
    look = world.state.look
    assert world.held is None or world.keys or not (look.by_qemu or look.asker)
