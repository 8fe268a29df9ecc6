"""The verbs about what a machine's console has printed: `logs` and `boot`."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice

import click

from podplane_tui.backend.boot.compare import Overdue, StageChange, compare, usual
from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.rules import StageName
from podplane_tui.backend.console.text import PlainText
from podplane_tui.backend.core.errors import CorruptFile, VMNotFound
from podplane_tui.backend.core.format import UNKNOWN, format_size
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.file import Chunk, RecordingReader, follow
from podplane_tui.backend.recording.history import RecordedBoot
from podplane_tui.backend.recording.host_keys import learn
from podplane_tui.backend.recording.store import HowEnded, Recording, boots_in, keep_within, past_boots, recordings
from podplane_tui.cli.context import Choices
from podplane_tui.cli.errors import INTERRUPTED, complain
from podplane_tui.cli.inspect import iso_time
from podplane_tui.cli.json_output import print_document
from podplane_tui.cli.options import json_option, pass_choices, place_options
from podplane_tui.cli.signals import unwound
from podplane_tui.cli.target import cluster_of

_HISTORY = 20
"""Boots that are looked through for what is usual."""

_TRIM_INTERVAL = 10.0
"""Seconds between two looks at the size of a recording that is followed."""

_HOW = {
    HowEnded.POWERDOWN: "powered off",
    HowEnded.TERMINATE: "ended with SIGTERM",
    HowEnded.KILL: "ended with SIGKILL",
    HowEnded.GONE: "ended by itself",
}


@click.command()
@click.option("-f", "--follow", "following", is_flag=True, help="Go on as the machine prints, until it ends.")
@click.option(
    "--boot",
    "back",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only one boot: 0 is the newest, 1 the one before [default: all of the newest recording].",
)
@click.option("--list", "listing", is_flag=True, help="List the recordings.")
@click.option("--raw", is_flag=True, help="Print the bytes as they were recorded, escape sequences and all.")
@place_options
@pass_choices
def logs(choices: Choices, *, following: bool, back: int | None, listing: bool, raw: bool) -> int:
    """Print what a machine's console has printed.

    Colours stay on a terminal; everything else that is no text is left out.

    \b
    Example: podplane-tui logs --id dev --follow
    """
    if following and (back or listing):
        raise click.UsageError("--follow goes with the newest boot only: leave --list and --boot out")
    files = cluster_of(choices).files
    found = recordings(files)
    if not found:
        raise _nothing(files)
    if listing:
        click.echo(_list(found))
        return 0
    recording, start, end = found[0], 0, None
    if back is not None:
        recording, start, end = _extent(files, back)
    try:
        with unwound():
            if following and recording.live:
                _print(_follow(files, recording, start), raw=raw)
            else:
                _print(_read(recording, start, end), raw=raw)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _nothing(files: VMFiles) -> VMNotFound:
    return VMNotFound(
        f"there is no recording of {files.name}",
        hint="start it with podplane-tui, or attach to its console, to have it recorded",
    )


def _extent(files: VMFiles, back: int) -> tuple[Recording, int, int | None]:
    """The recording of the boot that is `back` before the newest, and where in it the boot begins and ends."""
    newer: tuple[Recording, Boot] | None = None
    for number, (recording, boot) in enumerate(past_boots(files)):
        if number == back:
            same = newer is not None and newer[0].path == recording.path
            return recording, boot.offset, newer[1].offset if newer is not None and same else None
        newer = recording, boot
    raise VMNotFound(
        f"there is no boot {back} of {files.name} on record", hint="list the recordings with podplane-tui logs --list"
    )


def _read(recording: Recording, start: int, end: int | None) -> Iterator[Chunk]:
    with RecordingReader(recording.path, start) as reader:
        while (chunk := reader.read()) is not None:
            if end is not None and chunk.offset + len(chunk.data) >= end:
                yield Chunk(chunk.offset, chunk.data[: max(0, end - chunk.offset)])
                return
            yield chunk


def _follow(files: VMFiles, recording: Recording, start: int) -> Iterator[Chunk]:
    looked = time.monotonic()
    for chunk in follow(
        recording.path, offset=start, ended=lambda: not recording.still_live(), cancel=threading.Event()
    ):
        yield chunk
        if time.monotonic() - looked > _TRIM_INTERVAL:
            looked = time.monotonic()
            for line in keep_within(files):
                complain(line)


def _print(chunks: Iterator[Chunk], *, raw: bool) -> None:
    text, expected = PlainText(colours=sys.stdout.isatty()), None
    try:
        for chunk in chunks:
            if raw:
                sys.stdout.buffer.write(chunk.data)
            else:
                if expected is not None and chunk.offset > expected:
                    sys.stdout.write(f"{text.end()}\n[{chunk.offset - expected} bytes were not kept]\n")
                sys.stdout.write(text.feed(chunk.data))
            sys.stdout.flush()
            expected = chunk.offset + len(chunk.data)
    finally:
        if not raw:  # also at Ctrl-C: no colour of the guest stays
            sys.stdout.write(text.end())
            sys.stdout.flush()


def _list(found: Sequence[Recording]) -> str:
    rows = [("STARTED", "ENDED", "HOW", "BOOTS", "SIZE", "FROM")]
    for recording in found:
        boots = len(boots_in(recording)) if recording.boots is None else recording.boots
        rows.append(
            (
                iso_time(recording.started_at) or UNKNOWN,
                "still runs" if recording.live else iso_time(recording.ended_at) or UNKNOWN,
                UNKNOWN if recording.how_ended is None else _HOW[recording.how_ended],
                str(boots),
                format_size(recording.size),
                "power-on" if recording.complete_from_power_on else "attaching",
            )
        )
    return _columns(rows)


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


@click.command()
@json_option
@click.option(
    "--compare",
    "back",
    type=click.IntRange(min=1),
    metavar="N",
    help="Beside the boot N before it [default: beside what is usual in the last good boots].",
)
@place_options
@pass_choices
def boot(choices: Choices, *, as_json: bool, back: int | None) -> None:
    """Show the stages of a machine's newest boot, how long they took, and what failed.

    \b
    Example: podplane-tui boot --id dev --json
    """
    files = cluster_of(choices).files
    history = list(islice(past_boots(files), max(_HISTORY, (back or 0) + 1)))
    if not history:
        if recordings(files):
            raise VMNotFound(f"the console of {files.name} has shown no boot yet", hint="wait a moment, then try again")
        raise _nothing(files)
    (recording, newest), earlier = history[0], [past for _, past in history[1:]]
    if back is not None and back >= len(history):
        raise VMNotFound(
            f"there is no boot {back} before the newest of {files.name} on record",
            hint="list the recordings with podplane-tui logs --list",
        )
    with contextlib.suppress(OSError, CorruptFile):
        learn(files, recording.path, from_power_on=recording.power_on is not None)
    changes = None if back is None else compare(newest, history[back][1])
    normal = {stage.name: usual(stage.name, earlier) for stage in newest.stages}
    shown = RecordedBoot(recording, newest, recording.live and not newest.ended)
    late = shown.overdue(earlier, time.time())
    if as_json:
        print_document(_describe(files, shown, normal, changes, late))
    else:
        click.echo(_text(newest, normal, changes, late))


def _text(
    newest: Boot,
    normal: dict[StageName, float | None],
    changes: Sequence[StageChange] | None,
    late: Sequence[Overdue],
) -> str:
    rows = [["STAGE", "START", "TOOK", "USUALLY" if changes is None else "BEFORE", "" if changes is None else "CHANGE"]]
    stages = {stage.name: stage for stage in newest.stages}
    for stage in newest.stages:
        took = "runs" if stage.running else _seconds(stage.duration, exact=stage.duration_exact)
        rows.append(
            [stage.name, _seconds(stage.start, exact=stage.start_exact), took, _seconds(normal[stage.name]), ""]
        )
    if changes is not None:
        for row, change in zip(rows[1:], changes, strict=False):
            row[3:] = [_seconds(change.before), change.change]
        missing = (change for change in changes if change.name not in stages)
        rows += [[change.name, UNKNOWN, UNKNOWN, _seconds(change.before), change.change] for change in missing]
    parts = [_columns(rows) if len(rows) > 1 else "no stage of this boot is known"]
    parts += [f"{each.name}: {each.elapsed:.0f} s so far, usually {each.usual:.0f} s" for each in late]
    if newest.failures:
        parts.append(_columns([("LINE", "FAILURE", "")] + [(str(f.line), f.kind, f.text) for f in newest.failures]))
    if newest.more_failures:
        parts.append(f"and {newest.more_failures} more failures")
    return "\n".join(parts)


def _seconds(value: float | None, *, exact: bool = True) -> str:
    return UNKNOWN if value is None else f"{'' if exact else '~'}{value:.1f} s"


def _describe(
    files: VMFiles,
    shown: RecordedBoot,
    normal: dict[StageName, float | None],
    changes: Sequence[StageChange] | None,
    late: Sequence[Overdue],
) -> dict[str, object]:
    """A boot as `--json` prints it. `json_output.md` describes the fields."""
    recording, boot = shown.recording, shown.boot
    return {
        "id": files.cluster_id,
        "arch": files.arch,
        "recording": {
            "path": str(recording.path),
            "started_at": iso_time(recording.started_at),
            "live": recording.live,
            "complete_from_power_on": recording.complete_from_power_on,
        },
        "number": boot.number,
        "started_at": iso_time(shown.began_at),
        "good": boot.good,
        "ended": boot.ended or None,
        "stages": [
            {
                "name": stage.name,
                "start_seconds": stage.start,
                "start_exact": stage.start_exact,
                "duration_seconds": stage.duration,
                "duration_exact": stage.duration_exact,
                "usual_seconds": normal[stage.name],
                "running": stage.running,
                "line": stage.line,
                "offset_bytes": stage.offset,
            }
            for stage in boot.stages
        ],
        "failures": [
            {
                "kind": each.kind,
                "text": each.text,
                "at_seconds": each.at,
                "line": each.line,
                "offset_bytes": each.offset,
            }
            for each in boot.failures
        ],
        "more_failures": boot.more_failures,
        "overdue": [
            {"name": each.name, "elapsed_seconds": round(each.elapsed, 1), "usual_seconds": each.usual} for each in late
        ],
        "changes": None
        if changes is None
        else [
            {
                "name": each.name,
                "change": each.change,
                "duration_seconds": each.duration,
                "before_seconds": each.before,
            }
            for each in changes
        ],
        "host_keys": list(boot.host_keys),
    }
