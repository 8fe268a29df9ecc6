"""Refuses verbs that trust what stands in podplane's directories where others may write to those."""

from __future__ import annotations

import os

from podplane_tui.backend.core.errors import InsecureDirectory
from podplane_tui.backend.core.files import os_errors_as
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.host.trust import weakness

INSECURE_VARIABLE = "PODPLANE_TUI_INSECURE_DIRECTORIES"
"""Set to `1`, as `--insecure-directories` does, nothing is refused."""


def require_secure_directories(files: VMFiles) -> None:
    """Raise `InsecureDirectory` when others may write to the directories of the VM's disk, sockets or SSH key."""
    if os.environ.get(INSECURE_VARIABLE) == "1":
        return
    own = (files.data_dir, files.image_dir, files.identity.parent)
    runtime = (files.runtime_dir, files.pid_dir, files.state_file.parent)
    with os_errors_as(InsecureDirectory, f"the directories of {files.name} can't be examined"):
        for directory in (*own, *runtime):
            found = weakness(directory)
            if found is not None:
                raise InsecureDirectory(f"{found.problem}, so what is in it can't be trusted", hint=found.command)
