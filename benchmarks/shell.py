"""From a key to the first prompt of a shell: the dashboard's Shell tab beside bare ssh.

    python -m benchmarks.shell [--rounds 7]

Both log in at the same real OpenSSH server on this host, in pseudo-terminals, in turns. Ours is a dashboard in use, in
front of the Shell tab of a stand-in machine whose SSH port is that server's; the key is `3`. Every round is a new
dashboard: the login counts each time. The target is a median of the ratios of at most 1.2. Exit status 1 when it is
missed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from statistics import median
from time import perf_counter, sleep

from benchmarks import report
from benchmarks.dashboard.measures import PROGRAM, SETTLE, SIZE
from benchmarks.result import AtMost, Result
from benchmarks.screen import Screen
from benchmarks.world import world
from podplane_tui.backend.ssh.client import SSHTarget, ssh_arguments
from podplane_tui.backend.ssh.known_hosts import trust
from podplane_tui.backend.vm.remembered import update_settings
from tests.backend.ssh.sshd import serve

PROMPT = "prompt-is-there:"
SHELL = f"env PS1={PROMPT} ENV= sh -i"
"""A shell whose prompt is known, and which reads no files of this user's."""

TARGET = AtMost(1.2, 1.0)


def bare(target: SSHTarget, variables: Mapping[str, str]) -> float:
    """Seconds until OpenSSH shows the prompt."""
    with Screen(ssh_arguments(target), size=SIZE, variables=variables) as screen:
        screen.expect(PROMPT, fresh=False)
        return screen.painted() - screen.started


def ours(variables: Mapping[str, str]) -> float:
    """Seconds from the key until the dashboard has painted the prompt."""
    with Screen(PROGRAM, size=SIZE, variables=variables) as screen:
        screen.expect("vm-000", fresh=False)
        screen.painted()
        screen.expect("Press 3 for a shell")
        screen.type("3")
        screen.painted()
        sleep(SETTLE)
        screen.expect(PROMPT)
        pressed = perf_counter()
        screen.type("3")
        return screen.painted() - pressed


def measure(rounds: int) -> Result:
    """The line of the table."""
    seconds: dict[str, list[float]] = {"ours": [], "ssh": []}
    with serve(command=SHELL) as server, world(running=1, stopped=0, ssh_port=server.target.port) as made:
        (machine,) = made.machines
        machine.identity.parent.mkdir()
        shutil.copy(server.target.identity_file, machine.identity)
        update_settings(machine, user=server.target.user)
        trust(machine.known_hosts, machine.stem, server.host_key)  # it is not the stand-in for QEMU that listens
        for number in range(rounds + 1):
            found = {"ssh": bare(server.target, made.variables), "ours": ours(made.variables)}
            if number:  # the first round fills the caches
                for name, value in found.items():
                    seconds[name].append(value)
    ratio = median(mine / theirs for mine, theirs in zip(seconds["ours"], seconds["ssh"], strict=True))
    detail = {name: round(median(values), 4) for name, values in seconds.items()}
    note = ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in detail.items())
    return Result("key to first shell prompt", "ssh", ratio, TARGET, note=note, detail=detail)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shell", description="A shell's first prompt.")
    parser.add_argument("--quick", action="store_true", help="a smoke version")
    parser.add_argument("--rounds", type=int, help="how often [default: 7]")
    options = parser.parse_args(arguments)
    results = [measure(options.rounds or (3 if options.quick else 7))]
    return report.conclude("shell", results, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
