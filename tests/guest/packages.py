"""Debian packages as raw material: found through apt's metadata, downloaded and unpacked, never installed; no root."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")


class Unavailable(RuntimeError):
    """The guest can't be built on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Package:
    """One version of a binary package; `depends` holds for each dependency its alternatives, in order."""

    name: str
    version: str
    depends: tuple[tuple[str, ...], ...]


def parse_packages(text: str) -> list[Package]:
    """Parse the stanzas `apt-cache show` prints."""
    packages = []
    for stanza in re.split(r"\n\s*\n", text.strip()):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): *(.*)$", stanza, re.MULTILINE))
        if "Package" in fields and "Version" in fields:
            depends = ", ".join(filter(None, (fields.get("Pre-Depends"), fields.get("Depends"))))
            packages.append(Package(fields["Package"], fields["Version"], parse_depends(depends)))
    return packages


def parse_depends(text: str) -> tuple[tuple[str, ...], ...]:
    """Parse a dependency field into names: versions and architectures are left out."""
    return tuple(
        tuple(match[0] for part in alternatives.split("|") if (match := _NAME.match(part.strip())))
        for alternatives in text.split(",")
        if alternatives.strip()
    )


class Archive:
    """The package archive this machine's apt knows, for one architecture, named as Debian does.

    Where the machine has no package lists (fresh container, another architecture) or stale ones, lists of our own are
    fetched into `directory`; that needs no root, and dpkg learns of no architecture.
    """

    def __init__(self, directory: Path, architecture: str) -> None:
        for program in ("apt-cache", "apt-get", "dpkg", "dpkg-deb"):
            if shutil.which(program) is None:
                raise Unavailable(f"building the guest needs Debian or Ubuntu: there is no {program} here")
        self._directory = directory
        self._architecture = architecture
        cache = directory / "cache"
        (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        # Images of containers have apt's own cache switched off, without which every look takes seconds.
        self._options = ["-o", f"Dir::Cache={cache}", "-o", "Dir::Cache::pkgcache=pkgcache.bin"]
        self._own = False
        self._updated = False
        native = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout
        if native.strip() != architecture:
            self._use_own()  # the machine has no lists of it

    def update(self) -> None:
        """Fetch package lists of our own and use them from now on."""
        self._use_own()
        self._updated = True
        # Its exit code is of no use: one unreachable third-party source spoils it. What counts is what is found then.
        self._run("apt-get", "update", "-qq", check=False)

    @property
    def updated(self) -> bool:
        """Whether lists of our own were fetched just now."""
        return self._updated

    def _use_own(self) -> None:
        """Use lists of our own, as an earlier update left them, and none of the packages the machine has installed."""
        if self._own:
            return
        self._own = True
        state = self._directory / "state"
        (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        self._options += [
            *("-o", f"APT::Architecture={self._architecture}"),
            *("-o", f"APT::Architectures={self._architecture}"),
            *("-o", f"Dir::State={state}"),
            *("-o", f"Dir::State::lists={state / 'lists'}"),
            *("-o", f"Dir::State::status={state / 'status'}"),
            *("-o", "Debug::NoLocking=1"),
        ]

    def resolve(self, names: Sequence[str], *, follow: Callable[[str], bool]) -> list[Package]:
        """Return the packages `names` and those they depend on, as far as `follow` says yes to a name; sorted.

        Raises:
            Unavailable: a name among `names` is unknown, also after an update.
        """
        found = self._resolve(names, follow=follow)
        if not set(names) <= found.keys() and not self.updated:
            self.update()
            found = self._resolve(names, follow=follow)
        if missing := sorted(set(names) - found.keys()):
            raise Unavailable(f"apt knows no package {', '.join(missing)}: check its sources and run `apt-get update`")
        return sorted(found.values(), key=lambda package: package.name)

    def _resolve(self, names: Iterable[str], *, follow: Callable[[str], bool]) -> dict[str, Package]:
        found: dict[str, Package] = {}
        asked: set[str] = set()
        wanted = set(names)
        while wanted:
            asked |= wanted
            output = self._run("apt-cache", "show", "--no-all-versions", *sorted(wanted), check=False)
            packages = parse_packages(output)
            found |= {package.name: package for package in packages}
            alternatives = {name for package in packages for names in package.depends for name in names}
            wanted = {name for name in alternatives if follow(name)} - asked
        return found

    def download(self, packages: Iterable[Package], destination: Path) -> list[Path]:
        """Download `packages` into `destination`, verified by apt; return the files.

        Raises:
            Unavailable: apt can't; with its own words.
        """
        names = [f"{package.name}={package.version}" for package in packages]
        try:
            self._run("apt-get", "download", "-qq", *names, cwd=destination)
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"apt-get download failed: {error.stderr.strip()}") from error
        return sorted(destination.glob("*.deb"))

    def _run(self, program: str, *arguments: str, check: bool = True, cwd: Path | None = None) -> str:
        return subprocess.run(
            [program, "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=5", *self._options, *arguments],
            check=check,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        ).stdout


def unpack(package: Path, destination: Path) -> None:
    """Unpack the files of a downloaded package."""
    subprocess.run(["dpkg-deb", "-x", package, destination], check=True, capture_output=True)
