"""Which files of this host a VM's guest can read through its disk, and whether the user has confirmed them.

A disk made here or by podplane has one base image and nothing else. Everything beyond that has to be confirmed, once:
what was confirmed is remembered of the disk in words, and counts as long as the disk brings along just that.
"""

from __future__ import annotations

from podplane_tui.backend.core.errors import CorruptFile, InvalidImage, UnconfirmedChain
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.images.chain import ChainFile, is_usual, read_chain
from podplane_tui.backend.vm.remembered import read_settings, update_settings

OPTION = "--allow-backing-chain"


def in_words(chain: tuple[ChainFile, ...]) -> tuple[str, ...]:
    """The files, a text each."""
    return tuple(map(str, chain))


def unconfirmed_chain(files: VMFiles) -> tuple[str, ...]:
    """The files that have to be confirmed before the VM can start; () when there are none. Raises `InvalidImage`."""
    chain = read_chain(files.image)
    words = in_words(chain)
    return () if is_usual(chain) or words == read_settings(files).backing_chain else words


def require_confirmed(files: VMFiles) -> None:
    """Raise `UnconfirmedChain` when QEMU would read files for the VM that nobody has confirmed, or `InvalidImage`."""
    if chain := unconfirmed_chain(files):
        raise UnconfirmedChain(
            f"the disk of {files.name} names files that QEMU would read: {' → '.join(chain)}",
            chain=chain,
            hint=f"check them, then start it with {OPTION}",
        )


def confirm_chain(files: VMFiles, chain: tuple[str, ...]) -> None:
    """Remember that the user has confirmed these files. Raises `CorruptFile`, `InUse`."""
    with os_errors_as(CorruptFile, f"the settings of {files.name} can't be written"):
        update_settings(files, backing_chain=chain)


def readable_chain(files: VMFiles) -> tuple[str, ...]:
    """The same as `unconfirmed_chain`, but () where that can't be told: then the start says why."""
    try:
        return unconfirmed_chain(files)
    except InvalidImage:
        return ()
