"""A cluster's cloud-init user-data: its own, a file that replaces it, the copy that is kept, the seed's."""

from __future__ import annotations

from pathlib import Path

from podplane_tui.backend.config.fields import FieldFault
from podplane_tui.backend.core.errors import CorruptFile, InvalidInput
from podplane_tui.backend.core.files import open_regular, os_errors_as, write_atomic
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.vm.cloud_init import read_seed

_MAX_USER_DATA = 16 * 2**20


def read_user_data(files: VMFiles, replacement: Path | None = None) -> str:
    """The text of `replacement`, else of the cluster's own user-data, else nothing."""
    path = replacement or files.user_data
    try:
        with open_regular(path, follow_links=True) as file:
            content = file.read(_MAX_USER_DATA + 1)
    except FileNotFoundError as error:
        if replacement is None:
            return ""
        raise InvalidInput(f"there is no user-data file {path}", hint="check the path") from error
    except OSError as error:
        raise InvalidInput(
            f"the user-data {path} can't be read: {error.strerror}", hint="make it a file that you may read"
        ) from error
    if len(content) > _MAX_USER_DATA:
        raise InvalidInput(f"the user-data {path} is larger than {_MAX_USER_DATA >> 20} MB", hint="use a smaller file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the user-data {path} is not UTF-8 text", hint="save it as UTF-8") from error


def user_data_fault(files: VMFiles, path: str) -> FieldFault | None:
    """What is wrong with a file of user-data for the VM of `files`; "" stands for none."""
    try:
        if path:
            read_user_data(files, Path(path))
    except InvalidInput as error:
        return FieldFault("user_data", error)
    return None


def keep_user_data(files: VMFiles, text: str) -> None:
    """Keep the text of user-data whose file may go. Raises `CorruptFile`."""
    with os_errors_as(CorruptFile, f"the user-data of {files.name} can't be written"):
        write_atomic(files.kept_user_data, text.encode(), mode=0o600)


def user_data_in_use(files: VMFiles) -> str:
    """The user-data of the seed that is there; nothing when there is none that can be read."""
    try:
        return read_seed(files.seed).user_data
    except CorruptFile:
        return ""
