"""Feeds a stream to one emulator and reports the CPU time: `ingest.py ENGINE`, a JSON object a line in and out.

{"file", "size", "times", "columns", "lines", "chunk"} → {"seconds", "display"}: `seconds` is the CPU time of the
process for feeding the first `size` bytes of the file so often to a new terminal, `display` the text on the screen
afterwards. An exception is answered with {"error"}.
"""

import codecs
import gc
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Engine = tuple[Callable[[bytes], object], Callable[[], list[str]]]
SCROLLBACK = 10_000


def ours(columns: int, lines: int) -> Engine:
    terminal = import_module("podplane_tui.terminal").Terminal(columns, lines, scrollback=SCROLLBACK)
    return terminal.feed, lambda: list(terminal.display)


def pyte(columns: int, lines: int) -> Engine:
    library = import_module("pyte")
    screen = library.Screen(columns, lines)
    return library.ByteStream(screen).feed, lambda: list(screen.display)


def bittty(columns: int, lines: int) -> Engine:
    """The bare emulator. It takes bytes since 0.2, text before; it keeps no scrollback."""
    board = import_module("bittty").Board(width=columns, height=lines)
    feed = board.feed_host_data if hasattr(board, "feed_host_data") else _decoded(board.parser.feed)
    return feed, lambda: board.capture_text(trim=False).split("\n")


def textual_terminal(columns: int, lines: int) -> Engine:
    """The emulator of the widget, without what the widget does besides."""
    library = import_module("textual_terminal._terminal")
    screen = library.TerminalPyteScreen(columns, lines)
    return _decoded(library.pyte.Stream(screen).feed), lambda: list(screen.display)


def _decoded(feed: Callable[[str], object]) -> Callable[[bytes], object]:
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    return lambda data: feed(decode(data))


ENGINES: dict[str, Callable[[int, int], Engine]] = {
    "ours": ours,
    "pyte": pyte,
    "bittty": bittty,
    "textual-terminal": textual_terminal,
}


def measure(engine: Callable[[int, int], Engine], request: dict[str, Any]) -> dict[str, Any]:
    feed, display = engine(request["columns"], request["lines"])
    data = Path(request["file"]).read_bytes()[: request["size"]]
    chunk = request["chunk"]
    chunks = [data[start : start + chunk] for start in range(0, len(data), chunk)] * request["times"]
    gc.collect()
    start = time.process_time()
    for data in chunks:
        feed(data)
    seconds = time.process_time() - start
    return {"seconds": seconds, "display": display()}


def main() -> None:
    engine = ENGINES[sys.argv[1]]
    for line in sys.stdin:
        try:
            answer = measure(engine, json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
