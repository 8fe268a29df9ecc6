"""Kernel modules of an unpacked kernel package, in the order they must be loaded; no depmod, no root."""

import gzip
import lzma
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
_COMPRESSIONS = {".xz": lzma.decompress, ".gz": gzip.decompress}


def module_files(directory: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the content of modules `names` and of those they need, keyed by file name, each after what it needs.

    `directory` is the kernel's (`lib/modules/VERSION`). Modules built into the kernel are left out.

    Raises:
        FileNotFoundError: this kernel has no such module.
    """
    built_in = {_name(Path(line)) for line in (directory / "modules.builtin").read_text().splitlines()}
    files = {_name(file): file for file in directory.rglob("*.ko*")}
    contents: dict[str, bytes] = {}
    needs: dict[str, list[str]] = {}
    pending = [name for name in names if name not in built_in]
    while pending:
        name = pending.pop()
        if name in contents:
            continue
        if name not in files:
            raise FileNotFoundError(f"this kernel has no module {name}: {directory}")
        file = files[name]
        contents[name] = _COMPRESSIONS.get(file.suffix, bytes)(file.read_bytes())
        needs[name] = [need for need in depends(contents[name]) if need not in built_in]
        pending += needs[name]
    return {f"{name}.ko": contents[name] for name in load_order(needs)}


def depends(module: bytes) -> list[str]:
    """Return the names of the modules a module says it needs."""
    match = _DEPENDS.search(module)
    return [_name(Path(name)) for name in match[1].decode().split(",") if name] if match else []


def load_order(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the keys of `needs`, each after the names it needs; the kernel allows no circles."""
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in order:
            for need in needs[name]:
                visit(need)
            order[name] = None

    for name in sorted(needs):
        visit(name)
    return list(order)


def _name(file: Path) -> str:
    """Return a module's name: file names and dependencies may have hyphens where the kernel has underscores."""
    return file.name.partition(".ko")[0].replace("-", "_")
