"""The verbs that act on a running VM through QEMU: `pause`, `resume`, `reset`."""

from __future__ import annotations

from podplane_tui.backend.vm.verbs import Verb
from podplane_tui.cli.acting import Act, acting_command
from podplane_tui.cli.context import Choices


@acting_command(Verb.PAUSE)
def pause(choices: Choices) -> None:
    """\b
    Example: podplane-tui pause --id dev
    """
    act = Act(choices, Verb.PAUSE)
    changed = act.run(lambda control: act.cluster.pause(control=control))
    act.done(f"{act.name} is paused" if changed else f"{act.name} was paused already")


@acting_command(Verb.RESUME)
def resume(choices: Choices) -> None:
    """\b
    Example: podplane-tui resume --id dev
    """
    act = Act(choices, Verb.RESUME)
    changed = act.run(lambda control: act.cluster.resume(control=control))
    act.done(f"{act.name} was resumed" if changed else f"{act.name} was running already")


@acting_command(Verb.RESET)
def reset(choices: Choices) -> None:
    """The guest restarts at once: what it has not saved is lost.

    \b
    Example: podplane-tui reset --id dev
    """
    act = Act(choices, Verb.RESET)
    act.run(lambda control: act.cluster.reset(control=control))
    act.done(f"{act.name} was reset")
