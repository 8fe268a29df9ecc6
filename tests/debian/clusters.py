"""Two clusters of the Debian guest in base directories of their own, driven by the real command line.

`alpha` is a machine as people have it; in `beta` much fails, as its user-data says. Both boot once for all tests of a
run (software emulation takes minutes), so a test leaves them as it found them: running, with nothing of its own in
the way. What ends a machine stands in `test_life.py`, which runs last.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podplane_tui.backend import Cluster
from podplane_tui.backend.ssh.client import SSHTarget
from tests.base_directories import BaseDirectories, environment_below
from tests.cli.json_schema import check_output
from tests.guest.debian import PARTITION, DebianGuest
from tests.waiting import wait_until

BOOT_LIMIT = 1500.0
"""Seconds two Debian guests may take to boot at once, on a machine that does other things besides."""

VERSION = "1"
IMAGE_NAME = "debian-13-knc.qcow2"
PROOF = "user-data ran on alpha"

ALPHA_USER_DATA = f"""#cloud-config
write_files:
  - path: /etc/proof
    content: "{PROOF}"
runcmd:
  - [sh, -c, "id -u > /var/lib/ran-as"]
"""

BETA_USER_DATA = """#cloud-config
bootcmd:
  - |
    cat > /run/systemd/system/broken.service <<END
    [Unit]
    Description=A unit that fails
    [Service]
    Type=oneshot
    ExecStart=/bin/false
    END
    systemctl daemon-reload
    systemctl start --no-block broken.service
runcmd:
  - [sh, -c, "mkdir /run/small && mount -t tmpfs -o size=64k none /run/small"]
  - [sh, -c, "dd if=/dev/zero of=/run/small/file bs=1k count=128 2>/dev/console; true"]
  - [sh, -c, "echo giving up; exit 1"]
"""
"""A unit that fails, a disk that is full, and a script that ends with 1."""


@dataclass(frozen=True, slots=True)
class Clusters(BaseDirectories):
    """The base directories below `root`, whose guest is `guest`."""

    guest: DebianGuest

    @property
    def image(self) -> Path:
        """The base image in the cache."""
        return self.cache / "deps" / "vmconfig" / "artifacts" / "os-image" / VERSION / IMAGE_NAME

    @property
    def environment(self) -> dict[str, str]:
        """The environment of programs that use them, with QEMU's software emulation."""
        environment = environment_below(self.root).items()
        left = {name: value for name, value in environment if not name.startswith("PODPLANE_")}
        return {**left, "PODPLANE_TUI_ACCEL": "tcg"}

    def lay_out_cache(self) -> None:
        """Put the guest where podplane keeps its base image, with the manifest that goes with it."""
        self.image.parent.mkdir(parents=True)
        try:
            self.image.hardlink_to(self.guest.image)
        except OSError:  # the cache is on another file system
            shutil.copyfile(self.guest.image, self.image)

        def file(path: str, copy: Path) -> dict[str, object]:
            return {"partition": PARTITION, "path": path, "digest": _digest(copy)}

        manifest = {
            "vmconfig": {
                "os": {
                    "image": {
                        "version": VERSION,
                        "url": f"https://images.invalid/os/{IMAGE_NAME}",
                        "type": "qcow2",
                        "digest": _digest(self.guest.image),
                        "size": self.guest.image.stat().st_size,
                    },
                    "boot": {
                        "cmdline": self.guest.cmdline,
                        "kernel": file(self.guest.kernel_path, self.guest.kernel),
                        "initrd": file(self.guest.initrd_path, self.guest.initrd),
                    },
                }
            }
        }
        path = self.cache / "deps" / "vmconfig" / "manifests" / "vmconfig_knc_debian-13_amd64.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(manifest))

    def give_user_data(self, cluster_id: str, text: str) -> None:
        """Put `text` where a cluster's user-data stands."""
        path = self.data / "local" / cluster_id / "user-data"
        path.parent.mkdir(parents=True)
        path.write_text(text)

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line of the program, for these base directories' `environment`."""
        return [sys.executable, "-m", "podplane_tui", *map(str, arguments)]

    def run(
        self, *arguments: str | Path, check: bool = True, timeout: float = BOOT_LIMIT, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the program to its end; `check` asserts that it succeeds."""
        result = subprocess.run(
            self.command(*arguments),
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or result.returncode == 0, result
        check_output([*map(str, arguments)], result.returncode, result.stdout)
        return result

    def json(self, *arguments: str | Path) -> dict[str, object]:
        """What a verb prints with `--json`."""
        value = json.loads(self.run(*arguments, "--json").stdout)
        assert isinstance(value, dict)
        return value

    def cluster(self, cluster_id: str) -> Cluster:
        """The backend's object for one of the machines."""
        return Cluster(
            data_dir=self.data, runtime_dir=self.runtime, state_dir=self.state, cluster_id=cluster_id, arch="amd64"
        )

    def ssh_target(self, cluster_id: str) -> SSHTarget:
        """Where the SSH server of one of the machines is."""
        return self.cluster(cluster_id).ssh_target()

    def create(self, cluster_id: str) -> None:
        """Make a machine's disk on top of the base image."""
        self.run("create", "--id", cluster_id, "--image", self.image)

    def start(self, cluster_id: str) -> None:
        """Start a machine, by direct boot as the manifest says; it has booted some minutes later."""
        self.run("start", "--id", cluster_id, "--cpus", "1", "--memory", "512M")

    def recording(self, cluster_id: str) -> bytes:
        """What the newest recording of a machine holds."""
        folder = self.state / "recordings" / f"podplane-local-{cluster_id}.amd64"
        names = sorted(folder.glob("*.raw"))
        return names[-1].read_bytes() if names else b""

    def wait_for_console(self, cluster_id: str, text: bytes) -> None:
        """Wait until a machine has printed `text`."""
        wait_until(
            lambda: text in self.recording(cluster_id), f"{text!r} on the console of {cluster_id}", seconds=BOOT_LIMIT
        )

    def remove(self) -> None:
        """End every machine and remove all there is."""
        for cluster_id in ("alpha", "beta"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.run("stop", "--id", cluster_id, "--force", check=False, timeout=60)
        shutil.rmtree(self.root)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


USER_DATA: Mapping[str, str] = {"alpha": ALPHA_USER_DATA, "beta": BETA_USER_DATA}
