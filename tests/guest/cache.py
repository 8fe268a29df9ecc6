"""Where built guests are kept: `.cache/guest` of the checkout, which `make clean` empties."""

import contextlib
import fcntl
import hashlib
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "guest"


@contextlib.contextmanager
def locked(cache: Path, name: str) -> Iterator[None]:
    """Hold the lock `name` of a cache: of two runs at once the second finds what the first built."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def kept(directory: Path, make: Callable[[Path, Path], None]) -> Path:
    """Return `directory`, made first where there is none: all of it or nothing.

    `make(result, temporary)` fills `result`, which becomes `directory`; `temporary` is removed afterwards.
    """
    if not directory.is_dir():
        with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as name:
            result, temporary = Path(name) / "result", Path(name) / "temporary"
            result.mkdir()
            temporary.mkdir()
            make(result, temporary)
            result.rename(directory)
    return directory


def key(facts: object, sources: Iterable[Path]) -> str:
    """Return a short name for what a build is made of: `facts` by their repr, `sources` by name, content and mode."""
    digest = hashlib.sha256(repr(facts).encode())
    for file in sources:
        digest.update(repr((file.name, stat.S_IMODE(file.stat().st_mode))).encode() + file.read_bytes())
    return digest.hexdigest()[:16]
