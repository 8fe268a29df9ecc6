"""Keys of a VM's own keyboard, as QEMU is told of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import QMPError, QMPUnavailable
from podplane_tui.backend.qemu.qmp import ControlSocket
from podplane_tui.backend.qemu.send_key import CTRL_ALT_DEL, press
from tests.backend.qemu.support import control_socket


def test_keys_are_pressed_together_and_in_order(tmp_path: Path) -> None:
    with control_socket(tmp_path / "qmp", {"send-key": {}}) as asked:
        press(ControlSocket(tmp_path / "qmp", os.getpid()), CTRL_ALT_DEL)
        press(ControlSocket(tmp_path / "qmp", os.getpid()), ["alt", "sysrq", "b"])
    assert [request["execute"] for request in asked] == ["send-key"] * 2
    keys = [{"type": "qcode", "data": key} for key in ("ctrl", "alt", "delete", "alt", "sysrq", "b")]
    assert [request["arguments"] for request in asked] == [{"keys": keys[:3]}, {"keys": keys[3:]}]


def test_keys_that_qemu_refuses_are_an_error(tmp_path: Path) -> None:
    with control_socket(tmp_path / "qmp", {}), pytest.raises(QMPError, match="no send-key here"):
        press(ControlSocket(tmp_path / "qmp", os.getpid()), ["nonsense"])


def test_keys_for_a_vm_that_is_gone_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(QMPUnavailable, match="No such file"):
        press(ControlSocket(tmp_path / "qmp", os.getpid()), CTRL_ALT_DEL)
