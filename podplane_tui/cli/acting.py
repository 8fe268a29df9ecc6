"""What every verb that does something has in common: its help, its options, its questions, how it tells its result."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import TypeVar

import click

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import AlreadyRunning, NotRunning
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.verbs import VERBS, Verb
from podplane_tui.cli.context import Choices
from podplane_tui.cli.json_output import json_line
from podplane_tui.cli.options import json_option, pass_choices, place_options
from podplane_tui.cli.progress import JSONLines, StatusLine, run_verb
from podplane_tui.cli.target import cluster_of

_Result = TypeVar("_Result")


class Act:
    """One verb on the chosen VM, as text or as JSON lines. `verb` is None for what only the command line offers."""

    def __init__(self, choices: Choices, verb: Verb | None = None) -> None:
        self._choices = choices
        self._verb = verb
        self.cluster: Cluster = cluster_of(choices)

    @property
    def name(self) -> str:
        """The VM's name in sentences."""
        return self.cluster.files.name

    @property
    def as_json(self) -> bool:
        """Whether JSON lines are asked for."""
        return self._choices.as_json

    def run(
        self, work: Callable[[Control], _Result], *, skips: bool = False, echo: bool = False, asks: bool = False
    ) -> _Result:
        """Do it; see `run_verb`. With `echo` its steps are what is wanted to be read, on stdout.

        With `asks` it may ask the user, where there is one. What the VM's state forbids is refused in the words that
        the dashboard has for it.
        """
        output = JSONLines(echo=echo) if self.as_json else StatusLine(sys.stderr, echo=echo)
        try:
            asks = asks and not self.as_json and sys.stdin.isatty()
            return run_verb(work, output=output, skips=skips, asks=asks)
        except (AlreadyRunning, NotRunning):
            if self._verb is not None and VERBS[self._verb].about_vm:
                self.check_state()
            raise

    def check_state(self) -> None:
        """Raise the reason why the VM's state forbids the verb, if it does."""
        refused = None if self._verb is None else self.cluster.refusal(self._verb)
        if refused is not None:
            raise refused.error

    def show(self, lines: Iterable[str]) -> None:
        """Lines that people read before a question or a result."""
        if not self.as_json:
            click.echo("\n".join(lines))

    def confirm_chain(self) -> None:
        """With --allow-backing-chain: show and confirm the files that the VM's disk makes QEMU read."""
        if self._choices.allow_backing_chain and (chain := self.cluster.unconfirmed_chain()):
            self.note(f"the guest can read {', '.join(chain)}")
            self.cluster.confirm_chain(chain)

    def note(self, text: str) -> None:
        """A line on stderr for people."""
        if not self.as_json:
            click.echo(text, err=True)

    def confirm(
        self,
        question: str,
        *,
        yes: bool,
        declined: str,
        listed: Iterable[str] = (),
        unasked: str = "there is nobody to ask",
    ) -> None:
        """Ask, after what is `listed`, unless `yes` was given. Raises `click.ClickException` when the answer is no."""
        if not yes and (self.as_json or not sys.stdin.isatty()):
            raise click.UsageError(f"{unasked}: give --yes to do it without a question")
        if lines := list(listed):
            self.show(lines)
        if not yes and not click.confirm(one_line(question), default=False):
            raise click.ClickException(declined)

    def done(self, message: str, *, lines: Iterable[str] = (), **fields: object) -> None:
        """Tell the result: for people the message, or the clean `lines` that say more; in JSON it and `fields`."""
        message = one_line(message, limit=4000)
        if not self.as_json:
            click.echo("\n".join(lines) or message)
            return
        files = self.cluster.files
        about = {"verb": _words(), "id": files.cluster_id, "arch": files.arch, "message": message}
        click.echo(json_line({"result": {**about, **fields}}))


def _words() -> str:
    """The verb as it was typed, without the program and its options: `snapshot take`."""
    return click.get_current_context().command_path.partition(" ")[2]


_SHARED = frozenset(field.name for field in fields(Choices)) - {"force", "allow_backing_chain"} | {
    "insecure_directories"
}
"""The options of every verb."""


def acting_command(verb: Verb | str, help_text: str = "") -> Callable[[Callable[..., object]], click.Command]:
    """Make a function the command of a verb: it gets `Choices` and its own options, and `--json` is among them.

    Of a verb in the table the help begins with the table's words, else with `help_text`; the docstring follows.
    """
    first = VERBS[verb].help if isinstance(verb, Verb) else help_text

    def decorate(function: Callable[..., object]) -> click.Command:
        @functools.wraps(function)
        def command(*arguments: object, as_json: bool, **options: object) -> object:
            del as_json  # it stands in the choices
            return function(*arguments, **options)

        rest = inspect.cleandoc(function.__doc__ or "")
        made = click.command(str(verb), help=f"{first}.\n\n{rest}")(json_option(place_options(pass_choices(command))))
        made.params.sort(key=lambda parameter: parameter.name in _SHARED)  # a verb's own options come first
        return made

    return decorate
