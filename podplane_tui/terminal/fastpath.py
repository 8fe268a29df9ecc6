"""placeholder"""

from __future__ import annotations

import re

from .parser import GROUND, Parser
from .screen import Screen

_TOKEN = re.compile("([ -~]*)(?:([\x00-\x1a\x1c-\x1f\x7f])|([^\x00-\x9f]+)|([\x1b\x80-\x9f][\\s\\S]*))?")


def feed(screen: Screen, parser: Parser, text: str) -> None:
    while text:
        if parser.state != GROUND:
            text = text[parser.consume(text) :]
            continue
        rest = ""
        for plain, control, wide, rest in _TOKEN.findall(text):
            if plain:
                screen.draw(plain)
            if control:
                if handler := screen.controls.get(control):
                    handler()
            elif wide:
                screen.draw(wide)
            elif rest:
                break
        if rest:
            rest = rest[parser.consume(rest) :]
        text = rest
