"""A control socket that answers as QEMU's does, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

Asked = list[dict[str, object]]

_BOUND: dict[Path, socket.socket] = {}
"""Those that another process listens on."""


def bound(path: Path) -> socket.socket:
    """A socket for a child to listen on, with `listen_on`: who connects is told of the child, and we accept.

    `control_socket` uses and closes it.
    """
    _BOUND[path] = server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    return server


def listen_on(handles: Sequence[int]) -> str:
    """What a Python that was given these descriptors has to run. It keeps them open, as QEMU does."""
    kept = f"kept = [socket.socket(fileno=each) for each in {list(handles)}]"
    return f"import socket; {kept}; [each.listen() for each in kept]"


@contextlib.contextmanager
def control_socket(path: Path, answers: Mapping[str, object]) -> Iterator[Asked]:
    """Serve one client after another; give the commands that came. Those without an answer are refused."""
    asked: Asked = []

    def converse(client: socket.socket) -> None:
        with client, client.makefile("rw") as lines:
            print(json.dumps({"QMP": {"version": {}, "capabilities": []}}), file=lines, flush=True)
            for line in lines:
                request = json.loads(line)
                command = request["execute"]
                answer: dict[str, object] = {"return": {}}
                if command != "qmp_capabilities":
                    asked.append(request)
                    if command in answers:
                        answer = {"return": answers[command]}
                    else:
                        answer = {"error": {"class": "GenericError", "desc": f"no {command} here"}}
                print(json.dumps(answer), file=lines, flush=True)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                with contextlib.suppress(OSError):
                    converse(client)

    theirs = _BOUND.pop(path, None)
    with theirs or socket.socket(socket.AF_UNIX) as server:
        if theirs is None:
            server.bind(str(path))
            server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown(socket.SHUT_RDWR)  # which ends the wait for another client
            thread.join()
