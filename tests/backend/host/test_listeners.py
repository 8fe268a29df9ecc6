"""Who listens on this host's ports, asked of real sockets."""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn

import pytest

from podplane_tui.backend.host import listeners as listening


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is but one way to ask")
@pytest.mark.parametrize("way", ["kernel", "psutil"])
def test_who_listens_is_told_by_the_kernel_and_where_it_refuses(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "kernel":
        monkeypatch.setitem(sys.modules, "psutil", None)  # which makes an import of it fail
    else:
        monkeypatch.setattr(listening, "_sockets", _refuse)
    with socket.create_server(("127.0.0.1", 0)) as four, _everywhere() as any_address:
        ports = {server.getsockname()[1] for server in (four, any_address)}
        assert listening.listeners({*ports, 1}) == dict.fromkeys(ports, os.getpid())


def _everywhere() -> socket.socket:
    """A server on all addresses, of IPv6 where the host has it."""
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    return socket.create_server(("", 0), family=family)


def _refuse(_ports: object) -> NoReturn:
    raise PermissionError


def test_only_ports_that_were_asked_for_and_are_listened_on_are_told() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as asked,
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.socket() as bound,
        socket.create_connection(asked.getsockname()) as connected,
    ):
        bound.bind(("127.0.0.1", 0))
        ports = [server.getsockname()[1] for server in (asked, bound, connected)]
        assert other.getsockname()[1] not in ports
        assert listening.listeners(ports) == {ports[0]: os.getpid()}
        assert listening.listeners([]) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil tells")
def test_a_socket_whose_process_can_not_be_seen_is_told_without_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sockets = listening._sockets([server.getsockname()[1]])
        assert list(sockets) == [f"socket:[{os.fstat(server.fileno()).st_ino}]"]
        assert listening._owners({"socket:[0]": 1, **sockets}) == {1: None, server.getsockname()[1]: os.getpid()}


@pytest.mark.parametrize("way", ["kernel", "psutil"])
def test_a_process_listens_on_its_own_ports_alone(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "psutil":
        monkeypatch.setattr(listening, "_sockets", _refuse, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert listening.listens(os.getpid(), port) is True
        assert listening.listens(os.getppid(), port) is False
        assert listening.listens(os.getpid(), bound.getsockname()[1]) is False
        assert listening.listens(2**31 - 1, port) is (None if way == "psutil" else False)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil tells")
def test_a_process_that_is_not_for_us_to_look_at_may_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listdir", _refuse)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert listening.listens(os.getpid(), server.getsockname()[1]) is None
