"""A boot as a picture in text: a bar per stage on one scale, what failed below, an earlier boot's times beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from podplane_tui.backend.boot.compare import Change, Overdue, StageChange
from podplane_tui.backend.boot.model import Boot, Failure, Stage
from podplane_tui.backend.boot.rules import StageName
from podplane_tui.backend.core.format import UNKNOWN

_NAME = 17
_FIGURE = 9
_NOTE = 9
_LEAST_BAR = 10


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn. `changes` is beside an earlier boot, if there is one; `elapsed` is None when that is not known.

    `goes_on` says whether stages may follow; `beat` tells one frame of a boot that goes on from the next.
    """

    boot: Boot
    changes: Sequence[StageChange] | None
    late: Sequence[Overdue]
    elapsed: float | None
    goes_on: bool = False
    beat: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    start: float
    end: float
    cells: int

    def cell(self, at: float) -> int:
        """The cell that stands for a moment."""
        share = (at - self.start) / max(self.end - self.start, 0.001)
        return min(max(int(share * self.cells), 0), self.cells - 1)


def draw(picture: Picture, width: int) -> Content:
    """The picture in lines of at most `width` cells; columns go where there is no room for them."""
    columns = ["START", "TOOK"] + (["BEFORE"] if picture.changes is not None else [])
    note = _NOTE if picture.changes is not None or picture.late else 0
    for column in ("BEFORE", "START"):
        if width - _NAME - _FIGURE * len(columns) - note <= _LEAST_BAR and column in columns:
            columns.remove(column)
    if width - _NAME - _FIGURE * len(columns) - note <= _LEAST_BAR:
        note = 0
    bar = max(_LEAST_BAR, width - _NAME - _FIGURE * len(columns) - note - 1)
    scale = _scale(picture, bar)
    missing = "to come" if picture.goes_on else "missing"
    changes = {change.name: change for change in picture.changes or ()}
    late = {each.name: each for each in picture.late}
    left, right = f"{scale.start:.0f} s", f"{scale.end:.0f} s"
    axis = f"{left}{right:>{max(0, bar - len(left))}}"
    head = f"{'STAGE':<{_NAME}}{axis}" + "".join(f"{column:>{_FIGURE}}" for column in columns)
    if not picture.boot.stages:
        return Content.styled("Nothing it has printed tells of a stage.", "$foreground 60%")
    lines = [Content.styled(head.rstrip(), "$foreground 60%")]
    if marks := _marks(picture.boot.failures, scale).rstrip():
        lines.append(Content.assemble(f"{'failures':<{_NAME}}", (marks, "$text-error")))
    for stage in picture.boot.stages:
        change = changes.get(stage.name)
        figures = {
            "START": _seconds(stage.start, exact=stage.start_exact),
            "TOOK": _took(stage, picture.elapsed),
            "BEFORE": _before(stage, change),
        }
        word = "late" if stage.name in late else _word(change)
        colour = "$text-warning" if word in {"late", "slower"} else "$text-primary"
        lines.append(
            Content.assemble(
                f"{stage.name:<{_NAME}}",
                (_bar(stage, scale, picture), colour),
                "".join(f"{figures[column]:>{_FIGURE}}" for column in columns),
                (f" {word}" if word and note else "", "$text-warning" if word != "new" else "$text-accent"),
            )
        )
    for change in changes.values():
        if change.change is Change.MISSING and change.name is not StageName.SHUTDOWN:
            figures = {"START": UNKNOWN, "TOOK": UNKNOWN, "BEFORE": _seconds(change.before)}
            text = f"{change.name:<{_NAME}}{' ' * bar}" + "".join(f"{figures[column]:>{_FIGURE}}" for column in columns)
            lines.append(Content.assemble((text, "$foreground 60%"), (f" {missing}" if note else "", "$text-warning")))
    lines += [
        Content.styled(f"{each.name}: {each.elapsed:.0f} s, usually {each.usual:.0f} s", "$text-warning")
        for each in picture.late
    ]
    return Content("\n").join(lines)


def _scale(picture: Picture, cells: int) -> _Scale:
    starts = [stage.start for stage in picture.boot.stages if stage.start is not None]
    ends = [stage.start + (stage.duration or 0.0) for stage in picture.boot.stages if stage.start is not None]
    ends += [failure.at for failure in picture.boot.failures if failure.at is not None]
    if picture.elapsed is not None and any(stage.running for stage in picture.boot.stages):
        ends.append(picture.elapsed)
    start = min(0.0, *starts) if starts else 0.0
    return _Scale(start, max([start + 1.0, *ends]), cells)


def _bar(stage: Stage, scale: _Scale, picture: Picture) -> str:
    """A stage's bar: full where its time is known, open at the end while it runs, a point where it has no length."""
    if stage.start is None:
        return " " * scale.cells
    first = scale.cell(stage.start)
    if stage.running:
        last = scale.cell(scale.end if picture.elapsed is None else picture.elapsed)
        body = "▒" * (last - first) + ("▶" if picture.beat else "▷")
    elif stage.duration is None:
        body = "?"
    elif stage.duration == 0:
        body = "◆"
    else:
        body = "█" * max(1, scale.cell(stage.start + stage.duration) - first + 1)
    return f"{' ' * first}{body}".ljust(scale.cells)[: scale.cells]


def _marks(failures: Sequence[Failure], scale: _Scale) -> str:
    """The numbers of the failures where they happened, `+` where several meet."""
    cells = [" "] * scale.cells
    for number, failure in enumerate(failures, start=1):
        if failure.at is not None:
            place = scale.cell(failure.at)
            cells[place] = "+" if cells[place] != " " else (str(number) if number <= 9 else "▲")
    return "".join(cells)


def _word(change: StageChange | None) -> str:
    if change is None or change.change in {Change.SAME, Change.UNKNOWN}:
        return ""
    return str(change.change)


def _before(stage: Stage, change: StageChange | None) -> str:
    if stage.name is StageName.LOGIN_PROMPT:
        return ""
    return UNKNOWN if change is None else _seconds(change.before)


def _took(stage: Stage, elapsed: float | None) -> str:
    if stage.name is StageName.LOGIN_PROMPT:
        return ""
    if not stage.running:
        return _seconds(stage.duration, exact=stage.duration_exact)
    if elapsed is None or stage.start is None:
        return "runs"
    return f"{max(0.0, elapsed - stage.start):.0f} s…"


def _seconds(value: float | None, *, exact: bool = True) -> str:
    return UNKNOWN if value is None else f"{'' if exact else '~'}{value:.1f} s"
