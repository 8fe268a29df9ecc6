"""Strips of a full screen, from our rows and from pyte's buffer, in one process: a JSON object a line in and out.

{"file", "columns", "lines", "times"} → {"ours", "pyte"}: CPU seconds a screen. Both build a segment for each run of
equal style, keep the Rich styles they made, and make all strips of the screen anew each time.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyte
from rich.color import Color, ColorParseError
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal_paint import Look, Painter


def ours(data: bytes, columns: int, lines: int) -> Callable[[], list[Strip]]:
    terminal = Terminal(columns, lines)
    terminal.feed(data)
    painter = Painter(Look(columns=columns, base=Style()))

    def build() -> list[Strip]:
        rows = terminal.rows
        for row in rows:
            row.cache = None
        return [painter.strip(row) for row in rows]

    return build


def from_pyte(data: bytes, columns: int, lines: int) -> Callable[[], list[Strip]]:
    screen = pyte.Screen(columns, lines)
    pyte.ByteStream(screen).feed(data)
    styles: dict[Any, Style] = {}

    def strip(line: Any) -> Strip:
        segments = []
        text, previous = "", line[0][1:]
        for x in range(columns):
            character, *_ = cell = line[x]
            key = cell[1:]
            if key != previous:
                segments.append(Segment(text, styles.get(previous) or style(previous)))
                text, previous = "", key
            text += character
        segments.append(Segment(text, styles.get(previous) or style(previous)))
        return Strip(segments, columns)

    def style(key: Any) -> Style:
        foreground, background, bold, italic, underline, strike, reverse, blink = key
        made = styles[key] = Style(
            color=_color(foreground),
            bgcolor=_color(background),
            bold=bold,
            italic=italic,
            underline=underline,
            strike=strike,
            reverse=reverse,
            blink=blink,
        )
        return made

    return lambda: [strip(screen.buffer[y]) for y in range(lines)]


def _color(name: str) -> Color | None:
    """pyte gives names, of which "brown" is its yellow, and hexadecimal colours without a mark."""
    if name == "default":
        return None
    try:
        return Color.parse(f"#{name}")
    except ColorParseError:
        name = "yellow" if name == "brown" else name.replace("brightbrown", "brightyellow").replace("bright", "bright_")
        return Color.parse(name)


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        data = Path(request["file"]).read_bytes()
        size = request["columns"], request["lines"]
        builders = {"ours": ours(data, *size), "pyte": from_pyte(data, *size)}
        answer = {}
        for name, build in builders.items():
            build()
            start = time.process_time()
            for _ in range(request["times"]):
                build()
            answer[name] = (time.process_time() - start) / request["times"]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
