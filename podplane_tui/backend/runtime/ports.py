"""The host ports of a cluster: choosing them, and the state file that tells them to podplane and to us."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import ASIDE, PowerCut, read_small_file, staged
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.qemu.arguments import PortForward, option_values, split_option_list
from podplane_tui.backend.runtime.pidfile import go_json

LOOPBACK = "127.0.0.1"

FORWARDS = {
    "ssh": (2222, 22),
    "kubernetes_api": (6443, 6443),
    "traefik_dashboard": (8081, 8080),
    "registry": (5001, 5000),
    "traefik_https": (8443, 443),
}
"""Name → (port of the host it takes when that is free, port of the guest)."""


def port_is_free(port: int) -> bool:
    """Whether a listener on 127.0.0.1 could have `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As QEMU does: without it a port whose last connection closed a moment ago would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def allocate_ports(is_free: Callable[[int], bool] = port_is_free) -> Ports:
    """A port for every forward: its default when free, else a free ephemeral one; none twice.

    Raises `OSError` when there is no free port left.
    """
    chosen = {}
    defaults = {default for default, _ in FORWARDS.values()}
    with contextlib.ExitStack() as held:
        for name, (default, _) in FORWARDS.items():
            port = default
            while not is_free(port) or (port != default and port in defaults):
                # Held until all are chosen, so that the system gives each but once.
                probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                probe.bind((LOOPBACK, 0))
                port = probe.getsockname()[1]
                if port not in defaults:
                    break
            chosen[name] = port
    return Ports(**chosen)


def moved_ports(ports: Ports, holders: Callable[[Iterable[int]], Mapping[int, str] | None]) -> tuple[str, ...]:
    """A line for each port that is not the usual one: who has that, as far as `holders` knows, and what is used.

    `holders` is asked once for all of them, and not at all where there are none.
    """
    moved = {name: port for name, port in ports.items() if port != FORWARDS[name][0]}
    known = (holders(FORWARDS[name][0] for name in moved) or {}) if moved else {}
    return tuple(
        f"{FORWARDS[name][0]} ({name.replace('_', ' ')}) is taken by"
        f" {known.get(FORWARDS[name][0], 'another program')}: using {port}"
        for name, port in moved.items()
    )


def port_forwards(ports: Ports) -> tuple[PortForward, ...]:
    """What QEMU is to forward for these host ports."""
    return tuple(PortForward(LOOPBACK, port, FORWARDS[name][1]) for name, port in ports.items())


_FORWARD = re.compile(r"hostfwd=(?:tcp)?:(?:|127\.0\.0\.1|0\.0\.0\.0|localhost):(\d{1,5})-[^:]*:(\d{1,5})")
"""A forward that is met on 127.0.0.1. QEMU listens on every address where it is told none."""


@lru_cache(maxsize=256)
def ports_of(arguments: tuple[str, ...]) -> Ports:
    """The ports of 127.0.0.1 that a QEMU with these arguments forwards: what the state file says, from the source."""
    names = {guest: name for name, (_, guest) in FORWARDS.items()}
    found = {}
    for option in ("-nic", "-netdev", "-net"):
        for operand in option_values(arguments, option):
            for item in split_option_list(operand):
                match = _FORWARD.fullmatch(item)
                if match and int(match[2]) in names and 0 < int(match[1]) < 65536:
                    found[names[int(match[2])]] = int(match[1])
    return Ports(**found)


def read_state_file(path: Path) -> Ports:
    """The ports a cluster's state file names; none when there is no file. Raises `CorruptFile`."""
    content = read_small_file(path)
    if content is None:
        return Ports()
    try:
        value = json.loads(content)["ports"]
        known = {name: value[name] for name in FORWARDS if value.get(name) is not None}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptFile(f"{path} is not a cluster's state file", hint=ASIDE) from error
    if not all(isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536 for port in known.values()):
        raise CorruptFile(f"{path} names an invalid port", hint=ASIDE)
    return Ports(**known)


def write_state_file(path: Path, cluster_id: str, ports: Ports) -> None:
    """Tell podplane, and ourselves, the ports of a cluster that was started."""
    with staged_state_file(path, cluster_id, ports) as put:
        put()


def staged_state_file(path: Path, cluster_id: str, ports: Ports) -> AbstractContextManager[Callable[[], None]]:
    """The same for a cluster that is being started. See `staged`."""
    content = {"cluster_id": cluster_id, "backend": "qemu", "ports": dict(ports.items())}
    return staged(path, go_json(content), mode=0o644, after=PowerCut.NEW_OR_OLD)
