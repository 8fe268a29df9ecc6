"""Where the tests find their data."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The repository."""

RECORDINGS = ROOT / "tests" / "recordings"
"""What real consoles printed, byte by byte."""

VECTORS = ROOT / "tests" / "vectors"
"""What podplane's own packages made of given inputs."""
