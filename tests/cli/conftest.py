"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.support import Call, LiveVM
from tests.conftest import Workspace


@pytest.fixture
def call(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> Call:
    return Call(workspace, capfd)


@pytest.fixture
def live_vm(workspace: Workspace) -> Iterator[LiveVM]:
    vm = LiveVM(workspace)
    yield vm
    vm.end()
