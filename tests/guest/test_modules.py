"""Kernel modules in load order."""

import lzma
from pathlib import Path

import pytest

from tests.guest.modules import depends, load_order, module_files


def module(needs: str) -> bytes:
    return b"\x7fELF\0license=GPL\0depends=" + needs.encode() + b"\0name=x\0"


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A directory of modules as a kernel package has it, with the three spellings and forms they come in."""
    drivers = tmp_path / "kernel" / "drivers"
    drivers.mkdir(parents=True)
    (tmp_path / "modules.builtin").write_text("kernel/drivers/virtio/virtio-ring.ko\n")
    (drivers / "virtio_net.ko").write_bytes(module("net-failover,virtio_ring"))
    (drivers / "net_failover.ko.xz").write_bytes(lzma.compress(module("failover")))
    (drivers / "failover.ko").write_bytes(module(""))
    return tmp_path


def test_each_module_comes_after_what_it_needs(kernel: Path) -> None:
    files = module_files(kernel, ["virtio_net", "virtio_ring"])
    assert list(files) == ["failover.ko", "net_failover.ko", "virtio_net.ko"]
    assert files["net_failover.ko"] == module("failover")


def test_missing_module_is_named(kernel: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no module isofs"):
        module_files(kernel, ["isofs"])


def test_depends_of_a_module_file() -> None:
    assert depends(module("a,b-c")) == ["a", "b_c"]
    assert depends(module("")) == depends(b"no module") == []


def test_load_order_of_a_diamond() -> None:
    assert load_order({"top": ["left", "right"], "left": ["base"], "right": ["base"], "base": []}) == [
        "base",
        "left",
        "right",
        "top",
    ]
