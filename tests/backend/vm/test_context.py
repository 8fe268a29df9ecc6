"""`Context`: ports, the state file, and what is remembered, of clusters that do not run."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from podplane_tui.backend.core.errors import CorruptFile, InvalidInput
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import Ports
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.runtime.ports import write_state_file
from podplane_tui.backend.vm.cluster import Cluster
from podplane_tui.backend.vm.context import Context
from podplane_tui.backend.vm.manager import Qemu
from podplane_tui.backend.vm.remembered import ClusterSettings, read_settings


@pytest.mark.usefixtures("require_qemu")
def test_what_qemu_would_refuse_is_not_remembered(cluster: Cluster) -> None:
    for changes, words in (({"cpus": "x"}, "number of CPUs 'x'"), ({"memory": "lots"}, "memory size 'lots'")):
        with pytest.raises(InvalidInput, match=f"invalid {words}"):
            cluster.remember(**changes)
    assert read_settings(cluster.files) == ClusterSettings()


@pytest.fixture
def context(cluster: Cluster) -> Context:
    return Context.of(cluster.files)


def runs_with(files: VMFiles, *arguments: str) -> Context:
    """A VM whose QEMU has these arguments, as far as its manager tells."""
    process = QemuProcess(4711, "77", 0.0, ("qemu-system-x86_64", *arguments), ())
    return Context(cast("Qemu", SimpleNamespace(files=files, vm_name=files.name, process=lambda: process)))


NIC = ("-nic", "user,hostfwd=tcp:127.0.0.1:2200-:22,hostfwd=tcp:127.0.0.1:6400-:6443")


def test_qemu_tells_the_ports_of_a_vm_that_runs(context: Context) -> None:
    """The state file may be old, or that of the VM of another architecture."""
    vm, silent = runs_with(context.files, *NIC), runs_with(context.files, "-nic", "none")
    told = Ports(ssh=2200, kubernetes_api=6400)
    assert (vm.ports(), silent.ports()) == (told, Ports())
    write_state_file(context.files.state_file, "a", Ports(ssh=2222))
    assert (vm.ports(), silent.ports(), context.ports()) == (told, Ports(), Ports(ssh=2222))
    context.files.state_file.write_text("junk")
    assert (vm.ports(), silent.ports()) == (told, Ports())
    with pytest.raises(CorruptFile, match=r"local/.*repair"):
        context.ports()


def test_a_cluster_without_a_vm_has_none_of_another_architecture(context: Context) -> None:
    assert context.other_runs() is False


def test_the_state_file_goes_and_what_is_none_is_moved_aside(context: Context) -> None:
    path = context.files.state_file
    assert context.remove_state_file() is False
    write_state_file(path, "a", Ports(ssh=2222))
    assert context.remove_state_file() is True
    assert list(path.parent.iterdir()) == []
    path.write_text("precious")
    assert context.remove_state_file() is True
    [aside] = path.parent.iterdir()
    assert aside.name.startswith(f"{path.name}.broken-")
    assert aside.read_text() == "precious"
    path.symlink_to("nowhere")
    assert context.remove_state_file() is True
    assert not path.is_symlink()


def test_what_is_remembered_is_added_to(context: Context) -> None:
    context.remember(cpus="2", memory="1G")
    context.remember(memory="", user="me")
    assert context.remembered() == ClusterSettings(cpus="2", user="me")
    with pytest.raises(InvalidInput, match="CPU"):
        context.remember(cpus="0", user="you")
    assert context.remembered() == replace(ClusterSettings(), cpus="2", user="me")


def test_settings_that_can_not_be_written_are_said(context: Context) -> None:
    context.files.own_state.write_text("no folder")
    with pytest.raises(CorruptFile, match=r"the settings of podplane-local-a can't be written: .*; move the file"):
        context.remember(cpus="2")
    assert context.remembered() == ClusterSettings()
