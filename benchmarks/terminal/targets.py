"""Floors and goals of the terminal."""

from benchmarks.result import AtLeast, AtMost

INGEST_PYTE = {
    "a": AtLeast(30, 55),
    "b": AtLeast(45, 65),
    "b2": AtLeast(65, 100),
    "c1": AtLeast(11, 16),
    "c": AtLeast(4.5, 8),
    "d": AtLeast(8, 14),
    "e": AtLeast(3.5, 6),
}
INGEST_BITTTY = AtLeast(1.5, 3)
FLOOD = {"a": AtLeast(4, 8), "b2": AtLeast(4, 8), "c": AtLeast(2, 4), "d": AtLeast(2, 4)}
STRIPS = AtMost(1 / 3, 1 / 8)
KEY_IDLE = AtMost(0.7, 0.4)
KEY_FLOOD = AtMost(0.7, 0.4)
PAINTS = AtLeast(20, 20)
"""Paints a second under flood."""
SCROLLBACK = AtMost(6, 4)
"""Megabytes (10⁶ bytes) for ten thousand lines."""
WORST = AtMost(50, 20)
"""Milliseconds for the worst 16 KiB that the search has found, at 200 columns and 50 lines."""
