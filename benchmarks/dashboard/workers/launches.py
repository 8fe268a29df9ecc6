"""Starts a machine, and the same QEMU bare: `launches.py DIRECTORY ROUNDS`.

Prints the seconds until the control socket answers, as JSON: `{"ours": […], "bare": […]}`, the two taken in turn.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter, sleep

from podplane_tui.backend import Cluster, QMPUnavailable, StartSpec, StopTimeouts
from podplane_tui.backend.qemu.qmp import ControlSocket, run_state
from podplane_tui.backend.vm.create import EMPTY_DISK

SETTINGS = StartSpec(accelerator="tcg")
AT_ONCE = StopTimeouts(powerdown=0)


def bare(arguments: list[str], qmp: Path) -> float | None:
    """Seconds from the start of QEMU with these arguments until it has told its state, asked as our own start does.

    None when it ended instead: somebody else has taken one of its ports meanwhile.
    """
    start = perf_counter()
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None:
            if qmp.exists():
                with contextlib.suppress(QMPUnavailable):
                    run_state(ControlSocket(qmp, process.pid))
                    return perf_counter() - start
            sleep(0.001)
        return None
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    root, rounds = Path(sys.argv[1]), int(sys.argv[2])
    cluster = Cluster(
        data_dir=root / "data", runtime_dir=root / "run", state_dir=root / "state", cluster_id="a", arch="amd64"
    )
    cluster.create(EMPTY_DISK)
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    warm = False
    while len(seconds["ours"]) < rounds:
        start = perf_counter()
        cluster.start(SETTINGS)
        ours = perf_counter() - start
        process = cluster.qemu.process()
        assert process is not None
        arguments = list(process.arguments)
        cluster.stop(timeouts=AT_ONCE)
        theirs = bare(arguments, cluster.files.qmp)
        if warm and theirs is not None:
            seconds["ours"].append(ours)
            seconds["bare"].append(theirs)
        warm = True  # the first of both warms up what both read
    cluster.delete(cluster.delete_plan())
    json.dump(seconds, sys.stdout)


if __name__ == "__main__":
    main()
