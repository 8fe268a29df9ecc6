"""Environments of the peers, made on demand, and the workers that run in them."""

import importlib.metadata
import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

BENCHMARKS = Path(__file__).parent
ROOT = BENCHMARKS.parent
INSTALL_TIMEOUT = 300

LIST_VERSIONS = """
import importlib.metadata, json
names = "bittty", "textual", "textual-tty", "textual-terminal", "pyte", "rich"
installed = {item.name.replace("_", "-"): item.version for item in importlib.metadata.distributions()}
print(json.dumps({name: installed[name] for name in names if name in installed}))
"""

REQUIREMENTS: Mapping[str, Sequence[str]] = {
    "textual-tty": ["textual-tty"],
    "bittty": ["bittty"],
    # its one release imports a name that later versions of Textual no longer have
    "textual-terminal": ["textual-terminal", "textual<0.80"],
}
"""textual-tty brings an older bittty than the newest one, so both are measured."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python that has a peer installed; ``python`` is None when it could not be made, and ``reason`` says why."""

    name: str
    python: Path | None
    versions: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def own_environment() -> Environment:
    """The one this runs in, which has our code and pyte."""
    names = ("click", "psutil", "pyte", "rich", "textual", "wcwidth")
    versions = {name: importlib.metadata.version(name) for name in names}
    return Environment("ours", Path(sys.executable), versions)


def environment(name: str) -> Environment:
    """The environment of a peer under benchmarks/.venvs, with the same Python as ours; installed at the first call."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = BENCHMARKS / ".venvs" / f"{name}-{version}"
    python = folder / "bin" / "python"
    ready = folder / "ready.json"
    wanted = list(REQUIREMENTS[name])
    if not ready.exists() or json.loads(ready.read_text()) != wanted:
        try:
            venv.create(folder, with_pip=True, clear=True)
            _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
        except (OSError, subprocess.SubprocessError) as error:
            return Environment(name, None, reason=_reason(error))
        ready.write_text(json.dumps(wanted))
    return Environment(name, python, json.loads(_run([str(python), "-c", LIST_VERSIONS])))


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT).stdout


def _reason(error: Exception) -> str:
    output = getattr(error, "stderr", "") or ""
    lines = [line for line in output.splitlines() if line.startswith("ERROR")]
    return (lines[-1] if lines else str(error))[:200]


def worker_variables(environment: Environment) -> dict[str, str]:
    """Environment variables of a worker: our code is found in ours only, and hashes are the same everywhere."""
    variables = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    variables.pop("PYTHONPATH", None)
    if environment.name == "ours":
        variables["PYTHONPATH"] = str(ROOT)
    return variables


class WorkerError(Exception):
    """The worker answered with an error or ended."""


class Worker:
    """A script in some environment, asked and answering by a line of JSON."""

    def __init__(self, environment: Environment, script: Path, *arguments: str) -> None:
        assert environment.python is not None
        self._process = subprocess.Popen(
            [str(environment.python), str(script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=worker_variables(environment),
        )

    def ask(self, **request: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"the worker ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
