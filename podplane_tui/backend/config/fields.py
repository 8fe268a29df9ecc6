"""What may be typed for a VM: one check a field, for command line, dialogs, config.toml and backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from podplane_tui.backend.core.errors import InvalidInput, VMError
from podplane_tui.backend.core.paths import validate_cluster_id
from podplane_tui.backend.core.sizes import parse_disk_size
from podplane_tui.backend.images.digest import validate_digest
from podplane_tui.backend.qemu.arguments import parse_memory, validate_cpus

FIELDS: Mapping[str, Callable[[str], object]] = {
    "cluster_id": validate_cluster_id,
    "digest": validate_digest,
    "disk_size": parse_disk_size,
    "grow_to": parse_disk_size,
    "max_size": parse_disk_size,
    "cpus": validate_cpus,
    "memory": parse_memory,
}
"""By field, what raises `InvalidInput` for a text that it can't have."""


class FieldFault(NamedTuple):
    """A field, and the error for what is in it."""

    field: str
    error: VMError


def field_fault(**texts: str) -> FieldFault | None:
    """The first field with a text that can't be; None when there is none. "" stands for the default."""
    for name, text in texts.items():
        try:
            if text:
                FIELDS[name](text)
        except InvalidInput as error:
            return FieldFault(name, error)
    return None


def check_fields(**texts: str) -> None:
    """Raise `InvalidInput` for the first text that can't be; "" stands for the default."""
    if fault := field_fault(**texts):
        raise fault.error
