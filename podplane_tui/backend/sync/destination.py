"""Where a copy with `--delete` deletes in the VM, and whether the VM's system lives there.

rsync deletes only in directories whose contents it copies: in the destination itself for `source/`, else in the
directory of the source's name below it. The path is judged as it is written and, since a link in the guest may lead
elsewhere, as the guest resolves it.
"""

from __future__ import annotations

import io
import os
import posixpath
from pathlib import Path

from podplane_tui.backend.core.control import Control, ShellOptions
from podplane_tui.backend.core.errors import CommandFailed, CommandTimedOut, ConnectionLost, InvalidInput
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.ssh.client import SSHTarget, run, run_shared
from podplane_tui.backend.sync.rsync import SyncRequest, copies_contents, relative_to_home

_WITH_ALL_BELOW = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys"),
    *("/usr/bin", "/usr/include", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/libx32", "/usr/sbin"),
    *("/var/lib/NetworkManager", "/var/lib/apt", "/var/lib/cloud", "/var/lib/cni", "/var/lib/containerd"),
    *("/var/lib/containers", "/var/lib/dbus", "/var/lib/dhcp", "/var/lib/docker", "/var/lib/dpkg", "/var/lib/etcd"),
    *("/var/lib/kubelet", "/var/lib/pam", "/var/lib/private", "/var/lib/rancher", "/var/lib/rpm", "/var/lib/snapd"),
    *("/var/lib/sudo", "/var/lib/systemd", "/var/lib/ucf"),
)
"""Directories of the system, all that is below them included.

Nothing tells which directories below `/etc` are one program's own: all of them count. In `/var/lib`, where programs
keep their data, those count that the system, its packages and its containers need.
"""

_ALONE = frozenset(
    {
        *("/", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr", "/var"),  # noqa: S108
        *("/usr/local/bin", "/usr/local/etc", "/usr/local/games", "/usr/local/include", "/usr/local/lib"),
        *("/usr/local/lib64", "/usr/local/libexec", "/usr/local/man", "/usr/local/sbin", "/usr/local/share"),
        *("/usr/local/src", "/var/backups", "/var/cache", "/var/home", "/var/lib", "/var/local", "/var/log"),
        *("/var/mail", "/var/opt", "/var/roothome", "/var/spool", "/var/tmp"),  # noqa: S108 - names in the guest
    }
)
"""Directories that many programs share: what is below them may be one program's own."""

_PARENTS = frozenset({"/home", "/usr", "/var/home"})
"""Directories each of whose children is like those: home directories, `/usr/share`."""

_KEYS = ".ssh"
"""The directory, in whichever home, without which nobody logs in any more."""

_FOUND, _MISSING = b"\nfound\n", b"missing\n"
_WHERE = 'readlink -f -- "$1"; case $? in 0) echo found;; 1) [ -e "$1" ] || echo missing;; esac'
"""Tells where a path leads with a word of ours behind it: without one the guest can't tell, or was not asked.

readlink's exit code alone does not say that nothing is there: a sudo that runs nothing has the same.
"""

_ANSWER_TIMEOUT = 30.0
"""Seconds the guest may take to resolve a path."""


def is_system_directory(path: str) -> bool:
    """Whether the VM's system, or a user's home directory, is at the absolute `path`: links are not followed."""
    normal = "/" + posixpath.normpath(path).lstrip("/")
    below = any(normal == each or normal.startswith(f"{each}/") for each in _WITH_ALL_BELOW)
    keys = _KEYS in normal.split("/")
    return below or keys or normal in _ALONE or posixpath.dirname(normal) in _PARENTS


def deletes_in(request: SyncRequest) -> str | None:
    """The directory in the VM in which the copy deletes, as it is written; None when it deletes nothing.

    A relative path is relative to the home directory of the user who logs in.
    """
    if not request.delete:
        return None
    destination = _without_tilde(request.destination)
    if copies_contents(request.source):
        return destination
    if not os.path.isdir(request.source):  # noqa: PTH112 - the path as rsync gets it
        return None
    return posixpath.join(destination, os.path.basename(request.source))  # noqa: PTH119


def _without_tilde(destination: str) -> str:
    """`destination` with the home directory that a shell may put in the place of `~user`."""
    destination = relative_to_home(destination)
    if not destination.startswith("~"):
        return destination
    user, slash, rest = destination[1:].partition("/")
    return f"{_home(user)}{slash}{rest}"


def _home(user: str) -> str:
    return "/root" if user == "root" else f"/home/{user}"


def system_directory(
    target: SSHTarget, request: SyncRequest, control: Control, *, control_socket: Path | None = None
) -> str:
    """The system's directory in the VM in which the copy would delete, "" when there is none.

    Asks the guest only where the path as it is written is harmless, over the connection of `control_socket` if there is
    one. Raises `InvalidInput` when the guest can't tell,
    and what `run` does when it can't be reached.
    """
    directory = deletes_in(request)
    if directory is None:
        return ""
    written = posixpath.normpath(posixpath.join(_home(target.user), directory))
    if is_system_directory(written):
        return written
    resolved = _resolve(target, directory, control, control_socket)
    return resolved if resolved and is_system_directory(resolved) else ""


def refuse_system_directory(
    target: SSHTarget, request: SyncRequest, control: Control, *, control_socket: Path | None = None
) -> None:
    """Raise `InvalidInput` when the copy would delete in a directory of the VM's system, unless it is forced."""
    if request.force:
        return
    directory = system_directory(target, request, control, control_socket=control_socket)
    if directory:
        raise in_system_directory(directory)


def in_system_directory(directory: str) -> InvalidInput:
    """The error for a copy that would delete there."""
    return InvalidInput(
        f"--delete can't remove files of the VM's system in {one_line(directory, limit=200)}",
        hint="copy to a directory of your own, or use --force",
    )


def _resolve(target: SSHTarget, path: str, control: Control, control_socket: Path | None) -> str:
    """Where `path` leads in the guest; "" when nothing is there, and so nothing to delete."""
    command = ["sudo", "sh", "-c", _WHERE, "sh", path]
    unknown = InvalidInput(
        f"it can't be told where {one_line(path, limit=200)} leads in the VM",
        hint="check that sudo there runs sh, and sh readlink, or use --force",
    )
    try:
        if control_socket is not None and control_socket.exists():
            output = run_shared(target, command, control_socket, timeout=_ANSWER_TIMEOUT, control=control)
        else:
            output = _run(target, command, control)
    except CommandTimedOut as error:
        raise ConnectionLost(f"{unknown.problem}: it gives no answer", hint="check whether the VM hangs") from error
    except CommandFailed as error:
        raise unknown from error
    resolved = path_in(output)
    if resolved is None:
        raise unknown
    return resolved


def path_in(answer: bytes) -> str | None:
    """The path that the guest has answered, "" when it says that nothing is there, and None for what is no answer."""
    if answer == _MISSING:
        return ""
    return os.fsdecode(answer.removesuffix(_FOUND)) if answer.startswith(b"/") and answer.endswith(_FOUND) else None


def _run(target: SSHTarget, command: list[str], control: Control) -> bytes:
    output = io.BytesIO()
    run(
        target,
        command,
        ShellOptions(timeout=_ANSWER_TIMEOUT, stdout=output, stderr=io.BytesIO()),
        control=control,
    )
    return output.getvalue()
