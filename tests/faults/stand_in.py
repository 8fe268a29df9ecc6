"""A process that looks like a VM's QEMU: its name, its disk, its sockets, and misbehaviour on demand.

    qemu-system-x86_64 stand_in.py BEHAVIOUR -drive file=DISK…|-hda DISK [-qmp unix:PATH,…] [-serial unix:PATH,…]

BEHAVIOUR is a JSON object: `ignore` (names of signals), `qmp` (how its control socket behaves: see `serve`), `user`
(the ID of whom to become), `disk_mode` (how it opens its disk: `write`, `read` or `no`), and `hidden` (its disk is
locked as QEMU locks it, and the system tells nobody what it has open).
It prints "ready" when everything is set up. Imports nothing of the project: it has to start fast.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import threading


def path_of(option: str) -> str | None:
    """The path of the Unix socket that `option` names."""
    arguments = sys.argv
    if option not in arguments:
        return None
    return arguments[arguments.index(option) + 1].split(",")[0].removeprefix("unix:")


def open_disk(how: str) -> int:
    """Open the disk for as long as the process lives; gives its descriptor, -1 for none."""
    mode = {"write": os.O_RDWR, "read": os.O_RDONLY}.get(how)
    if mode is None:
        return -1
    if "-hda" in sys.argv:
        path = sys.argv[sys.argv.index("-hda") + 1]
    elif "-drive" in sys.argv:
        items = sys.argv[sys.argv.index("-drive") + 1].replace(",,", "\0").split(",")
        path = next(item.removeprefix("file=") for item in items if item.startswith("file=")).replace("\0", ",")
    else:
        return -1
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, mode)
    return -1


def hide(disk: int) -> None:
    """Be as a program that has capabilities of its own is (see `PR_SET_DUMPABLE` in prctl(2))."""
    import ctypes
    import fcntl
    import struct

    for byte in (100, 101, 103, 201, 203):
        fcntl.fcntl(disk, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, byte, 1, 0))
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)


def listen(path: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(8)
    return server


def serve(server: socket.socket, behaviour: str) -> None:
    """Be a control socket that is `silent`, sends `garbage`, `endless` or `nested` data, `closes`, or `answers`."""
    clients = []
    while True:
        client, _ = server.accept()
        clients.append(client)  # dropping it would close it
        with contextlib.suppress(OSError):
            if behaviour == "garbage":
                client.sendall(b"\x1b]0;owned\x07 what's this?\n" * 3)
            elif behaviour == "nested":
                client.sendall(b"[" * 100_000 + b"\n")
            elif behaviour == "endless":
                while True:
                    client.sendall(b"x" * 65536)
            elif behaviour == "closes":
                client.close()
            elif behaviour == "answers":
                threading.Thread(target=answer, args=(client,), daemon=True).start()


def answer(client: socket.socket) -> None:
    """Be a QEMU whose guest takes no notice of anything."""
    version = {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""}
    text = ""
    with contextlib.suppress(OSError):
        client.sendall(json.dumps({"QMP": {"version": version, "capabilities": []}}).encode() + b"\n")
        while data := client.recv(4096):
            text += data.decode()
            try:
                request, end = json.JSONDecoder().raw_decode(text)  # clients need not end it with a line break
            except ValueError:
                continue
            text = text[end:].lstrip()
            result = {"status": "running", "running": True} if request["execute"] == "query-status" else {}
            identity = {"id": request["id"]} if "id" in request else {}
            client.sendall(json.dumps({"return": result, **identity}).encode() + b"\n")


def main() -> None:
    behaviour = json.loads(sys.argv[1])
    if "user" in behaviour:
        os.setuid(behaviour["user"])
    for name in behaviour.get("ignore", []):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    disk = open_disk(behaviour.get("disk_mode", "write"))
    if behaviour.get("hidden"):
        hide(disk)
    sockets = [path for option in ("-qmp", "-serial") if (path := path_of(option))]
    servers = {path: listen(path) for path in sockets}

    def leave(_number: int, _frame: object) -> None:
        for path in sockets:
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108
        os._exit(0)

    if "SIGTERM" not in behaviour.get("ignore", []):
        signal.signal(signal.SIGTERM, leave)
    control = path_of("-qmp")
    if control is not None and behaviour.get("qmp", "answers") != "silent":
        threading.Thread(target=serve, args=(servers[control], behaviour.get("qmp", "answers")), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    # Whichever thread a signal is delivered to, its handler runs here: so something has to wake this one.
    awake, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm)
    while sys.stdin not in select.select([sys.stdin, awake], [], [])[0]:
        os.read(awake, 1)
    os._exit(0)  # its input ends with whoever started it


if __name__ == "__main__":
    main()
