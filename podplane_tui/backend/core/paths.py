"""Every directory and file name, and the checks that go with them. No other module spells one out.

Source: podplane's `docs/cli-storage.md` and its `qemu` package; our own files stand beside podplane's, never in them.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import InvalidInput, Unsupported

ARCHITECTURES = ("amd64", "arm64")
VM_PREFIX = "podplane-local-"
RESERVED_CLUSTER_IDS = frozenset({"local", "k8s", "oidc"})
DEFAULT_CLUSTER_ID = "default"

_CLUSTER_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_STEM = re.compile(rf"{VM_PREFIX}(?P<id>[a-z0-9]+(?:-[a-z0-9]+)*)\.(?P<arch>{'|'.join(ARCHITECTURES)})")

IMAGE_SUFFIX = ".image.qcow2"
SEED_SUFFIX = ".cloudinitdata.iso"
EFIVARS_SUFFIX = ".efivars.fd"
PID_SUFFIX = ".pid.json"
CONSOLE_SUFFIX = ".console.sock"
QMP_SUFFIX = ".qmp.sock"
QEMU_LOG_SUFFIX = ".qemu.log"
LOCK_SUFFIX = ".lock"
CONSOLE_LOCK_SUFFIX = ".console.lock"
CONSOLE_REQUEST_SUFFIX = ".console.ask"
LOCAL_SERVER_FILE = "local-server.json"
LOCAL_SERVER_LOG = "local-server.log"
LOCAL_SERVER_LOCK = "local-server.lock"
"""Ours: held while one of us starts it."""


NODE_ADDRESS = "10.0.2.15"
"""The guest's own address in QEMU's user network."""


def lock_beside(path: Path) -> Path:
    """What is locked by whoever changes the file of ours at `path`."""
    return path.with_name(path.name + LOCK_SUFFIX)


class BaseDirectories(NamedTuple):
    """podplane's four base directories, and the three of our own."""

    config: Path
    cache: Path
    data: Path
    runtime: Path
    own_config: Path
    own_state: Path
    own_cache: Path


_PLACES = {
    "config": ("XDG_CONFIG_HOME", "podplane", ".config/podplane", ".podplane/config"),
    "cache": ("XDG_CACHE_HOME", "podplane", ".cache/podplane", ".podplane/cache"),
    "data": ("XDG_DATA_HOME", "podplane", ".local/share/podplane", ".podplane/data"),
    "runtime": ("XDG_RUNTIME_DIR", "podplane", ".podplane/run", ".podplane/run"),
    "own_config": ("XDG_CONFIG_HOME", "podplane-tui", ".config/podplane-tui", ".podplane/tui/config"),
    "own_state": ("XDG_STATE_HOME", "podplane-tui", ".local/state/podplane-tui", ".podplane/tui/state"),
    "own_cache": ("XDG_CACHE_HOME", "podplane-tui", ".cache/podplane-tui", ".podplane/tui/cache"),
}
"""By field of `BaseDirectories`: a variable and what is below it; below the home directory on Linux, and elsewhere."""


def base_directories(environ: Mapping[str, str], system: str = sys.platform) -> BaseDirectories:
    """Where podplane keeps things on `system` (a `sys.platform` value), under the given environment.

    A variable that is set but empty counts as unset. Raises `InvalidInput` when there is no home directory for those
    that no variable gives.
    """
    found = {name: _directory(name, environ, system) for name in _PLACES}
    if missing := dict.fromkeys(_PLACES[name][0] for name, path in found.items() if path is None):
        raise _homeless(*missing)
    return BaseDirectories(**{name: path for name, path in found.items() if path is not None})


def base_directory(name: str, environ: Mapping[str, str], system: str = sys.platform) -> Path:
    """One of them, by its field: it may be known where others are not. Raises `InvalidInput`."""
    path = _directory(name, environ, system)
    if path is None:
        raise _homeless(_PLACES[name][0])
    return path


def _directory(name: str, environ: Mapping[str, str], system: str) -> Path | None:
    variable, below, on_linux, elsewhere = _PLACES[name]
    if override := environ.get(variable):
        return Path(override) / below
    home = environ.get("HOME") or environ.get("USERPROFILE")
    linux = not (system == "darwin" or system.startswith("win"))
    return Path(home, on_linux if linux else elsewhere) if home else None


def _homeless(*variables: str) -> InvalidInput:
    return InvalidInput("no home directory is set", hint=f"set HOME, or {' and '.join(variables)}")


def host_arch(environ: Mapping[str, str], machine: str = "") -> str:
    """`amd64` or `arm64`: `PODPLANE_ARCH` when set, else what this host is. Raises `Unsupported` for any other."""
    override = environ.get("PODPLANE_ARCH")
    if override:
        if override not in ARCHITECTURES:
            raise InvalidInput(f"invalid PODPLANE_ARCH {override[:40]!r}", hint="set it to amd64 or arm64")
        return override
    machine = (machine or platform.machine()).lower()
    if machine in {"x86_64", "amd64"}:
        return "amd64"
    if machine in {"aarch64", "arm64"}:
        return "arm64"
    raise Unsupported(
        f"the architecture of this host ({machine or 'unknown'}) is not supported",
        hint="use a host with amd64 or arm64",
    )


def validate_cluster_id(cluster_id: str) -> str:
    """The id itself when podplane would accept it, else `InvalidInput` saying what is wrong with it."""
    if cluster_id in RESERVED_CLUSTER_IDS:
        raise InvalidInput(f"the cluster id {cluster_id!r} is reserved", hint="choose another id")
    if not 1 <= len(cluster_id) <= 32 or not _CLUSTER_ID.fullmatch(cluster_id):
        raise InvalidInput(
            f"invalid cluster id {cluster_id[:40]!r}",
            hint="use 1 to 32 lower-case letters, digits and single hyphens, with none at either end",
        )
    return cluster_id


def ca_certificate(data_dir: Path) -> Path:
    """The certificate authority of podplane's local server."""
    return data_dir / "local-server" / "tls" / "oidc" / "ca.pem"


class VMFiles(NamedTuple):
    """Every path that belongs to one machine. Without `state_dir` our own state is where `base_directories` says."""

    arch: str
    cluster_id: str
    data_dir: Path
    runtime_dir: Path
    state_dir: Path | None = None

    @property
    def name(self) -> str:
        return VM_PREFIX + self.cluster_id

    @property
    def stem(self) -> str:
        return f"{self.name}.{self.arch}"

    @property
    def image_dir(self) -> Path:
        return self.data_dir / "vms"

    @property
    def pid_dir(self) -> Path:
        return self.runtime_dir / "vms"

    @property
    def image(self) -> Path:
        return self.image_dir / (self.stem + IMAGE_SUFFIX)

    @property
    def seed(self) -> Path:
        return self.image_dir / (self.stem + SEED_SUFFIX)

    @property
    def efivars(self) -> Path:
        return self.image_dir / (self.stem + EFIVARS_SUFFIX)

    @property
    def pid_file(self) -> Path:
        return self.pid_dir / (self.stem + PID_SUFFIX)

    @property
    def console(self) -> Path:
        return self.pid_dir / (self.stem + CONSOLE_SUFFIX)

    @property
    def qmp(self) -> Path:
        return self.pid_dir / (self.stem + QMP_SUFFIX)

    @property
    def qemu_log(self) -> Path:
        return self.pid_dir / (self.stem + QEMU_LOG_SUFFIX)

    @property
    def lock(self) -> Path:
        return self.pid_dir / (self.stem + LOCK_SUFFIX)

    @property
    def console_lock(self) -> Path:
        """Locked by whoever of ours holds the console."""
        return self.pid_dir / (self.stem + CONSOLE_LOCK_SUFFIX)

    @property
    def console_request(self) -> Path:
        """Locked by whoever of ours asks for the console."""
        return self.pid_dir / (self.stem + CONSOLE_REQUEST_SUFFIX)

    @property
    def state_file(self) -> Path:
        return self.runtime_dir / "local" / f"{self.cluster_id}.state.json"

    @property
    def cluster_dir(self) -> Path:
        return self.data_dir / "local" / self.cluster_id

    @property
    def cluster_config(self) -> Path:
        return self.cluster_dir / "cluster.jsonc"

    @property
    def made_by_podplane(self) -> bool:
        """Whether this is a cluster that podplane made, and so starts. False, too, where that can't be seen."""
        return os.path.isfile(self.cluster_config)  # noqa: PTH113 - `is_file` raises in a folder nobody may enter

    @property
    def user_data(self) -> Path:
        return self.cluster_dir / "user-data"

    @property
    def identity(self) -> Path:
        """The SSH private key, shared by all machines."""
        return self.data_dir / "ssh" / "id_ed25519"

    @property
    def own_state(self) -> Path:
        """Our own state directory. Raises `InvalidInput` when it has to be found and there is no home directory."""
        return self.state_dir or _usual_state()

    @property
    def recordings_dir(self) -> Path:
        return self.own_state / "recordings" / self.stem

    @property
    def known_hosts(self) -> Path:
        """The SSH host keys the guest has shown on its console, in OpenSSH's format."""
        return self.own_state / "known_hosts" / self.stem

    @property
    def sync_log(self) -> Path:
        """What rsync printed the last times."""
        return self.own_state / "syncs" / f"{self.stem}.log"

    @property
    def settings(self) -> Path:
        """What is remembered of this machine between its starts."""
        return self.own_state / "clusters" / f"{self.stem}.json"

    @property
    def settings_lock(self) -> Path:
        """Locked by whoever changes `settings`."""
        return self.settings.with_suffix(".lock")

    @property
    def kept_user_data(self) -> Path:
        """The user-data of a machine that was made from another one, which may go."""
        return self.own_state / "clusters" / f"{self.stem}.user-data"


def dashboard_memory(state_dir: Path | None) -> Path:
    """Where the dashboard remembers how it was left. Raises `InvalidInput` as `VMFiles.own_state` does."""
    return (state_dir or _usual_state()) / "dashboard.json"


def _usual_state() -> Path:
    """Absolute, whatever the environment says: QEMU, which writes there, has a working directory of its own."""
    return Path(os.path.abspath(base_directory("own_state", os.environ)))  # noqa: PTH100


def parse_stem(file_name: str, suffix: str) -> tuple[str, str] | None:
    """`(cluster_id, arch)` of a file name that ends in `suffix` and names one of our machines, else None."""
    if not file_name.endswith(suffix):
        return None
    match = _STEM.fullmatch(file_name.removesuffix(suffix))
    if match is None or len(match["id"]) > 32:
        return None
    return match["id"], match["arch"]


def socket_path_limit(system: str = sys.platform) -> int:
    """Bytes a Unix socket's path may have, the closing NUL not counted (`sun_path` in sys/un.h)."""
    return 103 if system == "darwin" else 107


def check_socket_path(path: Path, system: str = sys.platform) -> None:
    """Raise `InvalidInput` when the kernel would refuse `path` as a Unix socket."""
    length, limit = len(os.fsencode(path)), socket_path_limit(system)
    if length > limit:
        raise InvalidInput(
            f"the socket path {path} has {length} bytes and this system allows {limit}",
            hint="choose a shorter runtime directory (XDG_RUNTIME_DIR or --runtime-dir)",
        )
