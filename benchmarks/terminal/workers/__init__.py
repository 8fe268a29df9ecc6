"""Scripts run in the environments of the peers: standard library only, the peer itself imported by name."""

from pathlib import Path

WORKERS = Path(__file__).parent
