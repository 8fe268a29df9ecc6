"""Where the tests find their data."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
"""The repository."""

RECORDINGS = ROOT / "tests" / "recordings"
"""What real consoles printed, byte by byte."""

VECTORS = ROOT / "tests" / "vectors"
"""What podplane's own packages made of given inputs."""


def project_files() -> list[Path]:
    """Return the files that are in the repository or would be with the next `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in result.stdout.split("\0") if name and (path := ROOT / name).is_file()]
