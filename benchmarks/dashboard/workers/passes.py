"""Looks at machines again and again, as we do and as nobody could do with less: `passes.py DATA RUNTIME STATE ROUNDS`.

Prints the CPU seconds of each pass as JSON, `{"ours": […], "least": […]}`, the two taken in turn.
"""

import json
import os
import sys
from pathlib import Path
from time import process_time

import psutil

from podplane_tui.backend.vm.inventory import Inventory


def least(data: Path, runtime: Path) -> None:
    """The directories, what each disk is, the small files, and every process with its arguments."""
    for folder in (data / "vms", runtime / "vms", runtime / "local"):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".image.qcow2"):
                    entry.stat()
                elif entry.name.endswith(".json"):
                    with open(entry.path, "rb") as file:  # noqa: PTH123 - the least there is
                        file.read()
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        _ = process.info


def main() -> None:
    data, runtime, state = map(Path, sys.argv[1:4])
    inventory = Inventory(data, runtime, state_dir=state)
    inventory.statuses()
    seconds: dict[str, list[float]] = {"ours": [], "least": []}
    for _ in range(int(sys.argv[4])):
        for name, look in (("ours", inventory.statuses), ("least", lambda: least(data, runtime))):
            start = process_time()
            look()
            seconds[name].append(process_time() - start)
    json.dump(seconds, sys.stdout)


if __name__ == "__main__":
    main()
