"""Connections that are cut off while somebody waits for them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from podplane_tui.backend.core.socket_watch import SocketWatch


def test_who_waits_sees_the_end_when_it_is_over() -> None:
    over = Event()
    ours, theirs = socket.socketpair()
    with ours, theirs, SocketWatch(over) as watch:
        watch.guard(ours)
        assert not watch.cut
        over.set()
        assert ours.recv(1) == b""
        assert watch.cut


def test_a_connection_that_follows_is_cut_off_at_once() -> None:
    first, second = socket.socketpair(), socket.socketpair()
    with first[0], first[1], second[0], second[1], SocketWatch(Event(), 0) as watch:
        watch.guard(first[0])
        assert first[0].recv(1) == b""
        watch.guard(second[0])
        assert second[0].recv(1) == b""


def test_a_connection_is_left_alone_when_the_block_is_left() -> None:
    over = Event()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with SocketWatch(over) as watch:
            watch.guard(ours)
        over.set()
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"


def test_nothing_to_watch_over_is_nothing_to_do() -> None:
    with SocketWatch(Event(), 0) as watch:
        assert not watch.cut


def test_what_is_allowed_more_time_has_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, SocketWatch(Event(), 3600) as watch:
        watch.guard(ours)
        watch.allow(3600)
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
        watch.allow(0)
        assert ours.recv(1) == b""
        assert watch.cut


# Connections that are not there yet


@contextmanager
def full() -> Iterator[int]:
    """A port of this host on which a connection is not made: its queue is full, and the system says nothing of it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port: int = listening.getsockname()[1]
        waiting = []
        try:
            while True:
                waiting.append(socket.socket())
                waiting[-1].settimeout(0.2)
                try:
                    waiting[-1].connect(("127.0.0.1", port))
                except TimeoutError:
                    break
            yield port
        finally:
            for each in waiting:
                each.close()


@contextmanager
def silent_resolver(monkeypatch: pytest.MonkeyPatch, asked: Callable[[], object] = lambda: None) -> Iterator[str]:
    """A name whose address nobody says; `asked` is called when it is looked up."""
    resolve, go_on = socket.getaddrinfo, Event()

    def silent(host: str, *arguments: object, **options: object) -> object:
        if host != "nobody.invalid":
            return resolve(host, *arguments, **options)  # type: ignore[arg-type]
        asked()
        go_on.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        yield "nobody.invalid"
    finally:
        go_on.set()
        for thread in threading.enumerate():
            if thread.name == "resolver":
                thread.join()


def test_a_connection_is_made_and_watched() -> None:
    cancel = Event()
    with socket.create_server(("127.0.0.1", 0)) as server, SocketWatch(cancel) as watch:
        port = server.getsockname()[1]
        with watch.connect("localhost", port, timeout=60) as ours, server.accept()[0] as theirs:
            assert ours.gettimeout() == 60
            theirs.sendall(b"x")
            assert ours.recv(1) == b"x"
            cancel.set()
            assert ours.recv(1) == b""
            assert watch.cut


def test_all_addresses_of_a_name_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as taken, SocketWatch(Event()) as watch:
        taken.bind(("127.0.0.1", 0))
        addresses = [taken.getsockname(), server.getsockname()]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with watch.connect("both", 1, timeout=60) as ours:
            assert ours.getpeername() == server.getsockname()


def test_a_refused_connection_and_an_unknown_name_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken, SocketWatch(Event()) as watch:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError, match="refused"):
            watch.connect("127.0.0.1", taken.getsockname()[1], timeout=60)

        def unknown(*_: object, **__: object) -> object:
            raise socket.gaierror(socket.EAI_NONAME, "unknown name")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(socket.gaierror, match="unknown name"):
            watch.connect("nobody", 1, timeout=60)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
        with pytest.raises(OSError, match="assign requested address"):
            watch.connect("nobody", 1, timeout=60)
        assert not watch.cut


def test_connecting_is_given_up_when_it_is_over_or_takes_too_long() -> None:
    cancel = Event()
    with full() as port, SocketWatch(cancel) as watch:
        with pytest.raises(TimeoutError, match="timed out"):
            watch.connect("127.0.0.1", port, timeout=0)
        assert not watch.cut
        threading.Timer(0.1, cancel.set).start()
        with pytest.raises(ConnectionAbortedError, match="abort"):
            watch.connect("127.0.0.1", port, timeout=3600)
        assert watch.cut


def test_a_resolver_that_says_nothing_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = Event()
    with silent_resolver(monkeypatch, cancel.set) as name, SocketWatch(cancel) as watch:
        with pytest.raises(ConnectionAbortedError, match="abort"):
            watch.connect(name, 1, timeout=3600)
        assert watch.cut
    with silent_resolver(monkeypatch) as name, SocketWatch(Event()) as watch:
        with pytest.raises(TimeoutError, match="timed out"):
            watch.connect(name, 1, timeout=0)
        assert not watch.cut
