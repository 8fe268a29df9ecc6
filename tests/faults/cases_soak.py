"""Random verbs from many programs at once, some of them killed: every QEMU keeps its row, and no disk is harmed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from podplane_tui.backend import State
from podplane_tui.backend.vm.inventory import Inventory
from tests.faults.bench import AT_ONCE, Bench
from tests.faults.matrix import case

VERBS, PROGRAMS = 200, 6
_IDS = ("a", "b")
_CHOICES = {
    ("create", "--image", "empty", "--disk-size", "16M"): 3,
    ("start", "--memory", "64M", "--cpus", "1", "--firmware"): 6,
    ("stop", "--timeout", "0"): 4,
    ("stop", "--timeout", "0", "--rm", "--yes"): 1,
    ("restart", "--timeout", "0"): 2,
    ("pause",): 2,
    ("resume",): 2,
    ("reset",): 1,
    ("repair", "--yes"): 3,
    ("snapshot", "take", "one"): 1,
    ("grow", "32M"): 1,
    ("delete", "--yes"): 2,
    ("list",): 2,
    ("status",): 2,
}
_SIGKILL_SHARE = 0.2
_LONGEST_LIFE = 3.0
"""Seconds after which one that is to be killed is, at the latest."""


class Soak:
    """Programs at work in two data directories that share nothing."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable
        self._lock = threading.Lock()
        self._left = VERBS
        self.places = [
            (bench.workspace.data, bench.workspace.runtime),
            (bench.root / "data2" / "podplane", bench.root / "run2" / "podplane"),
        ]
        self._environment = bench.workspace.environment
        self.faults: list[str] = []
        self.done: dict[str, int] = {}

    def _next(self) -> tuple[list[str], float | None] | None:
        with self._lock:
            if not self._left:
                return None
            self._left -= 1
            words = self._random.choices(list(_CHOICES), list(_CHOICES.values()))[0]
            data, runtime = self._random.choice(self.places)
            place = ["--data-dir", str(data), "--runtime-dir", str(runtime)]
            about = [] if words[0] == "list" else ["--id", self._random.choice(_IDS), "--arch", "amd64"]
            killed = self._random.random() < _SIGKILL_SHARE
            return [*words, *place, *about], self._random.uniform(0, _LONGEST_LIFE) if killed else None

    def work(self) -> None:
        """Do verb after verb until all are done."""
        while (step := self._next()) is not None:
            words, life = step
            program = subprocess.Popen(
                [sys.executable, "-m", "podplane_tui", *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            if life is not None:
                time.sleep(life)
                program.kill()
            _, errors = program.communicate()
            with self._lock:
                outcome = "killed" if program.returncode < 0 else f"ended with {program.returncode}"
                self.done[outcome] = self.done.get(outcome, 0) + 1
                if program.returncode not in {0, 1, 2, -9} or "Traceback" in errors or "Usage" in errors:
                    self.faults.append(f"{words}: {program.returncode} {errors}")

    def run(self) -> None:
        """All of it, by several threads."""
        threads = [threading.Thread(target=self.work) for _ in range(PROGRAMS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@case("200 verbs from six programs, some of them killed, in two data directories", needs="qemu long")
def two_hundred_verbs(bench: Bench) -> None:
    seed = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))  # noqa: S311
    soak = Soak(bench, seed)
    soak.run()
    assert soak.faults == [], (seed, soak.faults)
    assert soak.done.get("ended with 0", 0) > VERBS // 10, (seed, soak.done)
    seen: set[int] = set()
    for data, runtime in soak.places:
        for vm in Inventory(data, runtime).statuses():
            assert vm.state not in {State.IN_USE, State.BROKEN}, (seed, vm)
            if vm.pid is not None:
                seen.add(vm.pid)
    running = {each.pid for each in bench.workspace.qemu_processes() if "-machine" in each.cmdline()}
    assert running == seen, (seed, running, seen)
    for data, runtime in soak.places:
        for vm in Inventory(data, runtime).statuses():
            cluster = bench.machine(vm.cluster_id) if data == bench.workspace.data else None
            cluster = cluster or type(bench.cluster).of(vm.files)
            if vm.pid is not None:
                cluster.stop(timeouts=AT_ONCE)
            cluster.repair(cluster.repair_plan())
            if vm.files.image.exists():
                _whole(vm.files.image, seed)
                cluster.delete(cluster.delete_plan())
        assert Inventory(data, runtime).statuses() == (), seed
    bench.allowed += ["*"]


def _whole(image: Path, seed: int) -> None:
    result = subprocess.run(
        ["qemu-img", "check", "--output=json", image], stdout=subprocess.PIPE, check=False, text=True
    )
    report = json.loads(result.stdout)
    assert result.returncode in {0, 3}, (seed, report)  # clusters that leaked cost space and no data
    assert not report.get("corruptions"), (seed, report)
