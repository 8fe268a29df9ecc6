"""Where a VM's SSH server is, and how it is known to be that VM's: the one place where `SSHTarget`s are made.

The host key decides. While none is known the first one is taken on trust, and that only from a port on which the VM's
own QEMU listens: another program that was there first gets neither a login nor a file.
"""

from __future__ import annotations

from podplane_tui.backend.config.model import load_config
from podplane_tui.backend.core.errors import CorruptFile, ShellError, StillBooting
from podplane_tui.backend.core.files import os_errors_as, private_directory
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.listeners import listens
from podplane_tui.backend.qemu.diagnosis import port_holders
from podplane_tui.backend.qemu.process import QemuProcess
from podplane_tui.backend.recording.host_keys import learn
from podplane_tui.backend.recording.store import recordings
from podplane_tui.backend.runtime.directories import require_secure_directories
from podplane_tui.backend.runtime.ports import LOOPBACK
from podplane_tui.backend.ssh.client import DEFAULT_USER, WHILE_BOOTING, SSHTarget
from podplane_tui.backend.ssh.known_hosts import OtherKeys, other_keys, read_host_keys
from podplane_tui.backend.vm.remembered import claim, has_former, read_settings


def endpoint(files: VMFiles, process: QemuProcess, port: int, user: str = "") -> SSHTarget:
    """The SSH server of the VM of `files` on `port`, with the host keys that its console has shown by now.

    `process` is its QEMU. Raises `InsecureDirectory`, `InvalidInput` for a user that can't be one and for a
    configuration that can't be understood, `CorruptFile`, and `ShellError`.
    """
    require_secure_directories(files)
    learn_host_keys(files)
    target = described(files, port, user)
    if not read_host_keys(files.known_hosts).keys:
        _require_listener(files, process, port)
    return target


def learn_host_keys(files: VMFiles) -> OtherKeys | None:
    """Keep the host keys that the VM's console has shown by now, and forget those of a former VM of that name.

    Gives those that the console has shown and that were not taken for the VM's, if any.
    Raises `ShellError`, `CorruptFile` and `InUse`.
    """
    with os_errors_as(ShellError, f"the host keys of {files.name} can't be stored"):
        private_directory(files.known_hosts.parent)
        try:
            claim(files)
        except (OSError, CorruptFile):
            if has_former(files):  # whose keys would be taken for this one's
                raise
        newest = next(iter(recordings(files)), None)
        if newest is not None:
            learn(files, newest.path, from_power_on=newest.power_on is not None)
        return other_keys(files.known_hosts)


def described(files: VMFiles, port: int, user: str = "") -> SSHTarget:
    """The same for a command line to be shown: nothing is learned, and nobody is asked. Raises `InvalidInput`."""
    user = user or read_settings(files).user or DEFAULT_USER
    return SSHTarget(LOOPBACK, port, user, files.identity, files.stem, files.known_hosts, load_config().ssh.options)


def _require_listener(files: VMFiles, process: QemuProcess, port: int) -> None:
    """Raise `ShellError` when it is seen that somebody else listens on the port. Where that can't be seen, go on."""
    if listens(process.pid, port) is not False:
        return
    holder = (port_holders([port]) or {}).get(port)
    if holder is None:
        raise StillBooting(f"port {port} of {files.name} is not open yet", hint=WHILE_BOOTING)
    raise ShellError(
        f"{holder} listens on port {port}, not the QEMU of {files.name}, whose host key is not known yet",
        hint="end that program, or restart the VM to give it another port",
    )
