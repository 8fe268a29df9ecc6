"""Boots out of console bytes, and what they tell in short."""

from __future__ import annotations

from podplane_tui.backend.boot.model import Boot
from podplane_tui.backend.boot.parser import BootParser


def boots(*pieces: bytes, at: float | None = None) -> tuple[Boot, ...]:
    parser = BootParser()
    for piece in pieces:
        parser.feed(piece, at)
    return parser.boots


def boot_of(*lines: str) -> Boot:
    (boot,) = boots("".join(f"{line}\r\n" for line in lines).encode())
    return boot


def stages(boot: Boot) -> list[tuple[str, float | None, float | None]]:
    return [(stage.name.value, stage.start, stage.duration) for stage in boot.stages]


def failures(boot: Boot) -> list[tuple[str, int]]:
    return [(failure.kind.value, failure.line) for failure in boot.failures]
