"""What each control sequence does to the screen: a table by family, on 10 columns and 4 lines."""

from __future__ import annotations

import pytest

from tests.terminal.support import fed, place, shown

FULL = "0123456789\r\nabcdefghij\r\nABCDEFGHIJ\r\nklmnopqrst\x1b[H"
SIDES = "\x1b[?69h\x1b[3;7s"  # left margin 3, right margin 7

# name, input, visible lines, cursor (x, y)
Case = tuple[str, str, list[str], tuple[int, int]]

PRINTING: list[Case] = [
    ("text", "hello", ["hello"], (5, 0)),
    ("wrap is pending at the end of a line", "0123456789", ["0123456789"], (9, 0)),
    ("wrap comes with the next character", "0123456789a", ["0123456789", "a"], (1, 1)),
    ("carriage return takes a pending wrap away", "0123456789\rX", ["X123456789"], (1, 0)),
    ("backspace from a pending wrap", "0123456789\bX", ["01234567X9"], (9, 0)),
    ("tab keeps a pending wrap", "0123456789\tX", ["0123456789", "X"], (1, 1)),
    ("tab after a pending wrap with mode 41", "\x1b[?41h0123456789\tX", ["0123456789", "        X"], (9, 1)),
    ("no autowrap", "\x1b[?7l0123456789abc", ["012345678c"], (9, 0)),
    ("line feed keeps the column", "ab\ncd", ["ab", "  cd"], (4, 1)),
    ("vertical tab and form feed are line feeds", "a\x0bb\x0cc", ["a", " b", "  c"], (3, 2)),
    ("newline mode", "\x1b[20hab\ncd", ["ab", "cd"], (2, 1)),
    ("scrolling at the bottom", "a\r\nb\r\nc\r\nd\r\ne", ["b", "c", "d", "e"], (1, 3)),
    ("systemd ends lines with two returns", "a\r\r\nb", ["a", "b"], (1, 1)),
    ("insert mode", "abc\x1b[H\x1b[4hXY", ["XYabc"], (2, 0)),
    ("insert mode pushes out at the right", "0123456789\x1b[H\x1b[4hX", ["X012345678"], (1, 0)),
    ("repetition", "ab\x1b[3b", ["abbbb"], (5, 0)),
    ("repetition wraps", "a\x1b[12b", ["aaaaaaaaaa", "aaa"], (3, 1)),
    ("repetition without a character", "\x1b[3b", [], (0, 0)),
    ("delete and nul are nothing", "a\x7fb\x00c", ["abc"], (3, 0)),
    ("line drawing in G0", "\x1b(0lqk\x1b(Bq", ["┌─┐q"], (4, 0)),
    ("line drawing in G1", "\x1b)0\x0elqk\x0fq", ["┌─┐q"], (4, 0)),
    ("single shift", "\x1b*0\x1bNqq", ["─q"], (2, 0)),
    ("locking shift 2", "\x1b*0\x1bnqq\x0fq", ["──q"], (3, 0)),
    ("British set", "\x1b(A#\x1b(B#", ["£#"], (2, 0)),
    ("alignment display", "\x1b[2;3r\x1b#8", ["EEEEEEEEEE"] * 4, (0, 0)),
]

WIDTHS: list[Case] = [
    ("wide", "漢字x", ["漢字x"], (5, 0)),
    ("wide at the margin goes to the next line", "012345678漢", ["012345678", "漢"], (2, 1)),
    ("combining", "e\u0301x", ["e\u0301x"], (2, 0)),
    ("combining after a pending wrap", "012345678e\u0301", ["012345678e\u0301"], (9, 0)),
    ("combining at the start of a line is dropped", "\u0301a", ["a"], (1, 0)),
    ("variation selector keeps the rest of the run", "\u26a0\ufe0f warn", ["\u26a0\ufe0f warn"], (6, 0)),
    ("left half overwritten", "漢字\x1b[HX", ["X 字"], (1, 0)),
    ("right half overwritten", "漢字\x1b[1;2HX", [" X字"], (2, 0)),
    ("wide over two halves", "漢字\x1b[1;2H語", [" 語"], (3, 0)),
    ("half deleted", "漢字ab\x1b[1;2H\x1b[P", [" 字ab"], (1, 0)),
    ("half erased", "漢字ab\x1b[1;2H\x1b[X", ["  字ab"], (1, 0)),
    ("erased from the right half", "漢字ab\x1b[1;4H\x1b[K", ["漢"], (3, 0)),
    ("inserted in the middle", "漢字\x1b[1;2H\x1b[@", ["   字"], (1, 0)),
    ("soft hyphen takes a cell", "a\u00adb", ["a\u00adb"], (3, 0)),
]

MOVING: list[Case] = [
    ("CUP", "\x1b[2;3HX", ["", "  X"], (3, 1)),
    ("CUP is clamped", "\x1b[99;99HX", ["", "", "", "         X"], (9, 3)),
    ("CUP with extra parameters", "\x1b[2;3;4HX", ["", "  X"], (3, 1)),
    ("CUP with missing parameters", "\x1b[;3HX", ["  X"], (3, 0)),
    ("HVP", "\x1b[2;3fX", ["", "  X"], (3, 1)),
    ("CUU stops at the top", "\x1b[3;1H\x1b[9A", [], (0, 0)),
    ("CUU stops at the margin", "\x1b[2;4r\x1b[3;1H\x1b[9A", [], (0, 1)),
    ("CUU from above the margin", "\x1b[3;4r\x1b[2;1H\x1b[9A", [], (0, 0)),
    ("CUD stops at the margin", "\x1b[1;3r\x1b[9B", [], (0, 2)),
    ("CUD from below the margin", "\x1b[1;2r\x1b[3;1H\x1b[9B", [], (0, 3)),
    ("CUF", "\x1b[3C", [], (3, 0)),
    ("CUF stops at the right margin", SIDES + "\x1b[1;4H\x1b[99C", [], (6, 0)),
    ("CUF from right of the margin", SIDES + "\x1b[1;9H\x1b[99C", [], (9, 0)),
    ("CUB stops at the left margin", SIDES + "\x1b[1;5H\x1b[99D", [], (2, 0)),
    ("CUB from left of the margin", SIDES + "\x1b[1;2H\x1b[99D", [], (0, 0)),
    ("CNL", "\x1b[1;5H\x1b[2E", [], (0, 2)),
    ("CPL", "\x1b[3;5H\x1b[F", [], (0, 1)),
    ("CHA", "\x1b[2;5H\x1b[3G", [], (2, 1)),
    ("HPA", "\x1b[2;5H\x1b[3`", [], (2, 1)),
    ("HPR", "\x1b[2;5H\x1b[3a", [], (7, 1)),
    ("VPA", "\x1b[2;5H\x1b[3d", [], (4, 2)),
    ("VPR", "\x1b[2;5H\x1b[e", [], (4, 2)),
    ("origin mode", "\x1b[2;3r\x1b[?6h\x1b[1;1HX", ["", "X"], (1, 1)),
    ("origin mode stops at the bottom margin", "\x1b[2;3r\x1b[?6h\x1b[9;1HX", ["", "", "X"], (1, 2)),
    ("origin mode without margins, then VPA", "\x1b[?6h\x1b[3dX", ["", "", "X"], (1, 2)),
    ("origin mode with side margins", SIDES + "\x1b[?6h\x1b[1;1HX", ["  X"], (3, 0)),
    ("reverse wrap", "\x1b[?45h0123456789a\b\bX", ["012345678X", "a"], (9, 0)),
    ("tabs", "\tX", ["        X"], (9, 0)),
    ("tab stops at the last column", "\t\tX", ["         X"], (9, 0)),
    ("HTS and TBC", "\x1b[3g\x1b[1;4H\x1bH\r\tX", ["   X"], (4, 0)),
    ("TBC at the cursor", "\x1b[1;9H\x1b[g\r\tX", ["         X"], (9, 0)),
    ("CHT", "\x1b[1;3H\x1b[I", [], (8, 0)),
    ("CBT", "\x1b[1;10H\x1b[Z", [], (8, 0)),
    ("CBT to the start", "\x1b[1;10H\x1b[9Z", [], (0, 0)),
    ("save and restore", "ab\x1b7\x1b[3;3H\x1b8c", ["abc"], (3, 0)),
    ("restore twice", "ab\x1b7\x1b[3;3H\x1b8\x1b[4;1H\x1b8c", ["abc"], (3, 0)),
    ("restore without save", "ab\x1b8c", ["cb"], (1, 0)),
    ("save and restore as control sequences", "ab\x1b[s\x1b[3;3H\x1b[uc", ["abc"], (3, 0)),
    ("NEL", "ab\x1bEc", ["ab", "c"], (1, 1)),
    ("IND", "ab\x1bDc", ["ab", "  c"], (3, 1)),
    ("RI scrolls at the top", "a\x1bMb", [" b", "a"], (2, 0)),
]

EDITING: list[Case] = [
    ("EL right", FULL + "\x1b[1;4H\x1b[K", ["012", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("EL left", FULL + "\x1b[1;4H\x1b[1K", ["    456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("EL all", FULL + "\x1b[1;4H\x1b[2K", ["", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("EL unknown", FULL + "\x1b[3K", ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (0, 0)),
    ("ED below", FULL + "\x1b[2;4H\x1b[J", ["0123456789", "abc"], (3, 1)),
    ("ED above", FULL + "\x1b[3;4H\x1b[1J", ["", "", "    EFGHIJ", "klmnopqrst"], (3, 2)),
    ("ED all", FULL + "\x1b[3;4H\x1b[2J", [], (3, 2)),
    ("ED unknown", FULL + "\x1b[4J", ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (0, 0)),
    ("ECH", FULL + "\x1b[1;4H\x1b[3X", ["012   6789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("ICH", FULL + "\x1b[1;4H\x1b[2@", ["012  34567", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("DCH", FULL + "\x1b[1;4H\x1b[2P", ["01256789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("IL", FULL + "\x1b[2;4H\x1b[L", ["0123456789", "", "abcdefghij", "ABCDEFGHIJ"], (0, 1)),
    ("DL", FULL + "\x1b[2;4H\x1b[M", ["0123456789", "ABCDEFGHIJ", "klmnopqrst"], (0, 1)),
    ("DL of more than there are", FULL + "\x1b[2;1H\x1b[99M", ["0123456789"], (0, 1)),
    (
        "IL outside the margins",
        FULL + "\x1b[2;3r\x1b[L",
        ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"],
        (0, 0),
    ),
    ("IL in margins", FULL + "\x1b[2;3r\x1b[2;1H\x1b[L", ["0123456789", "", "abcdefghij", "klmnopqrst"], (0, 1)),
    ("SU", FULL + "\x1b[S", ["abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (0, 0)),
    ("SD", FULL + "\x1b[T", ["", "0123456789", "abcdefghij", "ABCDEFGHIJ"], (0, 0)),
    ("SU in margins", FULL + "\x1b[2;3r\x1b[S", ["0123456789", "ABCDEFGHIJ", "", "klmnopqrst"], (0, 0)),
    (
        "line feed at the bottom margin",
        FULL + "\x1b[2;3r\x1b[3;1H\n",
        ["0123456789", "ABCDEFGHIJ", "", "klmnopqrst"],
        (0, 2),
    ),
    (
        "line feed below the margins",
        FULL + "\x1b[1;2r\x1b[4;1H\n",
        ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"],
        (0, 3),
    ),
    (
        "margins the wrong way round",
        FULL + "\x1b[2;2H\x1b[3;2rX",
        ["0123456789", "aXcdefghij", "ABCDEFGHIJ", "klmnopqrst"],
        (2, 1),
    ),
    ("DECALN after margins", "\x1b[2;3r\x1b#8\x1b[S", ["EEEEEEEEEE"] * 3, (0, 0)),
]

SIDE_MARGINS: list[Case] = [
    ("wrap between the margins", SIDES + "\x1b[1;3Habcdefg", ["  abcde", "  fg"], (4, 1)),
    ("wrap right of the margins", SIDES + "\x1b[1;9Habc", ["        ab", "  c"], (3, 1)),
    ("ICH", FULL + SIDES + "\x1b[1;4H\x1b[2@", ["012  34789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("DCH", FULL + SIDES + "\x1b[1;4H\x1b[2P", ["01256  789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (3, 0)),
    ("DCH outside", FULL + SIDES + "\x1b[1;9H\x1b[P", ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"], (8, 0)),
    ("IL", FULL + SIDES + "\x1b[2;4H\x1b[L", ["0123456789", "ab     hij", "ABcdefgHIJ", "klCDEFGrst"], (2, 1)),
    ("DL", FULL + SIDES + "\x1b[2;4H\x1b[M", ["0123456789", "abCDEFGhij", "ABmnopqHIJ", "kl     rst"], (2, 1)),
    ("SU", FULL + SIDES + "\x1b[S", ["01cdefg789", "abCDEFGhij", "ABmnopqHIJ", "kl     rst"], (0, 0)),
    ("SD", FULL + SIDES + "\x1b[T", ["01     789", "ab23456hij", "ABcdefgHIJ", "klCDEFGrst"], (0, 0)),
    (
        "line feed outside does not scroll",
        FULL + SIDES + "\x1b[4;1H\n",
        ["0123456789", "abcdefghij", "ABCDEFGHIJ", "klmnopqrst"],
        (0, 3),
    ),
    (
        "line feed inside scrolls",
        FULL + SIDES + "\x1b[4;3H\n",
        ["01cdefg789", "abCDEFGhij", "ABmnopqHIJ", "kl     rst"],
        (2, 3),
    ),
    ("carriage return", SIDES + "\x1b[1;5H\rX", ["  X"], (3, 0)),
    ("carriage return left of the margin", SIDES + "\x1b[1;2H\rX", ["X"], (1, 0)),
    ("tab stops at the margin", SIDES + "\x1b[1;3H\tX", ["      X"], (6, 0)),
    ("DECIC", FULL + SIDES + "\x1b[1;4H\x1b['}", ["012 345789", "abc defhij", "ABC DEFHIJ", "klm noprst"], (3, 0)),
    ("DECDC", FULL + SIDES + "\x1b[1;4H\x1b['~", ["012456 789", "abcefg hij", "ABCEFG HIJ", "klmopq rst"], (3, 0)),
    ("DECFI", FULL + SIDES + "\x1b[1;7H\x1b9", ["013456 789", "abdefg hij", "ABDEFG HIJ", "klnopq rst"], (6, 0)),
    ("DECBI", FULL + SIDES + "\x1b[1;3H\x1b6", ["01 2345789", "ab cdefhij", "AB CDEFHIJ", "kl mnoprst"], (2, 0)),
    ("mode off frees the margins", SIDES + "\x1b[?69l\x1b[1;3Habcdefgh", ["  abcdefgh"], (9, 0)),
    ("without the mode it saves the cursor", "ab\x1b[3;7s\x1b[H\x1b[uc", ["abc"], (3, 0)),
]

RECTANGLES: list[Case] = [
    ("DECFRA", "\x1b[88;2;3;3;5$x", ["", "  XXX", "  XXX"], (0, 0)),
    ("DECFRA with defaults", "\x1b[88$x", ["X" * 10] * 4, (0, 0)),
    ("DECFRA upside down", "\x1b[88;3;3;2;5$x", [], (0, 0)),
    ("DECERA", FULL + "\x1b[2;3;3;5$z", ["0123456789", "ab   fghij", "AB   FGHIJ", "klmnopqrst"], (0, 0)),
    ("DECCRA", FULL + "\x1b[1;1;2;3;1;3;5;1$v", ["0123456789", "abcdefghij", "ABCD012HIJ", "klmnabcrst"], (0, 0)),
    (
        "DECCRA overlapping",
        FULL + "\x1b[1;1;3;10;1;2;2;1$v",
        ["0123456789", "a012345678", "Aabcdefghi", "kABCDEFGHI"],
        (0, 0),
    ),
    ("DECFRA in origin mode", "\x1b[2;3r\x1b[?6h\x1b[88;1;1;1;2$x", ["", "XX"], (0, 1)),
    ("DECSERA spares", 'ab\x1b[1"qcd\x1b[0"qef\x1b[1;1;1;10${', ["  cd"], (6, 0)),
    ("DECSED spares", 'ab\x1b[1"qcd\x1b[0"qef\x1b[?2J', ["  cd"], (6, 0)),
    ("DECSEL spares", 'ab\x1b[1"qcd\x1b[0"qef\x1b[?1K', ["  cd"], (6, 0)),
    ("ED does not care for DECSCA", 'ab\x1b[1"qcd\x1b[0"qef\x1b[2J', [], (6, 0)),
    ("ED spares SPA to EPA", "ab\x1bVcd\x1bWef\x1b[2J", ["  cd"], (6, 0)),
    ("DECSERA spares nothing of SPA", "a\x1bVb\x1bW\x1b[1;1;1;2${", [], (2, 0)),
    ("SGR 0 does not end protection", 'a\x1b[1"qb\x1b[mc\x1b[?2K', [" bc"], (3, 0)),
]

SCREENS: list[Case] = [
    ("1049 clears and comes back", "main\x1b[?1049halt\x1b[?1049l!", ["main!"], (5, 0)),
    ("1049 shows the alternate screen", "main\x1b[?1049halt", ["    alt"], (7, 0)),
    ("47 keeps the alternate screen", "\x1b[?47halt\x1b[?47l\x1b[?47h", ["alt"], (3, 0)),
    ("1047 clears when leaving", "\x1b[?1047halt\x1b[?1047l\x1b[?1047h", [], (3, 0)),
    ("1048 saves the cursor", "ab\x1b[?1048h\x1b[H\x1b[?1048lc", ["abc"], (3, 0)),
    ("RIS", "ab\x1b[?1049hcd\x1b[2;3r\x1b[4h\x1bcX", ["X"], (1, 0)),
    ("DECSTR keeps text and cursor", "ab\x1b[4h\x1b[2;3r\x1b[?6h\x1b[!pcd", ["ab", "cd"], (2, 1)),
    ("DECCOLM needs permission", "ab\x1b[?3h", ["ab"], (2, 0)),
    ("DECCOLM clears", "ab\x1b[?40h\x1b[?3h", [], (0, 0)),
]

ODDITIES: list[Case] = [
    ("ellipsis cuts an escape", "a\x1b…b", ["a…b"], (3, 0)),
    ("ellipsis cuts a control sequence", "a\x1b[…b", ["a…b"], (3, 0)),
    ("ellipsis cuts parameters", "a\x1b[0;1;3…b", ["a…b"], (3, 0)),
    ("CAN ends a sequence", "a\x1b[3\x18b", ["ab"], (2, 0)),
    ("SUB ends a sequence", "a\x1b[3\x1ab", ["ab"], (2, 0)),
    ("ESC begins anew", "a\x1b[3\x1b[2Cb", ["a  b"], (4, 0)),
    ("controls inside a sequence are carried out", "ab\x1b[\b2Cc", ["ab c"], (4, 0)),
    ("OSC is swallowed", "a\x1b]0;title\x07b\x1b]2;x\x1b\\c", ["abc"], (3, 0)),
    ("unfinished OSC ends with the next sequence", "a\x1b]0;title\x1b[Cb", ["a b"], (3, 0)),
    ("DCS, SOS, PM, APC", "a\x1bPx\x1b\\\x1bXy\x1b\\\x1b^z\x1b\\\x1b_w\x1b\\b", ["ab"], (2, 0)),
    ("screen's title", "a\x1bktitle\x1b\\b", ["ab"], (2, 0)),
    ("private prefixes are not SGR", "a\x1b[>4;2mb\x1b[?4mc", ["abc"], (3, 0)),
    ("unknown sequences print nothing", "a\x1b[=5c\x1b[5;6*w\x1b[>1xb\x1b%Gc", ["abc"], (3, 0)),
    ("long numbers", "a\x1b[" + "9" * 5000 + "Cb", ["a        b"], (9, 0)),
    ("odd digits", "a\x1b[²Cb", ["a²Cb"], (4, 0)),
    ("8-bit controls are none in UTF-8", "a\u009b2Cb", ["a\ufffd2Cb"], (5, 0)),
]

FAMILIES = {
    "printing": PRINTING,
    "widths": WIDTHS,
    "moving": MOVING,
    "editing": EDITING,
    "side margins": SIDE_MARGINS,
    "rectangles": RECTANGLES,
    "screens": SCREENS,
    "oddities": ODDITIES,
}
CASES = [pytest.param(*case[1:], id=f"{family}: {case[0]}") for family, cases in FAMILIES.items() for case in cases]


@pytest.mark.parametrize(("data", "lines", "cursor"), CASES)
def test_sequence(data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    terminal = fed(data)
    assert shown(terminal) == lines
    assert place(terminal) == cursor


@pytest.mark.parametrize(("data", "lines", "cursor"), CASES)
def test_sequence_byte_by_byte(data: str, lines: list[str], cursor: tuple[int, int]) -> None:
    """The complete parser, which sees only single bytes, agrees with the fast path."""
    terminal = fed("")
    for byte in data.encode():
        terminal.feed(bytes([byte]))
    assert shown(terminal) == lines
    assert place(terminal) == cursor
