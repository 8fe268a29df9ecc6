"""The tiny Linux guest: Debian's cloud kernel and a busybox initramfs, at a shell on the serial port within seconds.

Two variants: `tiny` is the shell alone; `tiny-ssh` has a network card, an SSH server and rsync besides, and takes host
name, public key and a user-data script from a NoCloud seed on a disk. Both are built for amd64 and arm64, on a host of
either: nothing of the guest runs on it. What runs in the guest is in `rootfs/`.

    python -m tests.guest.tiny --print [--variant tiny-ssh] [--arch arm64]
    python -m tests.guest.tiny --exec podplane-tui demo     adds --arch, --kernel, --initrd and --cmdline, and runs it
"""

import argparse
import dataclasses
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.guest import cpio
from tests.guest.cache import CACHE, kept, key, locked
from tests.guest.modules import module_files
from tests.guest.packages import Archive, Unavailable, unpack

READY = "the shell is ready."
"""What the guest prints on the serial port before its first prompt."""
PROMPT = r"root@[\w-]+:\S*# "
"""A regular expression for its prompt there."""

_ROOTFS = Path(__file__).parent / "rootfs"
_SOURCES = ("tiny.py", "packages.py", "modules.py", "cpio.py")
_EMPTY_DIRECTORIES = ("proc", "sys", "dev", "run", "root", "mnt", "var/log", "etc/dropbear", "bin", "sbin")
_SSH_ONLY = ("etc/rc.ssh", "usr/bin/systemctl")
_USER = 1000
_TTY = b"@TTY@"
"""Stands in the files of `rootfs/` for the architecture's serial port."""
_APPLETS = re.compile(rb"\[\0\[\[\0(?:[^\0]+\0)+")
"""The names of its applets in a busybox, in the order of their bytes, so that `[` and `[[` are the first."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What differs between the architectures; `name` is Debian's, the loader is where programs look for it."""

    name: str
    tty: str
    cmdline: str
    libraries: str
    loader: str


# no_timer_check: on a busy host the timer is late, and a kernel that checks it panics.
AMD64 = Architecture("amd64", "ttyS0", "console=ttyS0 no_timer_check", "x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2")
ARM64 = Architecture("arm64", "ttyAMA0", "console=ttyAMA0", "aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1")
ARCHITECTURES = {arch.name: arch for arch in (AMD64, ARM64)}
_HOST = ARM64 if platform.machine() in {"aarch64", "arm64"} else AMD64


@dataclass(frozen=True, slots=True)
class TinyGuest:
    """A built guest, ready for QEMU's direct boot; 256 MB of memory are enough."""

    arch: str
    kernel: Path
    initramfs: Path
    cmdline: str


@dataclass(frozen=True, slots=True)
class Variant:
    """What a guest is made of: programs as paths in the packages, kernel modules by name."""

    name: str
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    modules: tuple[str, ...]


TINY = Variant("tiny", (), (), ("button", "evdev", "pvpanic_pci"))
TINY_SSH = Variant(
    "tiny-ssh",
    ("dropbear-bin", "rsync"),
    ("usr/sbin/dropbear", "usr/bin/dropbearkey", "usr/bin/rsync"),
    ("button", "evdev", "virtio_pci", "virtio_net", "virtio_blk", "virtio_rng", "isofs"),
)
VARIANTS = {variant.name: variant for variant in (TINY, TINY_SSH)}


def build(variant: Variant, arch: Architecture = AMD64, *, cache: Path = CACHE) -> TinyGuest:
    """Return the guest, built first when the cache has none of these package versions and sources.

    Raises:
        Unavailable: this machine can't build it.
    """
    with locked(cache, "tiny"):
        archive = Archive(cache / f"apt-{arch.name}", arch.name)
        try:
            return _build(variant, arch, archive, cache)
        except Unavailable:
            if archive.updated:
                raise
            archive.update()  # stale lists name versions the archive no longer has
            return _build(variant, arch, archive, cache)


def _build(variant: Variant, arch: Architecture, archive: Archive, cache: Path) -> TinyGuest:
    packages = archive.resolve(
        [f"linux-image-cloud-{arch.name}", "busybox-static", *variant.packages],
        follow=lambda name: name.startswith(("lib", "zlib", "linux-image-")),
    )

    def make(result: Path, temporary: Path) -> None:
        unpacked = temporary / "unpacked"
        for file in archive.download(packages, temporary):
            unpack(file, unpacked)
        shutil.copyfile(_one(unpacked, "boot/vmlinuz-*"), result / "vmlinuz")
        (result / "initramfs.cpio").write_bytes(cpio.archive(_entries(variant, arch, unpacked)))

    versions = [(package.name, package.version) for package in packages]
    sources = [*(Path(__file__).with_name(name) for name in _SOURCES), *_files(_ROOTFS)]
    directory = kept(cache / f"{variant.name}-{arch.name}-{key((variant, arch, versions), sources)}", make)
    return TinyGuest(arch.name, directory / "vmlinuz", directory / "initramfs.cpio", f"{arch.cmdline} quiet")


def _entries(variant: Variant, arch: Architecture, unpacked: Path) -> list[cpio.Entry]:
    """Return the members of the initramfs, parents first."""
    busybox = _one(unpacked, "bin/busybox", "usr/bin/busybox")
    files = {
        "bin/busybox": cpio.regular_file("bin/busybox", busybox.read_bytes(), mode=0o755),
        "init": cpio.symbolic_link("init", "bin/busybox"),
        "dev/console": cpio.character_device("dev/console", 5, 1),
    }
    for applet in applets(busybox.read_bytes()):
        files[f"bin/{applet}"] = cpio.symbolic_link(f"bin/{applet}", "busybox")
    for applet in ("init", "poweroff", "reboot", "halt"):
        files[f"sbin/{applet}"] = cpio.symbolic_link(f"sbin/{applet}", "../bin/busybox")
    for file in _files(_ROOTFS):
        path = file.relative_to(_ROOTFS).as_posix()
        data = file.read_bytes().replace(_TTY, arch.tty.encode())
        files[path] = cpio.regular_file(path, data, mode=0o755 if os.access(file, os.X_OK) else 0o644)
    modules = module_files(_one(unpacked, "lib/modules/*", "usr/lib/modules/*"), variant.modules)
    for module, data in modules.items():
        files[f"lib/modules/{module}"] = cpio.regular_file(f"lib/modules/{module}", data)
    files["etc/modules"] = cpio.regular_file("etc/modules", "".join(f"{name}\n" for name in modules).encode())
    directories = {path: cpio.directory(path) for path in _EMPTY_DIRECTORIES}
    directories["tmp"] = cpio.directory("tmp", mode=0o1777)
    if variant.programs:
        files |= {path: _copied(unpacked / path, path) for path in variant.programs}
        files |= _libraries(arch, unpacked)
        # The one set-user-id program: `sudo` runs it.
        files["bin/su"] = cpio.regular_file("bin/su", busybox.read_bytes(), mode=0o4755)
        directories["home/debian"] = cpio.directory("home/debian", owner=_USER)
        directories["home/debian/.ssh"] = cpio.directory("home/debian/.ssh", mode=0o700, owner=_USER)
    else:
        files = {path: entry for path, entry in files.items() if path not in _SSH_ONLY}
    for path in [*files, *directories]:
        for parent in Path(path).parents:
            if parent != Path():
                directories.setdefault(parent.as_posix(), cpio.directory(parent.as_posix()))
    return [directories[path] for path in sorted(directories)] + [files[path] for path in sorted(files)]


def applets(busybox: bytes) -> list[str]:
    """Return the names of the applets of a busybox, which may be for another architecture than the host's.

    Raises:
        Unavailable: this is no busybox.
    """
    match = _APPLETS.search(busybox)
    if match is None:
        raise Unavailable("the busybox has no list of its applets")
    return [name for name in match[0].decode().split("\0") if name not in {"", "busybox"}]


def _libraries(arch: Architecture, unpacked: Path) -> dict[str, cpio.Entry]:
    """Return the shared libraries of the packages, all in one directory, and the loader where programs look for it."""
    entries = {}
    for directory in (f"lib/{arch.libraries}", f"usr/lib/{arch.libraries}"):
        for file in (unpacked / directory).glob("*.so*"):
            path = f"lib/{arch.libraries}/{file.name}"
            entries[path] = _copied(file, path)
    entries[arch.loader] = cpio.symbolic_link(arch.loader, f"/lib/{arch.libraries}/{Path(arch.loader).name}")
    return entries


def _copied(file: Path, path: str) -> cpio.Entry:
    if file.is_symlink():
        return cpio.symbolic_link(path, str(file.readlink()))
    return cpio.regular_file(path, file.read_bytes(), mode=0o755)


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _one(directory: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for path in directory.glob(pattern):
            return path
    raise Unavailable(f"none of the packages has {' or '.join(patterns)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Build a guest; print where it is, or run a program with it."""
    parser = argparse.ArgumentParser(prog="python -m tests.guest.tiny", description="Build the tiny Linux guest.")
    parser.add_argument("--variant", choices=sorted(VARIANTS), default=TINY.name)
    parser.add_argument("--arch", choices=sorted(ARCHITECTURES), default=_HOST.name)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--print", action="store_true", help="print its files and command line as JSON")
    action.add_argument(
        "--exec", nargs=argparse.REMAINDER, metavar="PROGRAM", help="run PROGRAM with the guest's options"
    )
    options = parser.parse_args(arguments)
    arch = ARCHITECTURES[options.arch]
    try:
        guest = build(VARIANTS[options.variant], arch)
    except Unavailable as error:
        sys.exit(str(error))
    if options.print:
        json.dump(dataclasses.asdict(guest), sys.stdout, indent=2, default=str)
        sys.stdout.write("\n")
        return
    # Not quiet: whoever runs it so wants to see it boot.
    boot = ["--kernel", str(guest.kernel), "--initrd", str(guest.initramfs), "--cmdline", arch.cmdline]
    # The program takes this one's place, terminal and signals included.
    os.execvp(options.exec[0], [*options.exec, "--arch", arch.name, *boot])  # noqa: S606


if __name__ == "__main__":
    main()
