"""podplane's base directories and our own, somewhere else than those of whoever runs this."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_VARIABLES = {
    "XDG_DATA_HOME": "data",
    "XDG_RUNTIME_DIR": "run",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_STATE_HOME": "state",
}
"""Variable → directory."""


def environment_below(root: Path) -> dict[str, str]:
    """This process's environment with every base directory, home too, below `root`."""
    places = {variable: str(root / name) for variable, name in _VARIABLES.items()}
    return {**os.environ, **places, "HOME": str(root)}


@dataclass(frozen=True, slots=True)
class BaseDirectories:
    """All of them below `root`, as a program finds them that runs in `environment`."""

    root: Path

    @property
    def data(self) -> Path:
        """podplane's data directory."""
        return self.root / "data" / "podplane"

    @property
    def runtime(self) -> Path:
        """podplane's runtime directory."""
        return self.root / "run" / "podplane"

    @property
    def cache(self) -> Path:
        """podplane's cache directory."""
        return self.root / "cache" / "podplane"

    @property
    def state(self) -> Path:
        """Our own state directory."""
        return self.root / "state" / "podplane-tui"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of programs that are to find them."""
        return environment_below(self.root)
