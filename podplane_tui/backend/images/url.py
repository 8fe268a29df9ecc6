"""URLs of images: what may be shown of one, and the credentials in it.

User names, passwords and the tokens in a query are for the server alone. Whatever is printed, logged or remembered of a
URL is what `display_url` gives, and of the file that it became, `display_path`.
"""

from __future__ import annotations

import base64
import re
from pathlib import PurePath, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes, urlsplit

_SCHEMES = ("http://", "https://")
_SCHEME = re.compile(r"(?<![\w+.-])(?:https?:|[\w+.-]+:[/\\])[/\\]*", re.IGNORECASE)
"""Where a URL begins, one with a slash too few as well."""
_AUTHORITY = re.compile(r"(?:[^@]*@)?(?P<host>[^@:\[\]\s]*|\[[^@\[\]\s]*\])(?P<port>:\d*)?")


def is_url(image: str) -> bool:
    """Whether `image` names something to be downloaded."""
    return image.lower().startswith(_SCHEMES)


def display_url(url: str) -> str:
    """`url` without user name, password, parameters, query and fragment, as far as these can be told apart.

    "…" stands for all from which they can't: what has an `@` after the host may be one long password. What has no
    scheme is no URL, and stays as it is.
    """
    match = _SCHEME.search(url)
    if match is None:
        return url
    before, scheme, rest = "…" if url[: match.start()].strip() else "", match[0], url[match.end() :]
    authority = re.split(r"[/?#;\\\s]", rest, maxsplit=1)[0]
    place = _AUTHORITY.fullmatch(authority)
    if place is None or "@" in rest[len(authority) :]:
        return f"{before}{scheme}…"
    path = re.split(r"[?#;]", rest[len(authority) :], maxsplit=1)[0]
    return f"{before}{scheme}{place['host']}{place['port'] or ''}{path}"


def display_path(path: PurePath | str) -> str:
    """`path` without the query that podplane keeps in the name of a file from a URL; "…" stands for that."""
    folder, slash, name = str(path).rpartition("/")
    kept, mark, _ = name.partition("?")
    return f"{folder}{slash}{kept}{'?…' if mark else ''}"


def file_name_of(url: str) -> str:
    """The name of the file at `url`, "" for none, without what may be secret in the last part of its path."""
    try:
        name = PurePosixPath(urlsplit(url).path).name
    except ValueError:
        return ""
    return unquote(name.partition(";")[0].rpartition("@")[2])


class Target(NamedTuple):
    """Where to ask, and what with: `authorization` is the header's value, "" for none."""

    url: str
    authorization: str


def target_of(url: str) -> Target:
    """`url` without its user name and password, which become a header. Raises `ValueError` for an invalid URL."""
    parts = urlsplit(url)
    userinfo, _, place = parts.netloc.rpartition("@")
    if not userinfo:
        return Target(url, "")
    user, _, password = userinfo.partition(":")
    secret = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return Target(parts._replace(netloc=place).geturl(), f"Basic {base64.b64encode(secret).decode()}")


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: who is spoken to. Raises `ValueError` for anything but an http(s) URL."""
    parts = urlsplit(url)
    ports = {"http": 80, "https": 443}
    if parts.scheme not in ports or not parts.hostname:
        raise ValueError("no http or https URL")
    return parts.scheme, parts.hostname, parts.port or ports[parts.scheme]
