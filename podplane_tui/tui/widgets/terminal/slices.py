"""How much of what a guest sends is carried out before others get the event loop.

Most bytes are cheap. A few short sequences change the whole screen, so a slice that holds many of those is a short one.
"""

import re
from collections.abc import Iterator

SLICE_SIZE = 8_192
HEAVY_SLICE_SIZE = 128

_HEAVY = re.compile(rb"\x1b(?:[69]|\[[0-9:;<-?]*(?:\$[rtvxz{]|\*y|'[}~]| [@A]|[Jb]))")
"""Rectangles, columns, checksums and repetitions; erasing the screen, which may have to spare what is protected."""
_IGNORED = bytes({*range(0x20), 0x7F} - {0x18, 0x1A, 0x1B})
"""Bytes that may stand within a sequence and do not end it."""
_MANY = 16
"""Sequences of that kind in a slice that make it a heavy one: full-screen programs send one here and there."""


def slices(data: bytes) -> Iterator[bytes]:
    """`data` cut into what is carried out in one go."""
    for start in range(0, len(data), SLICE_SIZE):
        part = data[start : start + SLICE_SIZE]
        plain = part.translate(None, _IGNORED).replace(b"\x9b", b"\x1b[")  # as the parser reads it, in 8 bits too
        size = HEAVY_SLICE_SIZE if len(_HEAVY.findall(plain)) >= _MANY else SLICE_SIZE
        for first in range(0, len(part), size):
            yield part[first : first + size]
