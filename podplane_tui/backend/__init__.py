"""The shared backend: local Podplane cluster machines, their files, processes and verbs.

What lives here: everything a script needs to manage them. What may not: Textual, Rich, the terminal emulator, `print`.

Each name's module is imported when the name is first asked for: most programs use few of them, and each costs time.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podplane_tui.backend.arguments import (
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
    from podplane_tui.backend.cluster import Cluster
    from podplane_tui.backend.errors import (
        AlreadyRunning,
        Busy,
        Cancelled,
        CommandFailed,
        ConsoleError,
        ConsoleHeld,
        CorruptFile,
        CreateFailed,
        DeleteFailed,
        ForeignProcess,
        HostKeyChanged,
        InvalidImage,
        InvalidInput,
        KeyRefused,
        MissingProgram,
        NotReady,
        NotRunning,
        QMPError,
        QMPUnavailable,
        ShellError,
        StartFailed,
        StillBooting,
        StopFailed,
        Unsupported,
        VMError,
        VMExists,
        VMNotFound,
    )
    from podplane_tui.backend.interface import Control, Manager, Options, Progress, ShellOptions, StopTimeouts
    from podplane_tui.backend.inventory import Inventory
    from podplane_tui.backend.pidfile import PIDFile
    from podplane_tui.backend.qemu import Qemu
    from podplane_tui.backend.repair import RepairKind, RepairPlan, RepairStep
    from podplane_tui.backend.snapshot import Action, Ports, State, VMSnapshot
    from podplane_tui.backend.starting import StartSettings
    from podplane_tui.backend.stop import StopResult

_NAMES = {
    "arguments": (
        "NET_CIDR NET_END NET_MACPREFIX NET_MASK NET_START NET_SUBNET DirectBootOptions PortForward net_mac_address "
        "normalize_kernel_cmdline qemu_arguments qemu_binary qemu_required_binaries"
    ),
    "cluster": "Cluster",
    "errors": (
        "AlreadyRunning Busy Cancelled CommandFailed ConsoleError ConsoleHeld CorruptFile CreateFailed "
        "DeleteFailed ForeignProcess HostKeyChanged InvalidImage InvalidInput KeyRefused MissingProgram NotReady "
        "NotRunning QMPError QMPUnavailable ShellError StartFailed StillBooting StopFailed Unsupported VMError "
        "VMExists VMNotFound"
    ),
    "interface": "Control Manager Options Progress ShellOptions StopTimeouts",
    "inventory": "Inventory",
    "pidfile": "PIDFile",
    "qemu": "Qemu",
    "repair": "RepairKind RepairPlan RepairStep",
    "snapshot": "Action Ports State VMSnapshot",
    "starting": "StartSettings",
    "stop": "StopResult",
}
"""Module → the public names it defines."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

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
    "Cluster",
    "CommandFailed",
    "ConsoleError",
    "ConsoleHeld",
    "Control",
    "CorruptFile",
    "CreateFailed",
    "DeleteFailed",
    "DirectBootOptions",
    "ForeignProcess",
    "HostKeyChanged",
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
    "Ports",
    "Progress",
    "QMPError",
    "QMPUnavailable",
    "Qemu",
    "RepairKind",
    "RepairPlan",
    "RepairStep",
    "ShellError",
    "ShellOptions",
    "StartFailed",
    "StartSettings",
    "State",
    "StillBooting",
    "StopFailed",
    "StopResult",
    "StopTimeouts",
    "Unsupported",
    "VMError",
    "VMExists",
    "VMNotFound",
    "VMSnapshot",
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
