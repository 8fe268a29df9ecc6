"""Who may come in: links that work once, the sessions they open, and what a request must say of where it is from."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that came in through a link.

    `name` is the first part of its paths. The cookie that holds `secret` is bound to it, for cookies know no ports:
    bound to `/`, this one would also go to every other server on this address.
    """

    name: str
    secret: str

    @property
    def path(self) -> str:
        """What the session's addresses begin with."""
        return f"/{self.name}/"


class Door:
    """Opens for one link at a time, and for the sessions that such links have opened."""

    def __init__(self, host: str) -> None:
        """`host` is the only `Host` there is, with the port where that is not HTTP's own."""
        self.host = host
        self.origin = f"http://{host}"
        self._token: str | None = None
        self._sessions: dict[str, Session] = {}

    def new_link(self) -> str:
        """An address that lets one browser in, once. The one given before, if it was not used, is no longer good."""
        self._token = secrets.token_urlsafe(_SECRET_BYTES)
        return f"{self.origin}/?token={self._token}"

    def enter(self, token: str) -> Session | None:
        """A session for the link's token, which is spent by this; None for any other."""
        if self._token is None or not _same(token, self._token):
            return None
        self._token = None
        session = Session(secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES))
        self._sessions[session.name] = session
        return session

    def admits(self, name: str, secret: str) -> bool:
        """Whether `secret`, from the cookie, is that of the session whose path was asked for."""
        session = self._sessions.get(name)
        return session is not None and _same(secret, session.secret)

    def objection(self, *, hosts: Sequence[str], origins: Sequence[str], must_name_origin: bool) -> str | None:
        """What is wrong with a request that has these `Host` and `Origin` headers, None when nothing is.

        A name that leads to this address does not do as host: whoever owns the name could rebind it. A browser names
        the origin of most requests that are not for a page, and always a WebSocket's.
        """
        if list(hosts) != [self.host]:
            return f"This is {self.origin}/ and goes by no other name."
        if list(origins) != [self.origin] and (origins or must_name_origin):
            return "Only its own pages may ask for this."
        return None


def _same(given: str, expected: str) -> bool:
    """Compare in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
