"""Copying a tree of 10,000 files: our sync beside bare rsync with the same flags, and with those podplane gives it.

    python -m benchmarks.sync [--files 10000] [--rounds 7]

All copy into a real OpenSSH server on this host, one after the other in turn, each time into a new folder; in memory
where the system has a file system for that: on a disk, a file can take five times as long to make where many were
deleted in the last minutes. The target is a median of the ratios to the same flags of at most 1.1. Exit status 1
when it is missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import report
from benchmarks.result import AtMost, Result
from podplane_tui.backend.core.control import Control, Progress
from podplane_tui.backend.ssh.client import ssh_options
from podplane_tui.backend.sync.copy import run_sync
from podplane_tui.backend.sync.rsync import SyncRequest
from tests.backend.ssh.sshd import Server, serve

TARGET = 1.1
_PER_FOLDER = 100
_SIZE = 1000


def make_tree(root: Path, files: int) -> None:
    """`files` small files in folders of 100."""
    for number in range(files):
        folder = root / f"folder-{number // _PER_FOLDER:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file-{number:05}").write_bytes(b"%d\n" % number * (_SIZE // 10))


def podplanes(server: Server, source: Path, destination: str) -> None:
    """rsync as podplane runs it, its lines going to a pipe that is read."""
    _bare(server, source, destination, "-av")


def bare(server: Server, source: Path, destination: str) -> None:
    """The same with the flags of ours, which tell how far it is, of how much."""
    _bare(server, source, destination, "-av", "--info=progress2", "--no-inc-recursive")


def _bare(server: Server, source: Path, destination: str, *flags: str) -> None:
    shell = " ".join(["ssh", *ssh_options(server.target)])
    command = ["rsync", *flags, "-e", shell, "--rsync-path", "sudo rsync", f"{source}/"]
    target = server.target
    subprocess.run([*command, f"{target.user}@{target.host}:{destination}"], stdout=subprocess.PIPE, check=True)


def ours(server: Server, source: Path, destination: str) -> None:
    """The same by our sync, every line and every progress taken note of."""
    lines: list[str] = []
    progress: list[Progress] = []
    control = Control(report=lines.append, progress=progress.append)
    run_sync(server.target, SyncRequest(f"{source}/", destination), control=control)
    assert progress
    assert lines


RUNS = (podplanes, bare, ours)


def measure(files: int, rounds: int) -> list[list[float]]:
    """Seconds of each of `RUNS`, a list a round; each begins a round in turn."""
    found = []
    place = next(path for path in ("/dev/shm", "/tmp") if os.access(path, os.W_OK | os.X_OK))
    with serve() as server, tempfile.TemporaryDirectory(prefix="pt-bench-", dir=place) as folder:
        source, copy = Path(folder) / "source", Path(folder) / "copy"
        make_tree(source, files)
        for number in range(rounds + 1):
            first = number % len(RUNS)
            seconds = {run: _time(run, server, source, copy) for run in RUNS[first:] + RUNS[:first]}
            if number:  # the first round warms up
                found.append([seconds[run] for run in RUNS])
    return found


def _time(run: Callable[[Server, Path, str], None], server: Server, source: Path, copy: Path) -> float:
    begun = time.perf_counter()
    run(server, source, str(copy))
    took = time.perf_counter() - begun
    copied = sum(1 for path in copy.rglob("*") if path.is_file())
    assert copied == sum(1 for path in source.rglob("*") if path.is_file())
    shutil.rmtree(copy)
    return took


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a smoke version")
    parser.add_argument("--files", type=int, help="how many files [default: 10000]")
    parser.add_argument("--rounds", type=int, help="how often [default: 7]")
    options = parser.parse_args(arguments)
    files = options.files or (1000 if options.quick else 10_000)
    times = measure(files, options.rounds or (3 if options.quick else 7))
    names = [run.__name__ for run in RUNS]
    seconds = {
        name: round(statistics.median(values), 3) for name, values in zip(names, zip(*times, strict=True), strict=True)
    }
    what = f"sync of {files} files"
    results = [
        Result(
            what,
            "rsync bare",
            statistics.median(mine / same for _, same, mine in times),
            AtMost(TARGET, 1.0),
            detail={"seconds": seconds},
        ),
        Result(what, "rsync as podplane runs it", statistics.median(mine / theirs for theirs, _, mine in times)),
    ]
    return report.conclude("sync", results, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
