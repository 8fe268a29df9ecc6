"""Write random input to the terminal of an app of ours, and check that no key comes out of it that nobody typed.

    python -m benchmarks.fuzz_input [--units 500] [--seed 1]

Pastes, sequences, broken ones and single keys arrive in random parts with random pauses. Small letters are typed; what
is pasted, or part of a sequence, has none of them. Exit status 1 and a line that reproduces it at the first failure.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import random
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

APP = r"""
import os, sys
from textual import events
from textual.app import App
from podplane_tui.tui.input.driver import TerminalDriver

class Heard(App):
    def get_driver_class(self):
        return TerminalDriver

    def on_ready(self):
        os.write(int(sys.argv[1]), b"ready\n")

    async def on_event(self, event):
        if isinstance(event, events.Key) and not event.is_forwarded:
            os.write(int(sys.argv[1]), (event.key + "\n").encode())
        await super().on_event(event)

Heard().run()
"""
SILENCE = 1.5
"""Seconds after which nothing that was begun is still waited for."""
KNOWN = {b"\x1b[A": "up", b"\x1bOP": "f1", b"\x1b[15~": "f5", b"\x1b[1;5C": "ctrl+right", b"\x1b[Z": "shift+tab"}
_UNKNOWN = [
    b"\x1b[113~",
    b"\x1b[9;9;9X",
    b"\x1b]11;rgb:FF/FF/FF\x1b\\",
    b"\x1bP1$R0M\x1b\\",
    b"\x1b[?62;7;80c",
    b"\xff\x9b",
    b"\x1b[<35;-1;10M",
    b"\x1b[1 2~",
]
_BROKEN = [b"\x1b[1", b"\x1b[1;", b"\x1bO5", b"\x1b]11;RGB", b"\x1bP1$R", b"\x1b[<0;1"]
_CONTENT = [
    b"A",
    b"7",
    b"PQ",
    b"\r",
    b"\t",
    b"\x1b",
    b"\x1b[31M",
    b"\x1bOP",
    b"\x1b[A",
    b"\x1b[",
    b"\x03",
    b"\x1d",
    b"\xc3",
    b"D\r",
]


class Unit(NamedTuple):
    """Something to write, the keys it stands for, and whether it needs a silence to be over."""

    data: bytes
    keys: tuple[str, ...] = ()
    silence: bool = False


def unit(draw: random.Random) -> Unit:
    """One of all kinds."""
    content = b"".join(draw.choices(_CONTENT, k=draw.randint(0, 30)))
    sequence = draw.choice([*KNOWN])
    return draw.choices(
        [
            Unit(b"k", ("k",)),
            Unit(sequence, (KNOWN[sequence],)),
            Unit(b"\x1b[200~" + content + b"\x1b[201~"),
            Unit(draw.choice(_UNKNOWN)),
            Unit(b"\x1b[200~" + content, silence=True),
            Unit(draw.choice(_BROKEN), silence=True),
        ],
        weights=[6, 6, 6, 4, 1, 1],
    )[0]


def parts(draw: random.Random, data: bytes) -> Iterator[tuple[bytes, float]]:
    """The data in parts, each with the seconds of the pause behind it."""
    size = draw.choice([1, 2, 5, 1000])
    pause = draw.choice([0.0, 0.0, 0.002, 0.02, 0.17])
    if pause > 0.1 and data[:2] in (b"\x1b]", b"\x1bP"):  # one character a time, and late, is what a human types
        yield data[:3], pause
        data = data[3:]
    pauses = 5  # not more of the long ones: they take their time
    while data:
        cut = draw.randint(1, size)
        part, data = data[:cut], data[cut:]
        pauses -= 1
        yield part, pause if pause < 0.1 or pauses > 0 else 0.0


class Terminal:
    """A program on a pseudo-terminal that is read and forgotten. `said` is what it writes to `pipe`."""

    def __init__(self, arguments: Sequence[str], *, env: dict[str, str] | None = None) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self._reader, writer = os.pipe()
        self.process = subprocess.Popen(
            [*arguments, str(writer)] if env is None else arguments,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            start_new_session=True,
            pass_fds=(writer,),
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - nothing else runs in the child
        )
        os.close(slave)
        os.close(writer)
        self._said = b""
        self.shown = b""

    @property
    def said(self) -> list[str]:
        return self._said.decode().splitlines()

    def write(self, data: bytes) -> None:
        while data:
            self.look(0.0)
            data = data[os.write(self.master, data[:1024]) :]

    def look(self, seconds: float) -> None:
        """Read what there is for so long."""
        end = time.monotonic() + seconds
        while True:
            wait = max(0.0, end - time.monotonic())
            ready, _, _ = select.select([self.master, self._reader], [], [], wait)
            if self.master in ready:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.master, 1 << 16)
            if self._reader in ready:
                self._said += os.read(self._reader, 1 << 16)
            if time.monotonic() >= end:
                return

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self._reader)


def fuzz(seed: int, units: int) -> str:
    """What went wrong, "" when nothing did."""
    draw = random.Random(seed)  # noqa: S311 - to be repeatable
    terminal = Terminal([sys.executable, "-c", APP])
    typed: list[str] = []
    try:
        deadline = time.monotonic() + 60
        while terminal.said != ["ready"]:
            if time.monotonic() > deadline:
                return f"the app did not start: {terminal.shown[-500:]!r}"
            terminal.look(0.05)
        for _ in range(units):
            thing = unit(draw)
            typed += thing.keys
            for part, pause in parts(draw, thing.data):
                terminal.write(part)
                terminal.look(pause)
            if thing.silence:  # whoever typed it looks, and presses one key before they go on
                terminal.look(SILENCE)
                terminal.write(b"z")
                typed.append("z")
                terminal.look(SILENCE)
        deadline = time.monotonic() + 60
        while len(terminal.said) <= len(typed) and time.monotonic() < deadline:
            terminal.look(0.05)
        heard = terminal.said[1:]
        if heard != typed:
            at = next((n for n, pair in enumerate(zip(heard, typed, strict=False)) if pair[0] != pair[1]), None)
            at = min(len(heard), len(typed)) if at is None else at
            return f"key {at} of {len(typed)}: heard {heard[at : at + 5]}, typed {typed[at : at + 5]}"
        return "" if terminal.process.poll() is None else "the app has ended"
    finally:
        terminal.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--units", type=int, default=500, help="things to write per seed [500]")
    parser.add_argument("--seed", type=int, default=1, help="the first seed [1]")
    parser.add_argument("--seeds", type=int, default=10, help="how many of them [10]")
    options = parser.parse_args(arguments)
    for seed in range(options.seed, options.seed + options.seeds):
        if problem := fuzz(seed, options.units):
            print(f"seed {seed}: {problem}; again with --seed {seed} --seeds 1 --units {options.units}")
            return 1
        print(f"seed {seed}: {options.units} units, no key that was not typed", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
