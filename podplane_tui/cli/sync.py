"""The verb `sync`: copy files into a machine, once or for as long as they change."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.format import count
from podplane_tui.backend.sync.copy import SyncPreview
from podplane_tui.backend.sync.output import ChangeKind
from podplane_tui.backend.sync.rsync import SyncRequest
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.remembered import read_settings, remember_sync
from podplane_tui.cli.context import Choices
from podplane_tui.cli.options import pass_choices, place_options
from podplane_tui.cli.progress import run_verb
from podplane_tui.cli.target import cluster_of


@click.command()
@click.argument("source", metavar="[FROM", required=False)
@click.argument("destination", metavar="TO]", required=False)
@click.option("--chown", default="", metavar="USER:GROUP", help="Who owns the files in the machine.")
@click.option("--exclude", "excludes", multiple=True, metavar="PATTERN", help="Leave these out; may be given often.")
@click.option("--gitignore", is_flag=True, help="Leave out what the .gitignore files in the tree name.")
@click.option("--delete", is_flag=True, help="Delete over there what is not here, after listing it.")
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be copied and deleted, and do nothing.")
@click.option("-w", "--watch", is_flag=True, help="Go on: copy every change within a second, until Ctrl-C.")
@place_options
@pass_choices
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
    dry_run: bool,
    watch: bool,
) -> None:
    """Copy files into a machine with rsync, as root there.

    FROM/ with a slash is what is in it. Without FROM and TO the machine's latest copy is done again as it was, except
    that nothing is deleted unless asked for.

    \b
    Example: podplane-tui sync --id dev --watch ./app/ /opt/app/
    """
    if source is not None and destination is None:
        raise click.UsageError("say where in the machine it goes: sync FROM TO")
    cluster = cluster_of(choices)
    if source is not None and destination is not None:
        request = SyncRequest(source, destination, chown, excludes, delete, gitignore)
    else:
        request = _latest(cluster, chown, excludes, gitignore=gitignore, delete=delete)
    if dry_run:
        preview = run_verb(lambda control: cluster.preview_sync(request, control=control))
        click.echo("".join(f"{line}\n" for line in _lines(preview)), nl=False)
        click.echo(_summary(preview), err=True)
        return
    if request.delete and not yes:
        _ask(run_verb(lambda control: cluster.preview_sync(request, control=control)))
    remember_sync(cluster.files, request)
    if watch:
        click.echo(f"watching {request.source}; Ctrl-C ends", err=True)
        run_verb(lambda control: cluster.watch_sync(request, control=control), echo=True)
    else:
        run_verb(lambda control: cluster.sync(request, control=control), echo=True)


def _latest(cluster: Cluster, chown: str, excludes: tuple[str, ...], *, gitignore: bool, delete: bool) -> SyncRequest:
    """The machine's latest copy, with what is asked for this time."""
    syncs = read_settings(cluster.files).syncs
    if not syncs:
        raise InvalidInput(
            f"nothing was copied into {cluster.files.name} from here yet",
            hint="name what to copy and where to: sync FROM TO",
        )
    last = syncs[0]
    click.echo(f"again: {last.source} -> {last.destination}", err=True)
    return SyncRequest(
        last.source,
        last.destination,
        chown or last.chown,
        excludes or last.excludes,
        delete,
        gitignore or last.gitignore,
    )


def _ask(preview: SyncPreview) -> None:
    """List what would be deleted and ask. Nothing to delete is no question."""
    number = preview.counts[ChangeKind.DELETED]
    if not number:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{count(number, 'path')} would be deleted and there is nobody to ask: give --yes")
    click.echo("".join(f"  {change.path}\n" for change in preview.deletions), nl=False)
    if not click.confirm(f"Delete {count(number, 'path')} in the machine for good?", default=False):
        raise click.ClickException("nothing was copied and nothing deleted")


def _lines(preview: SyncPreview) -> Iterator[str]:
    for change in (*preview.deletions, *preview.changes):
        yield f"{change.kind:<10}  {change.path}"


def _summary(preview: SyncPreview) -> str:
    counts = [f"{number:,} {kind}" for kind, number in preview.counts.items() if number]
    return "would be: " + ", ".join(counts) if counts else "everything is up to date"
