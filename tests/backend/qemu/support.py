"""A control socket that answers as QEMU's does, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

Asked = list[dict[str, object]]


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

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown(socket.SHUT_RDWR)  # which ends the wait for another client
            thread.join()
