"""The verbs as the dashboard speaks of them: by the key that asks for each."""

from __future__ import annotations

from collections.abc import Callable

from podplane_tui.backend.core.status import VMStatus
from podplane_tui.backend.vm.verbs import Refusal, Verb, refusal

KeyNamer = Callable[[str], str]
"""Gives the name of the key of the binding with this id, as sentences name it: `s`, `Ctrl-F`."""

_SHARED_KEYS = {Verb.RESUME: "vm.pause", Verb.SERVER: "server.start"}


def binding_id(verb: Verb) -> str:
    """The id of the binding whose key asks for `verb`."""
    return _SHARED_KEYS.get(verb, f"vm.{verb}")


def why_not(verb: Verb, vm: VMStatus, key: KeyNamer) -> str:
    """Why `verb` can't be done to this VM as it was last seen, with the key of what helps; "" when it can."""
    refused = refusal(verb, vm)
    return "" if refused is None else words(refused, key)


def words(refused: Refusal, key: KeyNamer) -> str:
    """A refusal in one line: as the command line has it, and the key of what it advises."""
    return str(refused._replace(hint=hint(refused, key)).error)


def hint(refused: Refusal, key: KeyNamer) -> str:
    """What a refusal advises, with the key for it."""
    return refused.hint if refused.remedy is None else f"{refused.hint} ({key(binding_id(refused.remedy))})"
