"""The package's public names, which are imported when they are asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from podplane_tui import backend


def test_every_public_name_is_there() -> None:
    for name in backend.__all__:
        assert getattr(backend, name) is not None
    assert set(backend.__all__) == set(backend._MODULES)
    assert set(backend.__all__) <= set(dir(backend))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = backend.nonsense


def test_what_is_not_asked_for_is_not_imported() -> None:
    """Listing machines needs neither the seed's ISO writer nor SSH; they would double the time it takes."""
    program = "import sys; from podplane_tui.cli.inspect import list_machines; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert "podplane_tui.backend.vm.inventory" in modules
    assert {"pycdlib", "paramiko", "asyncio", "textual"}.isdisjoint(modules)
