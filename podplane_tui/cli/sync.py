"""The verb `sync`: copy files into a VM, once or for as long as they change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import click

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.format import count
from podplane_tui.backend.sync.copy import SyncPreview
from podplane_tui.backend.sync.destination import in_system_directory
from podplane_tui.backend.sync.output import ChangeKind
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.sync.source import is_empty
from podplane_tui.backend.vm.remembered import read_settings
from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.cli.acting import Act, acting_command
from podplane_tui.cli.context import Choices


@acting_command(Verb.SYNC)
@click.argument("source", metavar="[FROM", required=False)
@click.argument("destination", metavar="TO]", required=False)
@click.option("--chown", default="", metavar="USER:GROUP", help="Who owns the files in the VM.")
@click.option("--exclude", "excludes", multiple=True, metavar="PATTERN", help="Leave these out; may be given often.")
@click.option("--gitignore", is_flag=True, help="Leave out what the .gitignore files in the tree name.")
@click.option("--delete", is_flag=True, help="Delete over there what is not here, after listing it.")
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@click.option(
    "--force",
    is_flag=True,
    help="Delete also in directories of the VM's system, and without a question when the source is empty.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be copied and deleted, and do nothing.")
@click.option("-w", "--watch", is_flag=True, help="Go on: copy every change within a second, until Ctrl-C.")
def sync(
    choices: Choices,
    *,
    source: str | None,
    destination: str | None,
    chown: str,
    excludes: tuple[str, ...],
    gitignore: bool,
    delete: bool,
    yes: bool,
    force: bool,
    dry_run: bool,
    watch: bool,
) -> None:
    """rsync runs as root in the VM. FROM/ with a slash is what is in it.

    Without FROM and TO the VM's latest copy is done again as it was, except that nothing is deleted unless asked for.

    \b
    Example: podplane-tui sync --id dev --watch ./app/ /opt/app/
    """
    if source is not None and destination is None:
        raise click.UsageError("say where in the VM it goes: sync FROM TO")
    act = Act(choices, Verb.SYNC)
    if source is not None and destination is not None:
        request = SyncRequest(source, destination, chown, excludes, delete, gitignore, force)
    else:
        request = replace(_latest(act, chown, excludes, gitignore=gitignore, delete=delete), force=force)
    if dry_run:
        preview = act.run(lambda control: act.cluster.preview_sync(request, control=control))
        _tell(act, request, preview)
        return
    if request.delete and yes and not force and is_empty(request.source):
        raise InvalidInput(
            f"{request.source} is empty, so --delete would empty the copy in the VM",
            hint="check whether it is mounted; --force empties the copy",
        )
    if request.delete and not yes:
        _ask(act, act.run(lambda control: act.cluster.preview_sync(request, control=control)))
    if watch:
        act.note(f"watching {request.source}; Ctrl-C ends")
        act.run(lambda control: act.cluster.watch_sync(request, control=control), echo=True, asks=True)
    else:
        act.run(lambda control: act.cluster.sync(request, control=control), echo=True)
    if act.as_json:  # people have read every line already
        act.done(_headline(request), source=request.source, destination=request.destination)


def _headline(request: SyncRequest) -> str:
    return f"{request.source} -> {request.destination}"


def _latest(act: Act, chown: str, excludes: tuple[str, ...], *, gitignore: bool, delete: bool) -> SyncRequest:
    """The VM's latest copy, with what is asked for this time."""
    syncs = read_settings(act.cluster.files).syncs
    if not syncs:
        raise InvalidInput(
            f"nothing was copied into {act.name} from here yet",
            hint="name what to copy and where to: sync FROM TO",
        )
    last = syncs[0]
    act.note(f"again: {_headline(last)}")
    return SyncRequest(
        last.source,
        last.destination,
        chown or last.chown,
        excludes or last.excludes,
        delete,
        gitignore or last.gitignore,
    )


def _ask(act: Act, preview: SyncPreview) -> None:
    """List what would be deleted and ask. Nothing to delete is no question."""
    if preview.system:
        raise in_system_directory(preview.system)
    number = preview.counts[ChangeKind.DELETED]
    if number:
        act.confirm(
            f"Delete {count(number, 'path')} in the VM for good?",
            yes=False,
            declined="nothing was copied and nothing deleted",
            listed=[f"  {change.path}" for change in preview.deletions],
            unasked=f"{count(number, 'path')} would be deleted and there is nobody to ask",
        )


def _tell(act: Act, request: SyncRequest, preview: SyncPreview) -> None:
    if not act.as_json:
        click.echo("".join(f"{line}\n" for line in _lines(preview)), nl=False)
        act.note(_summary(preview))
        if preview.system:
            act.note(str(in_system_directory(preview.system)))
        return
    changes = [{"change": str(each.kind), "path": each.path} for each in (*preview.deletions, *preview.changes)]
    act.done(_summary(preview), source=request.source, destination=request.destination, changes=changes)


def _lines(preview: SyncPreview) -> Iterator[str]:
    for change in (*preview.deletions, *preview.changes):
        yield f"{change.kind:<10}  {change.path}"


def _summary(preview: SyncPreview) -> str:
    counts = [f"{number:,} {kind}" for kind, number in preview.counts.items() if number]
    return "would be: " + ", ".join(counts) if counts else "everything is up to date"
