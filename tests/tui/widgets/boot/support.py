"""What a good boot and a bad one printed."""

from tests.paths import RECORDINGS

GOOD = (RECORDINGS / "debian12-first-boot.raw").read_bytes()
FAILURES = (RECORDINGS / "debian12-failures.raw").read_bytes()
HALF = GOOD.index(b"\n", GOOD.index(b"running 'init' at")) + 1
"""Where a boot is in the middle of one of cloud-init's stages."""
