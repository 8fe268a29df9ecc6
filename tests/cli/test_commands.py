"""The table of verbs: each is found, explains itself, and loads no more than it needs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence

import click
import pytest

from podplane_tui.cli.commands import VERBS, cli
from tests.cli.support import run
from tests.conftest import Workspace


@pytest.mark.slow
def test_help_names_every_verb(workspace: Workspace) -> None:
    result = run(workspace, "--help")
    assert result.returncode == 0
    for verb in VERBS:
        assert re.search(rf"^  {verb} +\S", result.stdout, re.MULTILINE), verb


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_the_shared_options(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert command.name == verb
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--id", "--data-dir", "--runtime-dir", "--arch"} <= options
    assert command.get_short_help_str()


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example_that_works(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    examples = re.findall(rf"podplane-tui ({verb}\b[^|)\n>]*)", command.help or "")
    assert examples
    words = shlex.split(examples[-1])
    parent = click.Context(cli, info_name="podplane-tui")
    context = command.make_context(verb, words[1:], parent=parent)
    if isinstance(command, click.Group):
        name, subcommand, rest = command.resolve_command(context, words[1:])
        assert subcommand is not None
        subcommand.make_context(name, rest, parent=context)


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("list", {"--json"}),
        ("status", {"--json"}),
        ("create", {"--image"}),
        ("start", {"-c", "--cpus", "-m", "--memory", "--user-data", "--kernel", "--initrd", "--cmdline", "--accel"}),
        ("start", {"--monitor", "--console"}),
        ("stop", {"--rm", "--timeout", "--force"}),
        ("delete", {"--yes"}),
        ("sync", {"--chown", "--exclude"}),
        ("repair", {"--yes", "--leaks"}),
        ("doctor", {"--json"}),
        ("demo", {"--kernel", "--initrd", "--cmdline"}),
    ],
)
def test_each_verb_has_its_own_options(verb: str, options: set[str]) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert options <= {option for parameter in command.params for option in parameter.opts}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--version"], ["podplane_tui.backend", "textual", "psutil", "asyncio"]),
        (["list"], ["textual", "rich", "paramiko", "pyte"]),
        (["status"], ["textual", "rich", "paramiko", "pyte"]),
        (["doctor"], ["textual", "rich", "paramiko", "pyte"]),
        (["completion", "bash"], ["textual", "rich", "paramiko", "pyte", "asyncio", "psutil"]),
        (["stop"], ["textual", "rich", "pyte"]),
    ],
)
def test_a_verb_loads_only_what_it_needs(workspace: Workspace, arguments: list[str], absent: Sequence[str]) -> None:
    code = (
        "import sys; from podplane_tui.cli import run; run(sys.argv[2:]);"
        "print([name for name in sys.argv[1].split(',') if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, ",".join(absent), *arguments],
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stderr.splitlines()[-1] == "[]"


def test_what_is_no_verb_is_no_command() -> None:
    context = click.Context(cli)
    assert [cli.get_command(context, name) for name in ("", "inspect", "list_machines", "START")] == [None] * 4


@pytest.mark.parametrize(
    ("begun", "offered"),
    [("sta", ["status", "start"]), ("se", ["set", "server", "serve"]), ("x", []), ("--ver", ["--version"])],
)
def test_verbs_are_completed_in_the_order_of_the_table(begun: str, offered: list[str]) -> None:
    assert [item.value for item in cli.shell_complete(click.Context(cli), begun)] == offered
