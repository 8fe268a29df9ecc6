"""Strips of a full screen, from our rows and from pyte's buffer, in one process: a JSON object a line in and out.

{"file", "columns", "lines", "times"} → {"ours", "pyte", "ours shown", "pyte shown"}: CPU seconds a screen, for all
strips with their segments, and for all strips rendered to escape sequences. Strips are made anew each time; Rich
styles that were made once are kept on both sides.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyte
from rich.color import Color, ColorParseError
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from podplane_tui.terminal import Terminal
from podplane_tui.tui.widgets.terminal.painter import Look, Painter


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


def seconds(work: Callable[[], object], times: int) -> float:
    work()
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


def main() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in sys.stdin:
        request = json.loads(line)
        data = Path(request["file"]).read_bytes()
        answer = {}
        for name, make in (("ours", ours), ("pyte", from_pyte)):
            build = make(data, request["columns"], request["lines"])
            # a strip may put off making its segments: asking for them makes it do so
            answer[name] = seconds(lambda build=build: [list(strip) for strip in build()], request["times"])  # type: ignore[misc]
            shown = seconds(lambda build=build: [strip.render(console) for strip in build()], request["times"])  # type: ignore[misc]
            answer[f"{name} shown"] = shown
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
