"""Character sets a program can designate: what differs from ASCII, as `str.translate` tables.

Programs that draw with them use DEC special graphics; the British set is a single character. Other designations
(`ESC ( B`, national sets) print ASCII, as the guests these serve are UTF-8 throughout.
"""

from __future__ import annotations

from typing import Final

SPECIAL_GRAPHICS: Final = dict(
    zip(
        range(0x5F, 0x7F),
        "\u00a0◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·",
        strict=True,
    )
)
TABLES: Final[dict[str, dict[int, str]]] = {"0": SPECIAL_GRAPHICS, "2": SPECIAL_GRAPHICS, "A": {0x23: "£"}}
