"""Memory of a full scrollback: `memory.py ENGINE`, a JSON object a line in and out.

{"file", "columns", "lines", "scrollback"} → {"bytes", "kept"}: what is allocated for a terminal that was fed the file
and then keeps so many lines, itself included.
"""

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

CHUNK = 4096


def ours(columns: int, lines: int, scrollback: int) -> tuple[Any, Callable[[bytes], object], Callable[[], int]]:
    terminal = import_module("podplane_tui.terminal").Terminal(columns, lines, scrollback=scrollback)
    return terminal, terminal.feed, lambda: len(terminal.scrollback)


def pyte(columns: int, lines: int, scrollback: int) -> tuple[Any, Callable[[bytes], object], Callable[[], int]]:
    library = import_module("pyte")
    screen = library.HistoryScreen(columns, lines, history=scrollback)
    return screen, library.ByteStream(screen).feed, lambda: len(screen.history.top)


ENGINES = {"ours": ours, "pyte": pyte}


def measure(engine: str, *, file: str, columns: int, lines: int, scrollback: int) -> dict[str, int]:
    warm = ENGINES[engine](columns, lines, scrollback)
    data = Path(file).read_bytes()
    warm[1](data[:CHUNK])
    gc.collect()
    tracemalloc.start()
    terminal, feed, kept = ENGINES[engine](columns, lines, scrollback)
    for start in range(0, len(data), CHUNK):
        feed(data[start : start + CHUNK])
    gc.collect()
    allocated, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert terminal is not None
    return {"bytes": allocated, "kept": kept()}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(measure(sys.argv[1], **json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
