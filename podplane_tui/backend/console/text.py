"""A console's bytes as text for a plain terminal or a file, piece by piece: nothing in it can do more than be read."""

from __future__ import annotations

import codecs
import re

_MAX_SEQUENCE = 4096
"""Characters; an escape sequence that has no end by then is taken for text."""

# A string (a title, say) ends with its line at the latest, so that one without an end hides no more than that.
_SEQUENCE = re.compile(
    r"\x1b(?:\[(?P<csi>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\|(?=[\x1b\n]))|[ -/]*[0-OQ-WYZ`-~\\])"
)
_OPEN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]*\x1b?|[ -/]*)?\Z")
_COLOUR = re.compile(r"[0-9;:]*")
# What is no text: control characters of both sets, and those that turn the order of text around.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_ENDS = re.compile(r"\r+\n|\r+")


class PlainText:
    """Takes a console's bytes and gives text: lines end in a line feed, escape sequences are gone.

    With `colours` those that set colours and the like stay; `end` then puts them back to normal.
    """

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> str:
        """The text of the next bytes, as far as it is complete."""
        text = self._rest + self._decoder.decode(data)
        # What may go on in the next bytes waits for them, but not for ever.
        opened = _OPEN.search(text)
        cut = min(opened.start() if opened else len(text), len(text.rstrip("\r")))
        if len(text) - cut > _MAX_SEQUENCE:
            cut = len(text)
        self._rest = text[cut:]
        return self._plain(text, cut)

    def end(self) -> str:
        """What is left."""
        rest, self._rest = self._rest + self._decoder.decode(b"", final=True), ""
        rest = _OPEN.sub("", rest)
        return self._plain(rest, len(rest)) + ("\x1b[0m" if self._colours else "")

    def _plain(self, text: str, end: int) -> str:
        """`text` up to `end`; how a sequence before that ends may show behind it."""
        parts, start = [], 0
        for match in _SEQUENCE.finditer(text):
            if match.start() >= end:
                break
            parts.append(_characters(text[start : match.start()]))
            if self._colours and match["final"] == "m" and _COLOUR.fullmatch(match["csi"]):
                parts.append(f"\x1b[{match['csi']}m")
            start = match.end()
        parts.append(_characters(text[start:end]))
        return "".join(parts)


def _characters(text: str) -> str:
    return _CONTROL.sub("", _ENDS.sub("\n", text))
