"""One case by name, for a process that is in namespaces of its own: `python -m tests.faults.inside NAME`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.conftest import Workspace
from tests.faults.matrix import CASES, load_cases, run_case


def main(name: str) -> None:
    load_cases()
    workspace = Workspace(Path(tempfile.mkdtemp(prefix="pt-", dir="/tmp")))
    os.environ["XDG_STATE_HOME"] = workspace.environment["XDG_STATE_HOME"]
    workspace.data.mkdir(parents=True)
    workspace.runtime.mkdir(parents=True)
    try:
        run_case(next(case for case in CASES if case.name == name), workspace)
    finally:
        for process in workspace.qemu_processes():
            process.kill()
        shutil.rmtree(workspace.root)


if __name__ == "__main__":
    main(sys.argv[1])
