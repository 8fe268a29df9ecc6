"""The answers that wait to be fetched: bounded, for a program must not make more of them than anybody would read."""

from __future__ import annotations

from typing import Final

LIMIT: Final = 16_384
"""Bytes of answers that may wait."""


class Replies:
    """A queue of answers. What would make it longer than `LIMIT` is dropped, whole."""

    __slots__ = ("_answers", "_size")

    def __init__(self) -> None:
        self._answers: list[bytes] = []
        self._size = 0

    @property
    def full(self) -> bool:
        """Whether no answer has room any more: none needs to be worked out."""
        return self._size >= LIMIT

    def add(self, answer: bytes) -> None:
        """Queue an answer, if there is room for it."""
        if self._size + len(answer) <= LIMIT:
            self._answers.append(answer)
            self._size += len(answer)

    def take(self) -> bytes:
        """Everything that waits, in order, which then waits no longer."""
        if not self._answers:
            return b""
        taken = b"".join(self._answers)
        self._answers.clear()
        self._size = 0
        return taken
