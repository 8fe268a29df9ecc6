"""rsync's command line: which rsync there is, what it is able to, and the argument vector for a copy."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from podplane_tui.backend.core.errors import InvalidInput, Unsupported
from podplane_tui.backend.host import facts
from podplane_tui.backend.host.facts import require_program, told_version
from podplane_tui.backend.ssh.client import SSHTarget, batch_options
from podplane_tui.backend.sync.environment import rsync_environment


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What rsync is asked to copy from here into the machine, as whom, leaving out what.

    `source` and `destination` have rsync's own meaning (`source/` is what is in it), `chown` is `USER:GROUP`,
    `excludes` are rsync's patterns. With `delete` what is not here goes there too, with `force` also in directories of
    the VM's system; with `gitignore` what the tree's `.gitignore` files name is left out.
    """

    source: str
    destination: str
    chown: str = ""
    excludes: tuple[str, ...] = ()
    delete: bool = False
    gitignore: bool = False
    force: bool = False


_PLAIN_OPERAND = re.compile(r"[\w./:@%+,=~-]*", re.ASCII)
"""What means the same to every shell."""


@dataclass(frozen=True, slots=True)
class Rsync:
    """The rsync of this host. openrsync, which macOS has, calls itself 2.6.9."""

    path: Path
    version: tuple[int, ...]

    @property
    def tells_progress(self) -> bool:
        """`--info=progress2`, and `--chown` as well, came with 3.1."""
        return self.version >= (3, 1)

    @property
    def itemizes(self) -> bool:
        """Whether `--itemize-changes` can be counted on."""
        return self.version >= (3, 0)

    @property
    def can_protect(self) -> bool:
        """Whether operands reach the far side as they are with `-s`."""
        return self.version >= (3, 0)


def find_rsync() -> Rsync:
    """The rsync in PATH. Raises `MissingProgram`, and `Unsupported` when it does not answer.

    That is not taken for a very old one: to a newer one the names that are quoted for that would be other names.
    """
    path = require_program("rsync")
    try:
        with rsync_environment() as environment:
            version = told_version(path, environment=environment) or ""
    except subprocess.TimeoutExpired:
        raise Unsupported(
            f"{path} --version gave no answer in {facts.VERSION_PATIENCE:g} s",
            hint="try again when this host is less busy",
        ) from None
    return Rsync(path, tuple(int(number) for number in re.findall(r"\d+", version)[:3]))


def check_request(rsync: Rsync, request: SyncRequest) -> None:
    """Raise `InvalidInput` for what rsync can't take."""
    for text in (request.source, request.destination, request.chown, *request.excludes):
        if "\0" in text:
            raise InvalidInput(f"{text[:40]!r} has a NUL byte", hint="leave it out")
    if not request.source or not request.destination:
        raise InvalidInput(
            "sync needs a source and a destination", hint="name what to copy, and where to put it in the VM"
        )
    if "\n" in request.destination:
        raise InvalidInput(
            "the destination has a line break, which rsync can't pass on", hint="copy its parent directory"
        )
    if request.chown and not rsync.tells_progress:
        raise InvalidInput(
            f"this host's rsync ({version_text(rsync)}) can't set an owner",
            hint="install rsync 3.1 or newer, or leave out the owner",
        )


def version_text(rsync: Rsync) -> str:
    """`3.2.7`."""
    return ".".join(map(str, rsync.version)) or "of an unknown version"


def rsync_arguments(
    rsync: Rsync,
    target: SSHTarget,
    request: SyncRequest,
    *,
    dry_run: bool = False,
    control_socket: Path | None = None,
    source: str | None = None,
) -> list[str]:
    """The argument vector of the copy. Nothing in the operands is taken for an option or, in the source, for a host.

    With `dry_run` nothing is copied and every change is told in rsync's itemised form, where rsync has that.
    `control_socket` is that of an ssh connection to share; one that is not there is done without. `source` is another
    operand for the source of the request. Raises `InvalidInput` for what rsync can't take.
    """
    check_request(rsync, request)
    shared = ["-S", os.path.abspath(control_socket)] if control_socket is not None else []  # noqa: PTH100 - see below
    shell = ["ssh", *shared, *batch_options(target)]
    arguments = ["rsync", *_mode(rsync, dry_run=dry_run), "-e", " ".join(map(_shell_word, shell))]
    if request.chown:
        arguments.append(f"--chown={request.chown}")
    arguments += filter_arguments(request)
    if request.delete:
        # The far side follows the .gitignore files that this copy brings, and none of an earlier one.
        arguments.append("--delete-after" if request.gitignore else "--delete")
    # Since 3.2.4 rsync itself quotes for the far shell, but not all that a shell reads: `id` in a name would be run.
    if rsync.can_protect and not _PLAIN_OPERAND.fullmatch(request.destination + request.chown):
        arguments.append("-s")
    arguments += ["--rsync-path", "sudo rsync"]
    return [
        *arguments,
        source or absolute_source(request.source),
        f"{target.user}@{target.host}:{_remote(rsync, request)}",
    ]


def filter_arguments(request: SyncRequest) -> list[str]:
    """The arguments that say what is left out."""
    arguments: list[str] = []
    for pattern in request.excludes:
        arguments += ["--exclude", pattern]
    return [*arguments, "--filter=:- .gitignore"] if request.gitignore else arguments


def _mode(rsync: Rsync, *, dry_run: bool) -> list[str]:
    if dry_run:
        return ["-an", "-i"] if rsync.itemizes else ["-avn"]
    # How much there is to do is known from the beginning when the whole tree is looked at first.
    return ["-av", "--info=progress2", "--no-inc-recursive"] if rsync.tells_progress else ["-av"]


def _shell_word(word: str) -> str:
    """`word` in the dialect of `-e`, which rsync splits itself: quotes, doubled to stand for one, and no backslash."""
    if word and not re.search(r"[\s'\"]", word):
        return word
    return "'" + word.replace("'", "''") + "'"


def _plain(operand: str) -> str:
    return f"./{operand}" if operand.startswith("-") else operand


def copies_contents(source: str) -> bool:
    """Whether rsync copies what is in `source`, and not the directory itself."""
    return source.endswith(("/", "/.", "/..")) or source in {".", ".."}


def absolute_source(source: str) -> str:
    """`source` as it means the same in every folder, its slash at the end included. No option begins like it."""
    path = os.path.abspath(source)  # noqa: PTH100 - links are kept
    return path.rstrip("/") + "/" if copies_contents(source) else path


def check_source(source: str) -> None:
    """Raise `InvalidInput` where there is nothing to copy."""
    try:
        os.lstat(source)  # no Path: that drops the slash at the end, with which it has to be a folder
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidInput(f"{source} can't be copied: {reason}", hint="check the path") from error


def relative_to_home(destination: str) -> str:
    """`destination` without a `~` of its own: the home directory is where rsync starts in the VM."""
    if destination == "~" or destination.startswith("~/"):
        return destination[2:].lstrip("/") or "."
    return destination


def _remote(rsync: Rsync, request: SyncRequest) -> str:
    """The destination for rsync on the far side."""
    destination = _plain(relative_to_home(request.destination))
    # Without protection the far shell reads the operand: openrsync and rsync before 3.0.
    return destination if rsync.can_protect else quote(destination)
