"""The whole terminal for ssh: where it can't be given, that is said, and before the console is let go where possible."""

from pathlib import Path

import pytest
from textual.app import App

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.tui.screens import full_ssh

FILES = VMFiles("amd64", "dev", Path("/d"), Path("/r"))


class Console:
    """Counts how often it was let go."""

    def __init__(self) -> None:
        self.released = 0

    async def release(self) -> None:
        self.released += 1


class BrowserApp(App[object]):
    """In a browser's tab."""

    @property
    def is_web(self) -> bool:
        return True


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A VM with a port of SSH; gives the only directory with programs."""
    target = SSHTarget("127.0.0.1", 1, "debian", tmp_path / "key", ())  # type: ignore[call-arg]
    monkeypatch.setattr(full_ssh, "target_of", lambda _files: target)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path
