"""What other programs print, made fit for one line of ours."""

from __future__ import annotations

import re

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?"  # CSI; OSC and strings; the rest
)


def one_line(raw: bytes | str, *, limit: int = 500) -> str:
    """`raw` as one printable line of at most `limit` characters.

    Escape sequences go, line breaks and tabs become a space, what else is not printable (or no UTF-8) shows as `\\x07`.
    """
    text = raw[: 8 * limit].decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw[: 8 * limit]
    if not text.isprintable():
        text = re.sub(r"[\t-\r\x85\u2028\u2029]+", " ", _ESCAPE_SEQUENCE.sub("", text)).strip()
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
