"""The Debian guest: systemd, dbus, cloud-init (NoCloud only), an SSH server, rsync and sudo on a partitioned disk.

Built without mounting anything, as root or in a user namespace, in about two minutes; boots by direct boot only, its
kernel and initrd are in the partition's `/boot`. Everything else (user, key, host name, network) comes from the seed.

    python -m tests.guest.debian --print
"""

import argparse
import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.guest.cache import CACHE, kept, key, locked
from tests.guest.packages import Unavailable

SUITE = "bookworm"
PARTITION = 1
"""The number of the root partition, which holds `/boot`."""

_OVERLAY = Path(__file__).parent / "debian"
_PACKAGES = (
    *("linux-image-cloud-amd64", "initramfs-tools", "zstd", "systemd-sysv", "udev", "dbus", "netplan.io"),
    *("cloud-init", "openssh-server", "rsync", "sudo", "iproute2", "procps"),
)
# Units that only cost time.
_MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service"),
    *("systemd-binfmt.service", "systemd-timesyncd.service"),
)
_MIRRORS = (
    f"deb http://deb.debian.org/debian {SUITE} main",
    f"deb http://deb.debian.org/debian-security {SUITE}-security main",
)
_CMDLINE = "root=LABEL=root ro console=ttyS0 no_timer_check quiet"  # the check: see tiny.py
_PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "sfdisk": "fdisk",
    "qemu-img": "qemu-utils",
    "tar": "tar",
}
_START = 1024**2
_SIZE = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class DebianGuest:
    """A built guest: its disk, and copies of the files its partition has at `kernel_path` and `initrd_path`."""

    image: Path
    kernel: Path
    initrd: Path
    kernel_path: str
    initrd_path: str
    cmdline: str


def build(*, cache: Path = CACHE) -> DebianGuest:
    """Return the guest, built first when the cache has none of these sources; its packages may be older than Debian's.

    Raises:
        Unavailable: this machine can't build it.
    """
    if platform.machine() != "x86_64":
        raise Unavailable(f"the Debian guest is built on x86-64 machines only, not on {platform.machine()}")
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    if missing := sorted({package for name, package in _PROGRAMS.items() if shutil.which(name, path=path) is None}):
        raise Unavailable(f"building the Debian guest needs the Debian packages {' '.join(missing)}")
    sources = [Path(__file__), *sorted(file for file in _OVERLAY.rglob("*") if file.is_file())]
    with locked(cache, "debian"):
        directory = kept(
            cache / f"debian-{key(SUITE, sources)}", lambda result, temporary: _make(result, temporary, path)
        )
    (kernel,), (initrd,) = directory.glob("vmlinuz-*"), directory.glob("initrd.img-*")
    return DebianGuest(
        image=directory / "debian.qcow2",
        kernel=kernel,
        initrd=initrd,
        kernel_path=f"/boot/{kernel.name}",
        initrd_path=f"/boot/{initrd.name}",
        cmdline=_CMDLINE,
    )


def _make(result: Path, temporary: Path, path: str) -> None:
    # In a user namespace other users' files must be readable and writable to its root, which is none of us.
    for directory in (result.parent, temporary):
        directory.chmod(0o755)
    temporary.chmod(0o777)
    root, tar, disk = temporary / "root", temporary / "root.tar", temporary / "disk.raw"
    privileged = os.geteuid() == 0
    inside = [] if privileged else ["mmdebstrap", "--unshare-helper"]

    def run(*command: str | Path, script: str = "") -> None:
        # What is meant for our own Python is not for those of the guest's packages, whose warnings are no errors.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment = {**inherited, "PATH": path, "TMPDIR": str(temporary)}
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, env=environment, input=script)
        except subprocess.CalledProcessError as error:
            last = " | ".join((error.stderr or error.stdout).strip().splitlines()[-20:])
            raise Unavailable(f"building the Debian guest failed: {error}: {last}") from error

    run(
        # Verbose: what apt and dpkg say of a failure stands nowhere else.
        *("mmdebstrap", "--verbose", f"--mode={'root' if privileged else 'unshare'}", "--variant=minbase"),
        "--aptopt=Acquire::Retries 5",
        f"--include={','.join(_PACKAGES)}",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")),
        # Before the kernel is installed, whose package builds the initrd.
        f"--essential-hook=sync-in {_OVERLAY} /",
        f'--customize-hook=chroot "$1" systemctl --quiet mask {" ".join(_MASKED)}',
        *(SUITE, tar, *_MIRRORS),
    )
    run(*inside, "mkdir", root)
    run(*inside, "tar", "-C", root, "-xpf", tar, "--exclude=./dev/*")
    for name in ("vmlinuz-*", "initrd.img-*"):
        (file,) = (root / "boot").glob(name)
        shutil.copyfile(file, result / file.name)
    disk.touch()
    os.truncate(disk, _SIZE)
    disk.chmod(0o666)
    run("sfdisk", "--quiet", disk, script=f"label: gpt\nstart={_START // 512}, type=linux\n")
    blocks = (_SIZE - 2 * _START) // 4096
    offset = f"offset={_START},lazy_itable_init=1"
    run(*inside, "mke2fs", "-q", "-t", "ext4", "-b", "4096", "-L", "root", "-E", offset, "-d", root, disk, str(blocks))
    run("qemu-img", "convert", "-O", "qcow2", disk, result / "debian.qcow2")
    run(*inside, "rm", "-rf", root)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the guest and print where it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.guest.debian", description="Build the Debian guest.")
    parser.add_argument("--print", action="store_true", required=True, help="print its files and command line as JSON")
    parser.parse_args(arguments)
    try:
        guest = build()
    except Unavailable as error:
        sys.exit(str(error))
    json.dump(dataclasses.asdict(guest), sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
