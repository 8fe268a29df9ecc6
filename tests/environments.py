"""`python -m tests.environments pythons|newest-python|bounds [pytest's arguments]`: the tests in other environments.

Each environment is a directory in `.cache`. It is kept until the dependencies in `pyproject.toml` or its Python change.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from tests.paths import ROOT

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""The versions of Python that can be tried, the oldest first."""

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version of the Python that runs this."""

CACHE = ROOT / ".cache"

OWN_VARIABLES = frozenset({"PYTHONPATH", "PYTHONWARNINGS", "VIRTUAL_ENV"})
"""What the Python that runs this is told, and no other: where its packages are, and that warnings are errors."""

EVERYTHING = ("--editable", ".[serve]", "--group", "dev")
"""What pip installs for the tests."""


def say(text: str) -> None:
    sys.stdout.write(f"podplane-tui: {text}\n")
    sys.stdout.flush()


def project() -> dict[str, Any]:
    """What `pyproject.toml` says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def candidates(version: str) -> Iterator[Path]:
    """Yield the files that may be a Python of that version: ours, those on PATH, those of pyenv."""
    if version == OWN:
        yield Path(getattr(sys, "_base_executable", sys.executable))
    for directory in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        yield Path(directory, f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = (pyenv / "versions").glob(f"{version}*/bin/python{version}")
    yield from sorted(found, key=lambda path: [int(digits) for digits in _digits(path.parts[-3])], reverse=True)


def _digits(name: str) -> list[str]:
    return "".join(character if character.isdigit() else " " for character in name).split()


def find(version: str) -> Path | None:
    """Return a Python of that version which can make environments; None when there is none.

    A file is not enough: the shims of pyenv have the names of versions that it does not run.
    """
    program = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    for candidate in candidates(version):
        try:
            result = subprocess.run(
                [candidate, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        except OSError:
            continue
        if result.returncode == 0 and result.stdout == f"{version}\n":
            return candidate
    return None


def lower_bounds() -> list[str]:
    """Return a constraint for each dependency: exactly the oldest release that its `>=` allows.

    Those of the package, of its extras and of the group `dev` are all among them. Raises `ValueError` for a dependency
    without a lower bound.
    """
    content = project()
    extras = content["project"]["optional-dependencies"]
    names = [*content["project"]["dependencies"], *(name for extra in extras.values() for name in extra)]
    constraints: dict[str, str] = {}
    for requirement in map(Requirement, [*names, *content["dependency-groups"]["dev"]]):
        lowest = [specifier.version for specifier in requirement.specifier if specifier.operator == ">="]
        if len(lowest) != 1:
            raise ValueError(f"{requirement} has no lower bound")
        constraint = f"{requirement.name}=={lowest[0]}"
        if constraints.setdefault(requirement.name, constraint) != constraint:
            raise ValueError(f"{requirement.name} has two lower bounds")
    return sorted(constraints.values())


def recipe(python: Path, arguments: tuple[str, ...]) -> str:
    """Return a digest of all that an environment is made of: it is out of date when this has changed."""
    version = subprocess.run([python, "-VV"], check=True, capture_output=True, text=True).stdout
    content = project()
    parts = [version, arguments, content["build-system"], content["dependency-groups"], content["project"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def outside() -> dict[str, str]:
    """Return the environment variables for other Pythons and their pip."""
    return {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}


def environment(directory: Path, python: Path, *arguments: str, fresh: bool = False) -> Path:
    """Return the Python of the environment in `directory`, into which pip has installed `arguments`.

    It is made where it is missing or out of date, and with `fresh`. Raises `subprocess.CalledProcessError`.
    """
    inside = directory / "bin" / "python"
    mark = directory / "recipe"
    wanted = recipe(python, arguments)
    if fresh or not inside.exists() or not mark.exists() or mark.read_text() != wanted:
        say(f"installing into {directory.relative_to(ROOT)}")
        variables = outside()
        subprocess.run([python, "-m", "venv", "--clear", directory], env=variables, check=True)
        pip = [str(inside), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--quiet"]  # no warnings
        subprocess.run([*pip, "--upgrade", "pip>=25.1"], cwd=ROOT, env=variables, check=True)  # the first with groups
        subprocess.run([*pip, *arguments], cwd=ROOT, env=variables, check=True)
        mark.write_text(wanted)
    return inside


def passes(title: str, python: Path, arguments: list[str]) -> bool:
    """Run pytest with that Python, below a title."""
    say(f"the tests with {title}")
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, env=outside(), check=False).returncode == 0


def with_python(version: str, arguments: list[str]) -> str:
    """Run pytest with that version of Python; return what came of it."""
    python = find(version)
    if python is None:
        return "not found"
    try:
        inside = environment(CACHE / "pythons" / version, python, *EVERYTHING)
    except subprocess.CalledProcessError:
        return "failed: its environment could not be made"
    return "passed" if passes(f"Python {version}", inside, arguments) else "failed"


def pythons(arguments: list[str]) -> int:
    """Run pytest with every version of Python that is found; a failure does not keep the others from it."""
    results = {version: with_python(version, arguments) for version in VERSIONS}
    for version, result in results.items():
        say(f"Python {version}: {result}")
    return int(any(result.startswith("failed") for result in results.values()))


def newest_python(arguments: list[str]) -> int:
    """Run pytest with the newest version of Python that is found, other than the one that runs this."""
    others = [version for version in reversed(VERSIONS) if version != OWN]
    for version in others:
        if (result := with_python(version, arguments)) != "not found":
            say(f"Python {version}: {result}")
            return int(result != "passed")
    say(f"no Python but {OWN} found (looked for {', '.join(others)}): nothing run")
    return 0


def bounds(arguments: list[str]) -> int:
    """Run pytest with the lowest releases of all dependencies on the oldest Python, and the newest on the newest."""
    found = [(version, python) for version in VERSIONS if (python := find(version))]
    directory = CACHE / "bounds"
    directory.mkdir(parents=True, exist_ok=True)
    constraints = directory / "lowest.txt"
    constraints.write_text("".join(f"{line}\n" for line in lower_bounds()))
    results = {}
    for name, (version, python), more in (
        ("lowest", found[0], ["--constraint", str(constraints)]),
        ("newest", found[-1], []),
    ):
        title = f"the {name} releases of all dependencies (Python {version})"
        try:
            # What was the newest when it was made need not be it now.
            inside = environment(directory / name, python, *EVERYTHING, *more, fresh=name == "newest")
        except subprocess.CalledProcessError:
            results[title] = "failed: pip could not install them"
        else:
            results[title] = "passed" if passes(title, inside, arguments) else "failed"
    for title, result in results.items():
        say(f"{title}: {result}")
    return int(any(result != "passed" for result in results.values()))


VERBS = {"pythons": pythons, "newest-python": newest_python, "bounds": bounds}


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in VERBS:
        sys.exit(f"usage: python -m tests.environments {'|'.join(VERBS)} [pytest's arguments]")
    return VERBS[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
