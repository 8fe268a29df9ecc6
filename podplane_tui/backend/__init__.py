"""The backend: everything a script needs to manage the VMs of local Podplane clusters.

What lives here: files, processes, QEMU, SSH, rsync, and the verbs made of them. What may not: Textual, Rich, click, the
terminal emulator, `print`. The packages are layers, in the order that the contracts in `pyproject.toml` give.

What is to come has its place already: a guest's metrics, units and journal over one SSH connection in `guest`, the
cluster in a VM in `kubernetes`, VMs of other hosts in `hosts`, port forwards of a running VM in `vm.forward`.

Each public name's module is imported when the name is first asked for: most programs use few of them, and each takes
time to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podplane_tui.backend.core.control import Control, Progress, ShellOptions, StopTimeouts
    from podplane_tui.backend.core.errors import (
        AlreadyRunning,
        Busy,
        Cancelled,
        CloudInitFailed,
        CommandFailed,
        CommandTimedOut,
        ConnectionLost,
        ConsoleError,
        ConsoleHeld,
        CorruptFile,
        CreateFailed,
        DeleteFailed,
        ForeignProcess,
        HostKeyChanged,
        InsecureDirectory,
        InUse,
        InvalidImage,
        InvalidInput,
        KeyRefused,
        MissingProgram,
        NotReady,
        NotRunning,
        PortTaken,
        QMPError,
        QMPUnavailable,
        RunStateError,
        ShellError,
        SnapshotNotFound,
        SourceLost,
        StartFailed,
        StillBooting,
        StopFailed,
        UnconfirmedChain,
        Unsupported,
        VMBroken,
        VMError,
        VMExists,
        VMNotFound,
    )
    from podplane_tui.backend.core.status import Action, Ports, State, VMSnapshot, VMStatus
    from podplane_tui.backend.qemu.arguments import (
        NET_CIDR,
        NET_END,
        NET_MACPREFIX,
        NET_MASK,
        NET_START,
        NET_SUBNET,
        DirectBootOptions,
        PortForward,
        net_mac_address,
        normalize_kernel_cmdline,
        qemu_arguments,
        qemu_binary,
        qemu_required_binaries,
    )
    from podplane_tui.backend.qemu.stop import StopResult
    from podplane_tui.backend.runtime.pidfile import PIDFile
    from podplane_tui.backend.vm.cluster import Cluster
    from podplane_tui.backend.vm.create import CreateSpec
    from podplane_tui.backend.vm.inventory import Inventory
    from podplane_tui.backend.vm.manager import Qemu
    from podplane_tui.backend.vm.protocol import Manager, Options
    from podplane_tui.backend.vm.repair import RepairKind, RepairPlan, RepairStep
    from podplane_tui.backend.vm.start import StartSpec
    from podplane_tui.backend.vm.verbs import Verb

PUBLIC_NAMES = {
    "core.control": "Control Progress ShellOptions StopTimeouts",
    "core.errors": (
        "AlreadyRunning Busy Cancelled CloudInitFailed CommandFailed CommandTimedOut ConnectionLost ConsoleError "
        "ConsoleHeld CorruptFile CreateFailed DeleteFailed ForeignProcess HostKeyChanged InsecureDirectory InUse "
        "InvalidImage InvalidInput KeyRefused MissingProgram NotReady NotRunning PortTaken QMPError QMPUnavailable "
        "RunStateError ShellError SnapshotNotFound SourceLost StartFailed StillBooting StopFailed UnconfirmedChain "
        "Unsupported VMBroken VMError VMExists VMNotFound"
    ),
    "core.status": "Action Ports State VMSnapshot VMStatus",
    "qemu.arguments": (
        "NET_CIDR NET_END NET_MACPREFIX NET_MASK NET_START NET_SUBNET DirectBootOptions PortForward net_mac_address "
        "normalize_kernel_cmdline qemu_arguments qemu_binary qemu_required_binaries"
    ),
    "qemu.stop": "StopResult",
    "runtime.pidfile": "PIDFile",
    "vm.cluster": "Cluster",
    "vm.inventory": "Inventory",
    "vm.manager": "Qemu",
    "vm.protocol": "Manager Options",
    "vm.repair": "RepairKind RepairPlan RepairStep",
    "vm.start": "StartSpec",
    "vm.create": "CreateSpec",
    "vm.verbs": "Verb",
}
"""Module → the public names it defines."""

_MODULES = {name: module for module, names in PUBLIC_NAMES.items() for name in names.split()}

__all__ = [
    "NET_CIDR",
    "NET_END",
    "NET_MACPREFIX",
    "NET_MASK",
    "NET_START",
    "NET_SUBNET",
    "Action",
    "AlreadyRunning",
    "Busy",
    "Cancelled",
    "CloudInitFailed",
    "Cluster",
    "CommandFailed",
    "CommandTimedOut",
    "ConnectionLost",
    "ConsoleError",
    "ConsoleHeld",
    "Control",
    "CorruptFile",
    "CreateFailed",
    "CreateSpec",
    "DeleteFailed",
    "DirectBootOptions",
    "ForeignProcess",
    "HostKeyChanged",
    "InUse",
    "InsecureDirectory",
    "InvalidImage",
    "InvalidInput",
    "Inventory",
    "KeyRefused",
    "Manager",
    "MissingProgram",
    "NotReady",
    "NotRunning",
    "Options",
    "PIDFile",
    "PortForward",
    "PortTaken",
    "Ports",
    "Progress",
    "QMPError",
    "QMPUnavailable",
    "Qemu",
    "RepairKind",
    "RepairPlan",
    "RepairStep",
    "RunStateError",
    "ShellError",
    "ShellOptions",
    "SnapshotNotFound",
    "SourceLost",
    "StartFailed",
    "StartSpec",
    "State",
    "StillBooting",
    "StopFailed",
    "StopResult",
    "StopTimeouts",
    "UnconfirmedChain",
    "Unsupported",
    "VMBroken",
    "VMError",
    "VMExists",
    "VMNotFound",
    "VMSnapshot",
    "VMStatus",
    "Verb",
    "net_mac_address",
    "normalize_kernel_cmdline",
    "qemu_arguments",
    "qemu_binary",
    "qemu_required_binaries",
]


def __getattr__(name: str) -> object:
    """Import the module that defines a public name (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
