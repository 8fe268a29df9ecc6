"""The limits of inotify, reached for real in a user namespace of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from podplane_tui.backend.host.inotify import Limit, Probe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def test_no_limit_is_reached_as_a_rule(tmp_path: Path) -> None:
    with Probe() as probe:
        assert probe.reached(tmp_path) is None
        assert probe.reached(tmp_path / "none") is None


def limited(setting: str, value: int, path: Path) -> str:
    """What a probe says in a user namespace with that limit; skips where none can be made."""
    program = (
        "import sys; from pathlib import Path; from podplane_tui.backend.host.inotify import Probe\n"
        "with Probe() as probe: print(probe.reached(Path(sys.argv[1])))"
    )
    shell = f'echo {value} >/proc/sys/user/{setting}; exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", shell, "-", sys.executable, "-c", program, str(path)]
    if subprocess.run(["unshare", "-Ur", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("setting", "value", "of"),
    [("max_inotify_watches", 0, "watches"), ("max_inotify_instances", 0, "instances")],
)
def test_a_limit_that_is_reached_is_named(setting: str, value: int, of: str, tmp_path: Path) -> None:
    assert f"of='{of}', setting='user.{setting}', value={value}" in limited(setting, value, tmp_path)


def test_one_instance_is_not_enough_for_the_probe_and_the_watch(tmp_path: Path) -> None:
    assert "of='instances'" in limited("max_inotify_instances", 1, tmp_path)


def test_a_limit_says_what_to_do() -> None:
    limit = Limit("watches", "fs.inotify.max_user_watches", 8192, 524288)
    assert limit.problem == "the limit of inotify watches is reached (fs.inotify.max_user_watches = 8192)"
    assert limit.hint == "raise it with: sudo sysctl fs.inotify.max_user_watches=524288"
