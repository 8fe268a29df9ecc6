"""`doctor`: what this host has, lacks, and what to install."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.doctor import Check, Status, examine
from podplane_tui.cli.context import Choices
from podplane_tui.cli.directories import directories_of, place_of
from podplane_tui.cli.errors import FAILED
from podplane_tui.cli.json_output import print_document
from podplane_tui.cli.options import json_option, pass_choices, place_options

_MARKS = {Status.OK: "ok", Status.WARN: "warn", Status.FAIL: "FAIL"}


@click.command()
@json_option
@place_options
@pass_choices
def doctor(choices: Choices, *, as_json: bool) -> int:
    """Check programs, accelerator, firmware, directories and keys.

    Ends with 1 when something fails that machines can't do without.

    \b
    Example: podplane-tui doctor --json
    """
    checks = examine(directories_of(choices), arch=place_of(choices).arch, environ=os.environ)
    if as_json:
        print_document({"checks": [_describe(check) for check in checks]})
    else:
        click.echo(_text(checks))
    return FAILED if any(check.status is Status.FAIL for check in checks) else 0


def _describe(check: Check) -> dict[str, str]:
    return {
        "group": check.group,
        "name": check.name,
        "status": check.status.value,
        "detail": check.detail,
        "hint": check.advice,
    }


def _text(checks: Sequence[Check]) -> str:
    width = max(len(check.name) for check in checks)
    lines: list[str] = []
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            lines += ["", group] if lines else [group]
        lines.append(f"  {_MARKS[check.status]:<4}  {check.name:<{width}}  {one_line(check.detail)}")
        if check.advice:
            lines.append(f"        {'':<{width}}  → {one_line(check.advice)}")
    return "\n".join(lines)
