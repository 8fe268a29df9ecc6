"""The NoCloud seed: the ISO from which cloud-init takes the machine's name, the SSH key and the user-data.

Source: cloud-init's NoCloud documentation; label, file names and texts are podplane's.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from podplane_tui.backend.core.errors import CorruptFile, InvalidInput, StartFailed
from podplane_tui.backend.core.files import PowerCut, open_regular, os_error_as, write_atomic
from podplane_tui.backend.core.paths import ARCHITECTURES, validate_cluster_id

LABEL = "cidata"

_NETWORK_CONFIG_AMD64 = """\
version: 2
ethernets:
  primary:
    match:
      driver: virtio_net
    dhcp4: true
    dhcp6: false
"""

_SUM = slice(16 * 2048 + 883, 16 * 2048 + 883 + hashlib.sha256().digest_size)
"""Where a seed of ours holds what it was made from: ISO 9660 leaves these bytes to whoever makes the image."""

_MODE = 0o600

_MORE = 2**20
"""More bytes than an image has beside its texts: what is longer is not ours, and need not be read."""

_MAKING = b"1"
"""To be changed with how a seed is made, so that one made before counts as another."""

_ISO_NAMES = {
    # name that the guest sees (Rock Ridge): name of plain ISO 9660, which has capitals and eight letters only
    "user-data": "/USERDATA.;1",
    "meta-data": "/METADATA.;1",
    "network-config": "/NETWORKC.;1",
}


@dataclass(frozen=True, slots=True)
class Seed:
    """What a seed holds."""

    label: str
    user_data: str
    meta_data: str
    network_config: str


def meta_data(cluster_id: str, ssh_authorized_key: str = "") -> str:
    """The text of `meta-data`; an empty key is left out. Raises `InvalidInput` for what can't stand there."""
    name = _quoted(validate_cluster_id(cluster_id))
    text = f"instance-id: {name}\nlocal-hostname: {name}\n"
    key = ssh_authorized_key.strip()
    return f"{text}public-keys:\n  - {_quoted(key)}\n" if key else text


def network_config(arch: str) -> str:
    """The text of `network-config`, which is empty on arm64."""
    if arch not in ARCHITECTURES:
        raise InvalidInput(f"invalid architecture {arch[:40]!r}", hint="use amd64 or arm64")
    return _NETWORK_CONFIG_AMD64 if arch == "amd64" else ""


def _quoted(text: str) -> str:
    """`text` as a double-quoted YAML scalar, in which all printable characters but two stand for themselves."""
    if not text.isprintable():
        raise InvalidInput(
            f"the SSH key {text[:40]!r} has a line break or a control character",
            hint="give the one line of a .pub file",
        )
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def write_seed(path: Path, *, cluster_id: str, arch: str, user_data: str, ssh_authorized_key: str) -> None:
    """Make or replace the seed at `path` as one step, with mode 0600: user-data may hold secrets.

    One that we made of the same and that is whole stays: telling that takes a tenth of the time of making it anew.
    `user_data` is stored as it is; bytes that were no UTF-8 when read with `surrogateescape` stay what they were.
    Raises `InvalidInput` for what can't be stored, `StartFailed` when the file can't be written.
    """
    try:
        content = user_data.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"the user-data can't be stored: character {error.start} is not valid Unicode", hint="save it as UTF-8"
        ) from error
    texts = {
        "user-data": content,
        "meta-data": meta_data(cluster_id, ssh_authorized_key).encode(),
        "network-config": network_config(arch).encode(),
    }
    if _is_there(path, texts):
        return
    image = bytearray(_image(texts))
    image[_SUM] = _sum(texts, image)
    try:
        write_atomic(path, image, mode=_MODE, after=PowerCut.ANYTHING)
    except OSError as error:
        raise os_error_as(StartFailed, f"the seed {path} can't be written", error) from error


def _is_there(path: Path, texts: Mapping[str, bytes]) -> bool:
    """Whether the file at `path` is what was made of these texts, byte for byte and as private."""
    try:
        with open_regular(path, follow_links=False) as file:
            image = file.read(_MORE + sum(map(len, texts.values())))
            private = stat.S_IMODE(os.fstat(file.fileno()).st_mode) == _MODE
    except OSError:
        return False
    return private and image[_SUM] == _sum(texts, image)


def _sum(texts: Mapping[str, bytes], image: bytes | bytearray) -> bytes:
    """What tells the image of these texts from any other, and from one that was changed since."""
    lengths = [len(text) for text in texts.values()]
    parts = (_MAKING, repr(lengths).encode(), *texts.values(), image[: _SUM.start], image[_SUM.stop :])
    return hashlib.sha256(b"".join(parts)).digest()


def _image(files: Mapping[str, bytes]) -> bytes:
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=1, vol_ident=LABEL, rock_ridge="1.09")
    try:
        for name, content in files.items():
            iso.add_fp(BytesIO(content), len(content), _ISO_NAMES[name], rr_name=name, file_mode=0o100644)
        image = BytesIO()
        iso.write_fp(image)
    finally:
        iso.close()
    return image.getvalue()


def read_seed(path: Path) -> Seed:
    """What the seed at `path` holds. Raises `CorruptFile` when it is missing or no seed."""
    iso = pycdlib.PyCdlib()
    try:
        with open_regular(path, follow_links=True) as file:
            iso.open_fp(file)
            try:
                label = iso.pvd.volume_identifier.decode("ascii", "replace").rstrip()
                texts = {name: _read_text(iso, name) for name in _ISO_NAMES}
            finally:
                iso.close()
    except OSError as error:
        raise os_error_as(CorruptFile, f"the seed {path} can't be read", error) from error
    except (PyCdlibException, struct.error, IndexError, KeyError, ValueError, AttributeError) as error:
        # pycdlib parses what it finds and says so in many ways when that is nonsense
        raise CorruptFile(f"{path} is not a seed ISO", hint="start the VM again to rewrite it") from error
    return Seed(label, texts["user-data"], texts["meta-data"], texts["network-config"])


def _read_text(iso: pycdlib.PyCdlib, name: str) -> str:
    content = BytesIO()
    iso.get_file_from_iso_fp(content, rr_path=f"/{name}")
    return content.getvalue().decode("utf-8", "surrogateescape")
