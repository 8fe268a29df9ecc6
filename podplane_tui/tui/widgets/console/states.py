"""The console panel's state, and one pure function that says what becomes of it with each event, and what is to do.

A state has four parts, each with states of its own: what the user looks at (`here`), whether keys go to the guest
(`Typing`), whether a console that another program holds is asked for (`Request`), and how far the panel is with
bringing what is shown and held in line with that (`Stage`). Whatever changes sends the stage back to its beginning.

Effects are of two kinds. An action takes no time, and is carried out at once. A step takes time: the panel's one task
carries out the one in `ConsoleState.doing`, and its end is an event, too.
"""

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from podplane_tui.backend.console.claim import IDLE, Claim
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.recording.store import Recording
from podplane_tui.tui.widgets.console.status import Look

OFFER_LASTS = 10.0
"""Seconds within which a second try to type into a console that is held means to ask for it."""


class Run(NamedTuple):
    """One run of a VM: its key and the process ID of its QEMU."""

    key: str
    pid: int | None


class Typing(Enum):
    """Whether keys go to the guest."""

    OFF = auto()
    AWAITED = auto()
    """As soon as there is a terminal."""
    ON = auto()


class Request(Enum):
    """Whether a console that another program holds is asked for."""

    NONE = auto()
    ASKING = auto()
    GRANTED = auto()
    """Handed over to us, and not connected yet."""


class Stage(Enum):
    """What comes next on the way to what is wanted, in this order."""

    REST = auto()
    """Follow no other VM's console."""
    LOOK = auto()
    """See what there is of this one."""
    REPLAY = auto()
    """Show its recording."""
    LINE = auto()
    """Connect to the console, or let go of it."""
    LOOK_AGAIN = auto()
    """It has changed hands: somebody else may hold it now, and it may be recorded only since."""
    REPLAY_AGAIN = auto()
    FINISH = auto()
    """Begin to type, where somebody waits for that."""
    SETTLED = auto()
    """All is as wanted, until something changes."""


class Why(Enum):
    """Why nobody can type now."""

    NO_CONSOLE = auto()
    STARTING = auto()
    """The VM has no QEMU yet; typing begins when it has."""
    HELD = auto()
    """Another program holds the console. Tried again soon, it is asked for."""
    ASKED = auto()
    """That program is asked for it now."""
    ASKED_BEFORE = auto()
    """That program was asked for it and has not let go yet."""


class Refusal(NamedTuple):
    """Why nobody can type now; `holder` is the program that holds the console, if that is the reason."""

    why: Why
    holder: Claim | None = None


# Steps


@dataclass(frozen=True, slots=True)
class Rest:
    """Follow nothing but what that VM's terminal shows."""

    but: VMStatus | None


@dataclass(frozen=True, slots=True)
class LookAt:
    """See what there is of a VM's console."""

    vm: VMStatus


@dataclass(frozen=True, slots=True)
class Replay:
    """Show a recording and follow it; without one, what comes unrecorded. `mark` is the offset of a line to show."""

    vm: VMStatus
    recording: Recording | None
    mark: int | None


@dataclass(frozen=True, slots=True)
class Connect:
    """Hold the console."""

    vm: VMStatus


@dataclass(frozen=True, slots=True)
class LetGo:
    """Hold no console. What was typed before there was one is forgotten, unless that VM is still `waiting` for it."""

    waiting: VMStatus | None


Step: TypeAlias = Rest | LookAt | Replay | Connect | LetGo


# Events


@dataclass(frozen=True, slots=True)
class VMChanged:
    """Another VM is selected, or the same has another state. `terminal`: it has one; `typing`: that has the keys."""

    vm: VMStatus | None
    terminal: bool
    typing: bool


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """The user looks here, or elsewhere."""

    in_view: bool


class Signal(Enum):
    """The events that say nothing more."""

    SUSPENDED = auto()
    """The program is about to be suspended."""
    RESUMED = auto()
    TYPING_WANTED = auto()
    """The user wants to type, and is to hear why they can't."""
    TYPING_BEGAN = auto()
    """The terminal has taken the keys by itself."""
    TYPING_ENDED = auto()
    """The terminal has let go of the keys."""
    SOURCE_CHANGED = auto()
    """What the terminal shows was opened, or has ended."""
    LOOK_DUE = auto()
    """Nothing has happened for a while."""
    LINE_CLOSED = auto()
    """The VM has closed its console."""
    TERMINAL_GONE = auto()
    """The selected VM has no terminal any more."""
    RESTED = auto()
    """The end of `Rest`."""
    FREE = auto()
    """The end of `LetGo`."""


@dataclass(frozen=True, slots=True)
class JumpWanted:
    """The user wants to see the line that begins at an offset of one of the VM's recordings."""

    recording: Recording
    offset: int


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """What the terminal shows could not be opened; it is tried again with the next look."""

    error: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Another program asks for the console. `idle` is seconds since a key was sent to the guest."""

    claim: Claim
    idle: float


@dataclass(frozen=True, slots=True)
class Granted:
    """A console we asked for was handed over."""

    vm: VMStatus


@dataclass(frozen=True, slots=True)
class NotGranted:
    """A console we asked for was not handed over."""

    error: str


@dataclass(frozen=True, slots=True)
class Looked:
    """The end of `LookAt`."""

    vm: VMStatus
    look: Look


@dataclass(frozen=True, slots=True)
class Replayed:
    """The end of `Replay`: the VM has a terminal."""

    vm: VMStatus


@dataclass(frozen=True, slots=True)
class Connected:
    """The good end of `Connect`."""

    vm: VMStatus


@dataclass(frozen=True, slots=True)
class NotConnected:
    """The bad end of `Connect`. `held`: because another program holds the console."""

    vm: VMStatus
    error: str
    held: bool


Event: TypeAlias = (
    VMChanged
    | ViewChanged
    | Signal
    | JumpWanted
    | SourceFailed
    | Asked
    | Granted
    | NotGranted
    | Looked
    | Replayed
    | Connected
    | NotConnected
)


# Actions


class Act(Enum):
    """The actions that need nothing more."""

    SHOW = auto()
    """Bring the panel up to date."""
    BEGIN_TYPING = auto()
    """Give the keys to the selected VM's terminal."""
    END_TYPING = auto()
    """Take the keys from the selected VM's terminal."""
    STOP_ASKING = auto()
    """Ask nobody for a console, and give back one that was handed over."""
    END_SEARCH = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell whoever wanted to type why they can't."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Refuse:
    """Say why nobody can type, where nobody waits for an answer."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Warn:
    """Say what went wrong."""

    error: str


@dataclass(frozen=True, slots=True)
class SayAsked:
    """Say who asks for the console, and how to hand it over."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class TakeBackAsked:
    """That is no longer to be done."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class SayHandedOver:
    """Say who has the console now, and why."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask whoever holds the console for it."""

    vm: VMStatus


@dataclass(frozen=True, slots=True)
class BeginAnew:
    """Empty the VM's terminal before it shows something else; `extract`: only if it shows a part of a recording."""

    vm: VMStatus
    extract: bool


Action: TypeAlias = Act | Answer | Refuse | Warn | SayAsked | TakeBackAsked | SayHandedOver | Ask | BeginAnew


# The state


@dataclass(frozen=True, slots=True)
class ConsoleState:
    """All the panel knows. `vm` is the selected VM."""

    vm: VMStatus | None = None
    in_view: bool = True
    suspended: bool = False
    terminal: bool = False
    """The selected VM has one."""
    look: Look = field(default_factory=Look)
    """What there is of its console."""
    past: Recording | None = None
    """What is shown in place of its latest recording."""
    mark: int | None = None
    """The offset in what is to be shown that was asked for."""
    error: str = ""
    """Why its console is not connected."""
    typing: Typing = Typing.OFF
    request: Request = Request.NONE
    offered_at: float | None = None
    """When somebody was told last that the console can be asked for."""
    announced: Claim | None = None
    """Who was said to ask for the console."""
    held: Run | None = None
    """The run whose console is ours."""
    stage: Stage = Stage.REST
    doing: Step | None = None

    @property
    def here(self) -> VMStatus | None:
        """The VM the user looks at."""
        return self.vm if self.in_view and not self.suspended else None

    @property
    def holds(self) -> bool:
        """Whether the selected VM's console is ours."""
        return self.held is not None and self.held == run_of(self.vm)

    @property
    def line_wanted(self) -> bool:
        """Whether the console is to be ours: to type, and to record it where QEMU does not and nobody asks for it."""
        vm = self.here
        if vm is None or not _has_console(vm):
            return False
        return self.typing is Typing.ON or not (self.look.by_qemu or self.look.asker is not None)


class Outcome(NamedTuple):
    """The next state, and the actions on the way to it, in order."""

    state: ConsoleState
    actions: tuple[Action, ...] = ()


def run_of(vm: VMStatus | None) -> Run | None:
    """The run a VM is in."""
    return None if vm is None else Run(vm.key, vm.pid)


def will_run(vm: VMStatus) -> bool:
    """Whether a VM is being started and has no QEMU yet."""
    return vm.state is State.STARTING and not vm.live


def after(state: ConsoleState, event: Event, now: float) -> Outcome:
    """What becomes of `state` with an event. `now` is in seconds of any clock that never goes back."""
    state, actions = _react(state, event, now)
    while state.doing is None and state.stage is not Stage.SETTLED:
        state, more = _next_stage(state, now)
        actions += more
    return Outcome(state, actions)


def _react(state: ConsoleState, event: Event, now: float) -> Outcome:
    match event:
        case VMChanged():
            return _vm_changed(state, event)
        case ViewChanged(in_view):
            return _view_changed(state, in_view=in_view)
        case JumpWanted(recording, offset):
            if state.vm is None:
                return Outcome(state)
            return Outcome(_again(replace(state, past=recording, mark=offset)), (BeginAnew(state.vm, extract=False),))
        case SourceFailed(error):
            return Outcome(replace(state, error=error), (Act.SHOW,))
        case Asked():
            return _asked(state, event)
        case Granted(vm):
            return _granted(state, vm)
        case NotGranted(error):
            return Outcome(replace(state, request=Request.NONE), (Warn(error),))
        case Looked() | Replayed() | Connected() | NotConnected():
            return _step_ended(replace(state, doing=None), event, now)
        case _:
            return _signalled(state, event, now)


def _signalled(state: ConsoleState, signal: Signal, now: float) -> Outcome:
    match signal:
        case Signal.SUSPENDED | Signal.RESUMED:
            return Outcome(_again(replace(state, suspended=signal is Signal.SUSPENDED)))
        case Signal.TYPING_WANTED:
            return _typing_wanted(state, now)
        case Signal.TYPING_BEGAN:
            return _typing_began(state, now)
        case Signal.TYPING_ENDED:
            typing = Typing.OFF if state.typing is Typing.ON else state.typing
            return Outcome(_again(replace(state, typing=typing)), _take_back_asked(state))
        case Signal.SOURCE_CHANGED:
            return Outcome(_again(state), (Act.SHOW,))
        case Signal.LOOK_DUE:
            return Outcome(_again(state))
        case Signal.LINE_CLOSED:
            held, state = state.held, replace(state, held=None)
            if held is None or state.vm is None or held.key != state.vm.key:  # nobody types into that one
                return Outcome(_again(state))
            return _end_typing(replace(state, look=replace(state.look, holder=None)))
        case Signal.TERMINAL_GONE:
            return Outcome(_again(replace(state, terminal=False, typing=Typing.OFF)))
        case Signal.RESTED:
            return Outcome(replace(state, doing=None))
        case Signal.FREE:
            look = replace(state.look, holder=None) if state.holds else state.look  # that was us
            return Outcome(replace(state, doing=None, held=None, look=look, request=_not_granted(state)))


# What the user does


def _vm_changed(state: ConsoleState, event: VMChanged) -> Outcome:
    before, vm = state.vm, event.vm
    actions: tuple[Action, ...] = ()
    if before is None or vm is None or before.key != vm.key:
        typing = Typing.ON if event.typing else Typing.OFF
        actions = (*_take_back_asked(state), Act.STOP_ASKING, Act.END_SEARCH)
        state, anew = _back_to_now(state)
        state = replace(state, look=Look(), error="", typing=typing, request=Request.NONE, offered_at=None)
        actions += anew
    elif before.pid != vm.pid:
        state, actions = _back_to_now(state)
    if vm is None or not (vm.live or will_run(vm)):
        state = _wait_no_longer(state)
    return Outcome(_again(replace(state, vm=vm, terminal=event.terminal)), (*actions, Act.SHOW))


def _view_changed(state: ConsoleState, *, in_view: bool) -> Outcome:
    state = _again(replace(state, in_view=in_view))
    if in_view:
        return Outcome(state)
    state, actions = _back_to_now(_wait_no_longer(state))
    return Outcome(replace(state, request=Request.NONE), (Act.STOP_ASKING, *actions))


def _typing_wanted(state: ConsoleState, now: float) -> Outcome:
    state, actions = _back_to_now(_again(state))
    if state.vm is not None and will_run(state.vm):
        state = state if state.typing is Typing.ON else replace(state, typing=Typing.AWAITED)
        return Outcome(state, (*actions, Answer(Refusal(Why.STARTING))))
    state, refusal, asking = _refusal(state, now)
    actions += asking
    if refusal is not None:
        return Outcome(_wait_no_longer(state), (*actions, Answer(refusal)))
    if state.typing is Typing.ON:
        return Outcome(state, actions)
    if not state.terminal:
        return Outcome(replace(state, typing=Typing.AWAITED), actions)
    return Outcome(replace(state, typing=Typing.ON), (*actions, Act.BEGIN_TYPING))


def _typing_began(state: ConsoleState, now: float) -> Outcome:
    if state.typing is Typing.ON:
        return Outcome(_again(state))
    state, refusal, asking = _refusal(state, now)
    if refusal is not None:
        state, ended = _end_typing(replace(state, typing=Typing.ON))
        return Outcome(state, (*asking, *ended, Refuse(refusal)))
    state, actions = _back_to_now(_again(replace(state, typing=Typing.ON)))
    return Outcome(state, (*asking, *actions))


def _refusal(state: ConsoleState, now: float) -> tuple[ConsoleState, Refusal | None, tuple[Action, ...]]:
    """Why nobody can type now, if nobody can. Tried again soon, a console that is held is asked for."""
    vm, holder = state.vm, state.look.holder
    if vm is None or not _has_console(vm) or (not state.terminal and state.error):
        return state, Refusal(Why.NO_CONSOLE), ()
    if state.holds or state.request is Request.GRANTED or holder is None:
        return state, None, ()
    if state.request is Request.ASKING:
        return state, Refusal(Why.ASKED_BEFORE, holder), ()
    if state.offered_at is None or now - state.offered_at > OFFER_LASTS:
        return replace(state, offered_at=now), Refusal(Why.HELD, holder), ()
    return replace(state, request=Request.ASKING), Refusal(Why.ASKED, holder), (Ask(vm),)


# What other programs do


def _asked(state: ConsoleState, event: Asked) -> Outcome:
    """Theirs at once when nothing is typed here, else when typing ends."""
    if not state.holds:
        return Outcome(state)
    if state.typing is not Typing.ON:
        return Outcome(_again(state))
    if event.idle >= IDLE:
        state, actions = _end_typing(state)
        return Outcome(state, (*actions, SayHandedOver(event.claim)))
    if event.claim != state.announced:
        return Outcome(replace(state, announced=event.claim), (SayAsked(event.claim),))
    return Outcome(state)


def _granted(state: ConsoleState, vm: VMStatus) -> Outcome:
    if state.request is not Request.ASKING or run_of(state.vm) != run_of(vm) or not state.terminal:
        return Outcome(replace(state, request=Request.NONE), (Act.STOP_ASKING,))
    if state.holds:  # whoever had it let go before they answered
        return Outcome(_again(replace(state, request=Request.NONE)), (Act.STOP_ASKING,))
    state, actions = _back_to_now(_again(replace(state, request=Request.GRANTED, typing=Typing.ON)))
    return Outcome(state, (*actions, Act.BEGIN_TYPING))


# The steps


def _step_ended(state: ConsoleState, event: Looked | Replayed | Connected | NotConnected, now: float) -> Outcome:
    """The state is no longer `doing` anything. What was found of another VM or run has come too late to count."""
    if isinstance(event, Connected):
        state = replace(state, held=run_of(event.vm))
    if run_of(event.vm) != run_of(state.vm):
        return Outcome(state)
    match event:
        case Looked(_, look):
            latest = look.recording is not None and state.past is not None and state.past.path == look.recording.path
            return Outcome(replace(state, look=look, past=None if latest else state.past))
        case Replayed():
            return Outcome(replace(state, terminal=True))
        case Connected():
            return Outcome(replace(state, error="", announced=None, request=_not_granted(state)))
        case NotConnected(_, error, held):
            stage = Stage.FINISH if state.stage is Stage.LOOK_AGAIN else state.stage
            state = replace(state, error=error, request=_not_granted(state), stage=stage)
            if state.typing is not Typing.ON:
                return Outcome(state)
            state, refusal, actions = _refusal(state, now) if held else (state, None, ())
            state, ended = _end_typing(state)
            return Outcome(state, (*actions, *ended, Warn(error) if refusal is None else Refuse(refusal)))


def _next_stage(state: ConsoleState, now: float) -> Outcome:
    """Enter the stage that is next: a step if there is something to do in it, and in any case the stage behind it."""
    vm = state.here
    match state.stage:
        case Stage.REST:
            return Outcome(replace(state, doing=Rest(vm), stage=Stage.LOOK))
        case Stage.LOOK | Stage.LOOK_AGAIN:
            first = state.stage is Stage.LOOK
            if vm is None:
                return Outcome(replace(state, stage=Stage.LINE if first else Stage.FINISH))
            return Outcome(replace(state, doing=LookAt(vm), stage=Stage.REPLAY if first else Stage.REPLAY_AGAIN))
        case Stage.REPLAY:
            shown = state.past or state.look.recording
            return _replay(state, shown, wanted=shown is not None, then=Stage.LINE)
        case Stage.REPLAY_AGAIN:
            wanted = state.holds and state.past is None
            return _replay(state, state.look.recording, wanted=wanted, then=Stage.FINISH)
        case Stage.LINE:
            return _line(state)
        case _:
            return _finish(state, now)


def _replay(state: ConsoleState, recording: Recording | None, *, wanted: bool, then: Stage) -> Outcome:
    vm = state.here
    if vm is None or not wanted:
        return Outcome(replace(state, stage=then))
    return Outcome(replace(state, doing=Replay(vm, recording, state.mark), mark=None, stage=then))


def _line(state: ConsoleState) -> Outcome:
    vm = state.here
    if vm is not None and state.line_wanted:
        if state.holds:
            return Outcome(replace(state, stage=Stage.FINISH))
        if state.held is not None:
            return Outcome(replace(state, doing=LetGo(vm)))
        return Outcome(replace(state, doing=Connect(vm), stage=Stage.LOOK_AGAIN))
    actions: tuple[Action, ...] = ()
    if vm is not None and state.typing is Typing.ON:  # it has stopped
        state, actions = replace(state, typing=Typing.OFF), (Act.END_TYPING,)
    stage = Stage.FINISH if state.held is None else Stage.LOOK_AGAIN
    return Outcome(replace(state, doing=LetGo(None), stage=stage), actions)


def _finish(state: ConsoleState, now: float) -> Outcome:
    vm = state.here
    state = replace(state, stage=Stage.SETTLED)
    if vm is None or state.typing is not Typing.AWAITED or not (vm.live and state.terminal):
        # a terminal that comes later takes nobody by surprise
        state = state if vm is None or will_run(vm) else _wait_no_longer(state)
        return Outcome(state, (Act.SHOW,))
    state, refusal, asking = _refusal(state, now)
    if refusal is not None:
        return Outcome(_wait_no_longer(state), (*asking, Refuse(refusal), Act.SHOW))
    return Outcome(_again(replace(state, typing=Typing.ON)), (Act.BEGIN_TYPING, Act.SHOW))


# Small changes


def _has_console(vm: VMStatus) -> bool:
    return vm.live and vm.console is not None


def _again(state: ConsoleState) -> ConsoleState:
    return replace(state, stage=Stage.REST)


def _wait_no_longer(state: ConsoleState) -> ConsoleState:
    return replace(state, typing=Typing.OFF) if state.typing is Typing.AWAITED else state


def _not_granted(state: ConsoleState) -> Request:
    """The request, once a console that was handed over is connected or given back."""
    return Request.NONE if state.request is Request.GRANTED else state.request


def _back_to_now(state: ConsoleState) -> Outcome:
    """Show the VM's latest recording again."""
    actions = () if state.vm is None else (BeginAnew(state.vm, extract=state.past is None),)
    return Outcome(replace(state, past=None, mark=None), actions)


def _end_typing(state: ConsoleState) -> Outcome:
    if state.typing is not Typing.ON:
        return Outcome(_again(state))
    return Outcome(_again(replace(state, typing=Typing.OFF)), (Act.END_TYPING, *_take_back_asked(state)))


def _take_back_asked(state: ConsoleState) -> tuple[Action, ...]:
    return () if state.announced is None else (TakeBackAsked(state.announced),)
