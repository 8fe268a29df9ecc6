"""Ports and the state file."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterable
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import ASIDE
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.qemu.arguments import PortForward
from podplane_tui.backend.runtime.ports import (
    FORWARDS,
    allocate_ports,
    moved_ports,
    port_forwards,
    port_is_free,
    ports_of,
    read_state_file,
    write_state_file,
)

DEFAULTS = Ports(2222, 6443, 8081, 5001, 8443)


def test_defaults_when_all_are_free() -> None:
    assert allocate_ports(lambda _port: True) == DEFAULTS


def test_a_taken_default_is_replaced_and_no_port_comes_twice() -> None:
    ports = allocate_ports(lambda port: port not in (2222, 8443))
    numbers = [port for _, port in ports.items()]
    assert len(set(numbers)) == 5
    assert ports.ssh not in (2222, 6443, 8081, 5001, 8443)
    assert ports.kubernetes_api == 6443


def test_a_default_is_not_given_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter([6443, 50001])

    class Probe(socket.socket):
        """The system picks the default of another forward first."""

        def getsockname(self) -> tuple[str, int]:
            return "127.0.0.1", next(given)

    monkeypatch.setattr(socket, "socket", Probe)
    assert allocate_ports(lambda port: port != 2222) == DEFAULTS._replace(ssh=50001)


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not port_is_free(port)
    assert port_is_free(port)


def test_forwards_lead_to_the_guest_ports() -> None:
    assert port_forwards(DEFAULTS) == tuple(
        PortForward("127.0.0.1", host, guest)
        for host, guest in ((2222, 22), (6443, 6443), (8081, 8080), (5001, 5000), (8443, 443))
    )
    assert list(FORWARDS) == [name for name, _ in DEFAULTS.items()]


def test_the_state_file_is_podplanes_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "local" / "default.state.json"
    write_state_file(path, "default", DEFAULTS)
    assert path.read_bytes() == (
        b'{"cluster_id":"default","backend":"qemu","ports":{"ssh":2222,"kubernetes_api":6443,'
        b'"traefik_dashboard":8081,"registry":5001,"traefik_https":8443}}'
    )
    assert read_state_file(path) == DEFAULTS
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_power_cut_leaves_a_whole_state_file(tmp_path: Path, synced: list[str]) -> None:
    write_state_file(tmp_path / "s.json", "default", DEFAULTS)
    assert synced == ["file"]


@pytest.mark.parametrize(
    ("operand", "ports"),
    [
        ("user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:2200-:22,hostfwd=tcp::9443-10.0.2.15:443", (2200, 9443)),
        ("user,hostfwd=tcp::65535-:22,hostfwd=tcp::1-:443", (65535, 1)),
        ("user,hostfwd=tcp::65536-:22,hostfwd=tcp::0-:443", (None, None)),
        ("user,hostfwd=udp::2200-:22,hostfwd=tcp::9443-:444", (None, None)),
        ("none", (None, None)),
        ("user,hostfwd=::2200-:22,hostfwd=tcp:0.0.0.0:9443-:443", (2200, 9443)),
        ("user,hostfwd=tcp:192.0.2.1:2200-:22,hostfwd=tcp:127.0.0.2:9443-:443", (None, None)),
    ],
)
def test_the_ports_a_qemu_forwards_are_read_from_its_arguments(
    operand: str, ports: tuple[int | None, int | None]
) -> None:
    ssh, https = ports
    for option in ("-nic", "-netdev", "--net"):
        assert ports_of(("qemu", option, operand)) == Ports(ssh=ssh, traefik_https=https)


def test_no_state_file_means_no_ports(tmp_path: Path) -> None:
    assert read_state_file(tmp_path / "none") == Ports()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not a cluster's state file"),
        (b"[]", "is not a cluster's state file"),
        (b"{}", "is not a cluster's state file"),
        (b'{"ports":[]}', "is not a cluster's state file"),
        (b'{"ports":{"ssh":"2222"}}', "names an invalid port"),
        (b'{"ports":{"ssh":65536}}', "names an invalid port"),
        (b'{"ports":{"ssh":0}}', "names an invalid port"),
        (b'{"ports":{"ssh":true}}', "names an invalid port"),
        (b"null", "is not a cluster's state file"),
    ],
)
def test_a_state_file_that_is_none(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match=why) as caught:
        read_state_file(path)
    assert str(caught.value) == f"{path} {why}: {ASIDE}"


def test_ports_that_a_state_file_leaves_out_are_not_known(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(b'{"ports":{"ssh":1,"registry":null,"traefik_https":65535,"later":"x"}}')
    assert read_state_file(path) == Ports(ssh=1, traefik_https=65535)


def test_a_port_that_is_not_the_usual_one_names_who_has_that() -> None:
    usual = Ports(ssh=2222, kubernetes_api=6443)
    asked: list[list[int]] = []

    def holders(ports: Iterable[int]) -> dict[int, str]:
        asked.append(list(ports))
        return {2222: "process 123 (sshd)"}

    assert moved_ports(usual, holders) == ()
    assert asked == [], "nobody is asked for nothing"
    assert moved_ports(Ports(ssh=40213, kubernetes_api=40214, registry=5001), holders) == (
        "2222 (ssh) is taken by process 123 (sshd): using 40213",
        "6443 (kubernetes api) is taken by another program: using 40214",
    )
    assert asked == [[2222, 6443]], "one look takes as long as one for each"
    assert "another program" in moved_ports(Ports(ssh=40213), lambda ports: None)[0]
