"""Disk images: the few `qemu-img` runs."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from podplane_tui.backend.core.errors import Cancelled, CreateFailed, InvalidImage, VMError
from podplane_tui.backend.core.files import os_error_as, sync_directory, temporary_beside
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.facts import require_program
from podplane_tui.backend.images.qcow2 import read_image
from podplane_tui.backend.images.url import display_path
from podplane_tui.backend.qemu.arguments import quote_option
from podplane_tui.backend.qemu.diagnosis import diagnose

VIRTUAL_SIZE = "128G"
"""The size podplane gives a machine's disk; it is sparse."""

_TICK = 0.1


def _qemu_img(arguments: Sequence[str], cancel: Event | None = None) -> tuple[int, str]:
    """Run `qemu-img` with these arguments; give its exit code and what it printed, on one line. Raises `Cancelled`.

    Without `cancel` it is out of the reach of Ctrl-C, which a terminal sends to all its programs: in the middle of a
    change that would leave a damaged image.
    """
    command = [str(require_program("qemu-img")), *arguments]
    cancelled = Cancelled(f"qemu-img {arguments[0]} was cancelled", hint="nothing is left of it")
    if cancel is not None and cancel.is_set():  # a small image would be done before the first look below
        raise cancelled
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=cancel is None,
    ) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=None if cancel is None else _TICK)
                if cancel is not None and process.returncode == -signal.SIGINT:
                    raise cancelled
                return process.returncode, one_line(_shown(errors.strip() or output.strip(), arguments))
            except subprocess.TimeoutExpired:
                if cancel is not None and cancel.is_set():
                    process.kill()
                    raise cancelled from None
            except BaseException:
                process.kill()
                raise


def _shown(words: bytes, arguments: Sequence[str]) -> str:
    """What qemu-img said, with the files among its arguments as they may be shown."""
    text = words.decode("utf-8", "backslashreplace")
    for argument in arguments:
        text = text.replace(argument, display_path(argument))
    return text


def run_qemu_img(
    arguments: Sequence[str],
    image: Path,
    *,
    failed: type[VMError] = CreateFailed,
    cancel: Event | None = None,
) -> None:
    """Run `qemu-img` with these arguments, which do something to `image` or read it.

    Raises `failed` with its own words, `Cancelled` once `cancel` is set.
    """
    code, words = _qemu_img(arguments, cancel)
    if code:
        raise _failure(failed, f"qemu-img {arguments[0]} failed", image, words or f"exit code {code}")


def _failure(kind: type[VMError], problem: str, image: Path, words: str) -> VMError:
    """A `kind` that says what qemu-img's `words` about `image` mean, and what to do."""
    found = diagnose(words, image)
    return kind(f"{problem}: {found.explain(words)}", hint=found.advice)


def pinned(image: Path) -> list[str]:
    """The arguments that name a qcow2 image for the commands of `qemu-img` that have no -f: nothing is guessed."""
    return ["--image-opts", f"driver=qcow2,file.driver=file,file.filename={quote_option(image)}"]


def check_image(image: Path, *, fix_leaks: bool = False) -> str:
    """Run `qemu-img check` on an image nobody uses and give its result in one line.

    With `fix_leaks` space that nothing refers to any more is freed; nothing else is ever changed. Raises `InvalidImage`
    when the image can't be checked or is corrupt; that is left as it is.
    """
    check = ["check", "-q", "-f", "qcow2"]
    code, words = _qemu_img([*check, str(image)])
    if code == 3 and fix_leaks:  # leaks only: of a corrupt image, even that would change more
        code, words = _qemu_img([*check, "-r", "leaks", str(image)])
        if code == 0:
            return f"{image.name} was checked: the space that was lost is free again, no errors are left"
    if code == 0:
        return f"{image.name} was checked: no errors"
    if code == 3:
        return f"{image.name} was checked: some space is lost and no data; repair with leaks fixed to free it"
    if code == 2:
        raise InvalidImage(
            f"the image {image} is corrupt ({words})", hint="copy it, then try qemu-img check -r all on the copy"
        )
    raise _failure(InvalidImage, f"the image {image} could not be checked", image, words or f"exit code {code}")


def create_overlay(image: Path, base_image: Path | None, *, size: str = VIRTUAL_SIZE) -> None:
    """Make `image`, based on `base_image` or empty. Appears whole or not at all; never replaces an existing one.

    `size` is QEMU's spelling.
    Raises `InvalidImage` for a base that is not qcow2, `CreateFailed` with qemu-img's words (disk full, no permission).
    """
    source: list[str] = []
    if base_image is not None:
        base_image = base_image.resolve()
        read_image(base_image)
        source = ["-F", "qcow2", "-b", str(base_image)]
    partial = temporary_beside(image)
    try:
        run_qemu_img(["create", "-q", *source, "-f", "qcow2", str(partial), size], image)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        # A hard link fails where a rename would silently replace what somebody else made meanwhile.
        os.link(partial, image)
        sync_directory(image.parent)
    except FileExistsError as error:
        raise CreateFailed(
            f"the disk {image} already exists: another program has made it", hint="use it, or delete it first"
        ) from error
    except OSError as error:
        raise os_error_as(CreateFailed, f"the disk {image} could not be made", error) from error
    finally:
        partial.unlink(missing_ok=True)
