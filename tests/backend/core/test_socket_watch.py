"""Connections that are cut off while somebody waits for them."""

from __future__ import annotations

import socket
from threading import Event

from podplane_tui.backend.core.socket_watch import SocketWatch


def test_who_waits_sees_the_end_when_it_is_over() -> None:
    over = Event()
    ours, theirs = socket.socketpair()
    with ours, theirs, SocketWatch(over.is_set) as watch:
        watch.guard(ours)
        assert not watch.cut
        over.set()
        assert ours.recv(1) == b""
        assert watch.cut


def test_a_connection_that_follows_is_cut_off_at_once() -> None:
    first, second = socket.socketpair(), socket.socketpair()
    with first[0], first[1], second[0], second[1], SocketWatch(lambda: True) as watch:
        watch.guard(first[0])
        assert first[0].recv(1) == b""
        watch.guard(second[0])
        assert second[0].recv(1) == b""


def test_a_connection_is_left_alone_when_the_block_is_left() -> None:
    over = Event()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with SocketWatch(over.is_set) as watch:
            watch.guard(ours)
        over.set()
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"


def test_nothing_to_watch_over_is_nothing_to_do() -> None:
    with SocketWatch(lambda: True) as watch:
        assert not watch.cut
