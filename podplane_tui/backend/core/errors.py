"""The one error tree of the backend: an error's type is what programs decide by, its words are for people."""

from __future__ import annotations


class VMError(Exception):
    """Base of everything the backend raises on purpose.

    `problem` says what is wrong and stands alone; `hint` says what the user can do about it, "" where that is nothing.
    Neither ends with a full stop. `str(error)` is both on one line.
    """

    def __init__(self, problem: str, *, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.problem
        return f"{self.problem}{'; ' if ': ' in self.problem else ': '}{self.hint}"


class InvalidInput(VMError, ValueError):
    """A value handed in by the caller can't be used: a cluster id, a size, a path."""


class InvalidImage(VMError):
    """A disk image is missing, unreadable or not what its name says."""


class UnconfirmedChain(InvalidImage):
    """An image makes QEMU read other files of this host, which nobody has confirmed.

    `chain` are those files in words, in the order in which they are named.
    """

    def __init__(self, problem: str, *, hint: str = "", chain: tuple[str, ...] = ()) -> None:
        super().__init__(problem, hint=hint)
        self.chain = chain


class VMExists(VMError):
    """`create` was asked for a disk that is already there."""


class VMNotFound(VMError):
    """The machine has no disk."""


class SnapshotNotFound(VMError):
    """The machine's disk holds no snapshot of that name."""


class AlreadyRunning(VMError):
    """The machine runs and the verb needs it stopped."""


class InsecureDirectory(VMError):
    """Others may write to a directory of podplane's, or this can't be found out."""


class InUse(VMError):
    """Somebody else uses the VM's disk or sockets, or it can't be told whether anybody does."""


class NotRunning(VMError):
    """The machine does not run and the verb needs it to."""


class NotReady(VMError):
    """The machine has not come as far in time as it was waited for."""


class CloudInitFailed(VMError):
    """The guest's cloud-init has ended with an error."""


class RunStateError(VMError):
    """QEMU is in a run state that can't be left in the way that was asked for."""


class VMBroken(VMError):
    """Something of the VM on disk can't be read or is not what it should be."""


class Busy(VMError):
    """Another process (or another key press) is acting on this machine right now."""


class CorruptFile(VMError):
    """A file on disk can't be understood. It is never overwritten unasked."""


class ForeignProcess(VMError):
    """A PID names a process that can't be proved to be this machine's QEMU, so it is left alone."""


class MissingProgram(VMError):
    """A program this needs is not installed."""


class Unsupported(VMError):
    """This can't be done on this operating system or architecture."""


class CreateFailed(VMError):
    """The disk could not be made; nothing half-made is left."""


class StartFailed(VMError):
    """QEMU did not come up; nothing is left behind."""


class PortTaken(StartFailed):
    """Another program has taken a port since it was chosen for QEMU."""


class StopFailed(VMError):
    """The process is still there after every step."""


class DeleteFailed(VMError):
    """Something that was listed could not be removed."""


class QMPError(VMError):
    """QEMU's control socket is missing, busy, silent or refuses the command."""


class QMPUnavailable(QMPError):
    """Nobody can be talked to there: no socket, no listener, no greeting in time."""


class ConsoleError(VMError):
    """The serial console can't be attached."""


class ConsoleHeld(ConsoleError):
    """Somebody else holds the serial console, which QEMU serves to one client at a time."""


class ShellError(VMError):
    """The machine can't be reached over SSH."""


class ConnectionLost(ShellError):
    """SSH had let us in, and the connection broke off: the guest powers off, or the network is gone."""


class StillBooting(ShellError):
    """SSH does not answer yet: refused, reset or silent, as it is while the machine boots."""


class KeyRefused(ShellError):
    """SSH answers, but does not accept our key."""


class HostKeyChanged(ShellError):
    """SSH answers with another host key than the one known of the machine."""


class SourceLost(VMError):
    """What is to be copied is not what it was, and `--delete` would empty the copy in the VM."""


class CommandFailed(VMError):
    """A command in the machine, or rsync, ended with an exit code other than zero.

    `exit_code` is that code; `output` what it printed, as far as it was collected.
    """

    def __init__(self, problem: str, *, exit_code: int, output: bytes = b"", hint: str = "") -> None:
        super().__init__(problem, hint=hint)
        self.exit_code = exit_code
        self.output = output


class CommandTimedOut(CommandFailed):
    """The command had not ended when its time was over; it may go on in the guest."""


class Cancelled(VMError):
    """The caller cancelled the work; `hint` says what that leaves, or how to go on."""
