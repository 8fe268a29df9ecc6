"""The program inside the terminal widget: `child.py SOCKET`. Does what it is told over the Unix socket.

Commands, a JSON object a line:

- {"flood": file, "times": n, "marker": text}: print the file n times, then the marker on a line of its own.
- {"echo": prefix}: from now on answer each key by writing the prefix and the number of keys so far at the line's start.
- {"storm": prefix}: print lines that begin with the prefix and the number of keys so far, without end.
- {"stop": marker}: end echo or storm, print the marker.
"""

import json
import os
import select
import socket
import sys
import tty

LINE = "the quick brown fox jumps over the lazy dog while {number} packets wait in the queue\r\n"
BLOCK = 40
"""Lines of the storm between two looks at the keyboard."""
CLEAN = b"\x1b[0m\x1b[r\x1b[999;1H\r\n"


def main() -> None:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    tty.setraw(0)
    commands = connection.makefile("r")
    _write(b"READY\r\n")
    mode, prefix, keys, number = "", "", 0, 0
    while True:
        storming = mode == "storm"
        readable, _, _ = select.select([connection.fileno(), 0], [], [], 0 if storming else None)
        if 0 in readable:
            data = os.read(0, 1024)
            keys += len(data)
            if mode == "echo":
                _write(f"\r{prefix}{keys:05}.".encode())
        if connection.fileno() in readable:
            line = commands.readline()
            if not line:
                return
            command = json.loads(line)
            if "flood" in command:
                _flood(**command)
            elif "stop" in command:
                mode = ""
                _write(CLEAN + command["stop"].encode() + b"\r\n")
            else:
                ((mode, prefix),) = command.items()
                keys = 0
        elif storming:
            block = ""
            for _ in range(BLOCK):
                number += 1
                block += f"{prefix}{keys:05}. {LINE.format(number=number)}"
            _write(block.encode())


def _flood(flood: str, times: int, marker: str) -> None:
    with open(flood, "rb") as file:  # noqa: PTH123 - the smallest start
        data = file.read()
    for _ in range(times):
        _write(data)
    _write(CLEAN + marker.encode() + b"\r\n")


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view[:65536]) :]


if __name__ == "__main__":
    main()
