"""One verb in a program of its own, to be killed or raced: `python -m tests.faults.driver DATA RUNTIME ID VERB …`.

Prints a line for every step as it begins, and `done` or `refused: …` at the end. With `wait` as a last word it waits
for a line of input before the verb begins.
"""

from __future__ import annotations

import sys
from pathlib import Path

from podplane_tui.backend import Cluster, Control, StartSpec, StopTimeouts, VMError
from podplane_tui.backend.vm.create import EMPTY_DISK


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(data: str, runtime: str, cluster_id: str, verb: str, *options: str) -> None:
    cluster = Cluster(data_dir=Path(data), runtime_dir=Path(runtime), cluster_id=cluster_id, arch="amd64")
    control = Control(report=say)
    say("ready")
    if "wait" in options:
        sys.stdin.readline()
    try:
        match verb:
            case "create":
                cluster.create(EMPTY_DISK, control=control)
            case "start":
                settings = StartSpec(network="network" in options, memory="64M", cpus="1")
                cluster.start(settings, control=control)
            case "stop":
                patience = 86400 if "patiently" in options else 0.4
                cluster.stop(timeouts=StopTimeouts(powerdown=patience, terminate=5), control=control)
            case "restart":
                cluster.restart(timeouts=StopTimeouts(powerdown=0.2, terminate=5), control=control)
            case "delete":
                cluster.delete(cluster.delete_plan(), control=control)
            case "repair":
                cluster.repair(cluster.repair_plan(), control=control)
            case _:
                raise SystemExit(f"unknown verb {verb}")
    except VMError as error:
        say(f"refused: {type(error).__name__}: {error}")
    else:
        say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
