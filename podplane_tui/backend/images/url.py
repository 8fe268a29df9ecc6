"""URLs of images: what may be shown of one, and the credentials in it.

User names, passwords and the tokens in a query are for the server alone. Whatever is printed, logged or remembered of a
URL is what `display_url` gives.
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

_SCHEMES = ("http://", "https://")
_AUTHORITY = re.compile(r"(?:[^@/?#\s]*@)?(?P<host>[^@/?#\s:]*|\[[^@\]/?#\s]*\])(?P<port>:\d*)?")


def is_url(image: str) -> bool:
    """Whether `image` names something to be downloaded."""
    return image.lower().startswith(_SCHEMES)


def display_url(url: str) -> str:
    """`url` without user name, password, query and fragment. What has no scheme is no URL, and stays as it is."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    match = _AUTHORITY.fullmatch(authority)
    if match is None:  # where a password ends can't be told
        return f"{scheme}://…"
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    return f"{scheme}://{match['host']}{match['port'] or ''}{path}"


class Target(NamedTuple):
    """Where to ask, and what with: `authorization` is the header's value, "" for none."""

    url: str
    authorization: str


def target_of(url: str) -> Target:
    """`url` without its user name and password, which become a header. Raises `ValueError` for what is no URL."""
    parts = urlsplit(url)
    userinfo, _, place = parts.netloc.rpartition("@")
    if not userinfo:
        return Target(url, "")
    user, _, password = userinfo.partition(":")
    secret = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return Target(parts._replace(netloc=place).geturl(), f"Basic {base64.b64encode(secret).decode()}")


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: who is spoken to. Raises `ValueError` for what is no http(s) URL."""
    parts = urlsplit(url)
    ports = {"http": 80, "https": 443}
    if parts.scheme not in ports or not parts.hostname:
        raise ValueError("no http or https URL")
    return parts.scheme, parts.hostname, parts.port or ports[parts.scheme]
