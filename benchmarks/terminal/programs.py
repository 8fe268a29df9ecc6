"""Full-screen programs as a terminal sees them: an editor, a pager, process lists, each for one session.

Written after what vim, less, top, htop and nano send with TERM=xterm-256color: addressed text, erased line ends, scroll
regions, insertions of lines, attributes. A session begins on the main screen and returns to it.
"""

from collections.abc import Iterator
from random import Random

CODE = (
    ("def", "38;5;130"),
    ("return", "38;5;130"),
    ("import", "38;5;5"),
    ("class", "38;5;130"),
    ("self", ""),
    ("None", "38;5;1"),
    ('"text"', "38;5;1"),
    ("42", "38;5;1"),
    ("# comment", "38;5;4"),
    ("value", ""),
    ("index", ""),
    ("buffer[", ""),
    ("]", ""),
    ("=", ""),
    ("+", ""),
    ("(", "38;5;6"),
    ("):", "38;5;6"),
)
NAMES = ("systemd", "kworker/0:1-events", "qemu-system-x86_64", "python3", "sshd: root@pts/0", "containerd", "bash")

TASKS = ("total,", "running,", "sleeping,", "stopped,", "zombie")
TIMES = ("us,", "sy,", "ni,", "id,", "wa,", "hi,", "si,", "st")
MEMORY = ("total,", "free,", "used,", "buff/cache")

OFF = "\x1b(B\x1b[m"
PLAIN = f"{OFF}\x1b[39;49m"
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def sessions(random: Random, columns: int, lines: int) -> Iterator[str]:
    """One session of each program."""
    for program in (vim, htop, top, less, nano):
        yield from program(random, columns, lines)


def _at(y: int, x: int = 1) -> str:
    return f"\x1b[{y};{x}H" if (y, x) != (1, 1) else "\x1b[H"


def _enter() -> str:
    return "\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\x1b[H\x1b[2J"


def _leave(lines: int) -> str:
    return f"\x1b[m\x1b[r{SHOW}{_at(lines)}\x1b[?1l\x1b>\x1b[?1049l\x1b[23;0;0t\r\n"


def _code(random: Random, width: int) -> str:
    """A line of highlighted source of at most ``width`` columns."""
    indent = " " * (4 * random.randint(0, 4))
    if random.random() < 0.25:
        comment = "# " + "what follows explains itself, " * random.randint(1, 3)
        return f"{indent}\x1b[38;5;4m{comment[: width - len(indent)]}\x1b[m"
    used, line = len(indent), indent
    for word, color in random.choices(CODE, k=random.randint(0, 14)):
        if used + len(word) + 1 > width:
            break
        line += f"\x1b[{color}m{word}\x1b[m " if color else f"{word} "
        used += len(word) + 1
    return line


def vim(random: Random, columns: int, lines: int) -> Iterator[str]:
    """Open a file, page, scroll by lines, type with highlighting, search, leave."""
    yield f"{_enter()}\x1b[?2004h\x1b[?12h\x1b[?12l\x1b[27m\x1b[24m\x1b[23m\x1b[0m"
    number = 1
    height = lines - 1
    whole, body = f"\x1b[1;{lines}r", f"\x1b[1;{height}r"

    def numbered(line: int) -> str:
        return f"\x1b[38;5;130m{line:>4} \x1b[m{_code(random, columns - 6)}"

    def status(line: int) -> str:
        return f"{_at(lines, columns - 17)}{line},{random.randint(1, 60)}-{random.randint(1, 60)}\x1b[K"

    for _ in range(2):  # pages
        yield HIDE
        for y in range(1, height + 1):
            yield f"{_at(y)}{numbered(number)}\x1b[K"
            number += 1
        yield f"{status(number)}{_at(random.randint(1, height), 6)}{SHOW}"
    for _ in range(30):  # scrolling by a line, forth and back
        number += 1
        yield f"{HIDE}{body}{_at(height)}\n{whole}{_at(height)}{numbered(number)}{status(number)}{_at(height, 6)}{SHOW}"
    for _ in range(15):
        yield f"{HIDE}{body}{_at(1)}\x1b[L{whole}{_at(1)}{numbered(number)}{status(number)}{_at(1, 6)}{SHOW}"
    y = height // 2
    for _ in range(6):  # typing lines into the middle
        yield f"{HIDE}\x1b[{y};{height}r{_at(y)}\x1b[L{whole}"
        x = 6
        for word, color in random.choices(CODE, k=7):
            if x + len(word) >= columns - 2:
                break
            for end in range(1, len(word) + 1):
                yield f"{HIDE}{_at(y, x)}\x1b[{color}m{word[:end]}\x1b[m{status(y)}{_at(y, x + end)}{SHOW}"
            x += len(word) + 1
    for _ in range(4):  # a search lights up
        for y in sorted(random.sample(range(1, height + 1), min(height, 9))):
            yield f"{_at(y, random.randint(6, columns // 2))}\x1b[30m\x1b[43mbuffer\x1b[m"
        yield f"{_at(lines)}/buffer\x1b[K"
    yield f"\x1b[?2004l{_leave(lines)}"


def htop(random: Random, columns: int, lines: int) -> Iterator[str]:
    """Meters and a process table, refreshed; what did not change is not sent again, as curses has it."""
    yield f"{_enter()}{PLAIN}{HIDE}"
    width = columns // 2 - 14
    heading = "    PID USER       PRI  NI  VIRT   RES   SHR S  CPU% MEM%   TIME+  Command"
    for frame in range(7):
        for y in range(2, 6):
            for x in (3, columns // 2 + 3):
                load = random.randint(2, width)
                system = min(load, random.randint(0, 6))
                blank = width - load
                yield f"{_at(y, x)}\x1b[36m{y - 2:>3}\x1b[39m\x1b[1m[{OFF}\x1b[32m{'|' * (load - system)}\x1b[31m"
                yield f"{'|' * system}\x1b[1m\x1b[90m" + (f"\x1b[{blank}X\x1b[{blank}C" if blank else "")
                yield f"{load * 99 / width:5.1f}%\x1b[39m]{OFF}"
        tasks = random.randint(90, 130)
        yield f"{_at(7, 3)}\x1b[36mTasks: \x1b[1m{tasks}{OFF}\x1b[36m, \x1b[1m\x1b[32m3{OFF}\x1b[36m running"
        if frame == 0:
            yield f"{_at(9)}\x1b[30m\x1b[42m{heading}\x1b[K\x1b[39;49m"
        for y in range(10, lines):
            if frame == 0 or random.random() < 0.5:
                yield f"{_at(y)}{_process(random, columns)}\x1b[K"
            else:  # only the figures
                seconds, hundredths = random.randint(10, 59), random.randint(10, 99)
                yield f"{_at(y, 46)}{random.uniform(0, 99):5.1f}{_at(y, 58)}0:{seconds}.\x1b[36m{hundredths}\x1b[39m"
        yield _at(lines)
        for key, name in enumerate(("Help", "Setup", "Search", "Filter", "Tree"), 1):
            yield f"\x1b[39;49mF{key}\x1b[30m\x1b[46m{name:<6}"
        selected = f"{random.randint(1, 99999):>7} root        20   0"
        yield f"\x1b[K{PLAIN}{_at(random.randint(10, lines - 1))}\x1b[30m\x1b[46m{selected:<{columns}}\x1b[39;49m"
    yield _leave(lines)


def _process(random: Random, columns: int) -> str:
    gigabytes, resident, shared = random.randint(1, 9), random.randint(10, 99), random.randint(1, 99)
    time = f"0:{random.randint(10, 59)}.{random.randint(10, 99)}"
    command = f"{random.choice(NAMES)} --option {random.randint(0, 9)}"[: columns - 75]
    return (
        f"{random.randint(1, 99999):>7} \x1b[1m\x1b[90mroot      {OFF} 20   0 \x1b[36m{gigabytes}\x1b[39m{resident}M "
        f"{resident:>4}M {shared:>4}M S {random.uniform(0, 99):5.1f} {random.uniform(0, 9):4.1f}  {time} "
        f"\x1b[39m/usr/bin/\x1b[32m{command}\x1b[39m"
    )


def top(random: Random, columns: int, lines: int) -> Iterator[str]:
    """procps' top: every line written anew at each refresh."""
    yield f"\x1b[?1h\x1b={HIDE}\x1b[H\x1b[2J{OFF}"
    heading = "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND"
    for frame in range(6):
        minutes, load = random.randint(1, 59), random.randint(10, 99)
        yield f"\x1b[Htop - 10:2{frame}:31 up {minutes} min, load average: 0.{load}, 0.42{PLAIN}{OFF}\x1b[K\r\n"
        for label, names in (("Tasks:", TASKS), ("%Cpu(s):", TIMES), ("MiB Mem :", MEMORY)):
            yield label
            for name in names:
                yield f"{PLAIN}\x1b[1m {random.uniform(0, 99):4.1f} {PLAIN}{name}"
            yield f"{PLAIN}\x1b[K\r\n"
        yield f"\x1b[K\r\n\x1b[7m{heading[:columns]:<{columns}}{PLAIN}\x1b[K"
        for _ in range(7, lines):
            virtual, resident, shared = (random.randint(100, limit) for limit in (9_999_999, 99_999, 9_999))
            row = (
                f"{random.randint(1, 99999):>7} root      20   0 {virtual:>7} {resident:>6} {shared:>6} S "
                f"{random.uniform(0, 99):5.1f} {random.uniform(0, 9):5.1f}   0:{random.randint(10, 59)}.12 "
            )
            bold = "\x1b[1m" if random.random() < 0.2 else ""
            yield f"\r\n{OFF}{bold}{(row + random.choice(NAMES))[: columns - 1]:<{columns - 1}} {PLAIN}\x1b[K"
        yield "\x1b[J"
    yield f"\x1b[?1l\x1b>{_at(lines)}\r\n{SHOW}\x1b[K"


def less(random: Random, columns: int, lines: int) -> Iterator[str]:
    """A pager over a log: pages, single lines forth and back, highlighted matches."""
    yield "\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\r"

    def line() -> str:
        clock = f"10:{random.randint(10, 59)}:{random.randint(10, 59)}"
        text = f"Nov 22 {clock} host {random.choice(NAMES)}[{random.randint(1, 9999)}]: "
        text = (text + "message ready state " * random.randint(1, 6))[: columns - 1]
        return text.replace("ready", "\x1b[7mready\x1b[27m") if random.random() < 0.2 else text

    for _ in range(4):
        for _ in range(lines - 1):
            yield f"{line()}\r\n"
        yield ":\x1b[K\r\x1b[K"
    for _ in range(25):
        yield f"\r\x1b[K{line()}\r\n:\x1b[K"
    for _ in range(15):
        yield f"\r\x1b[K\x1b[H\x1bM{line()}\r\n{_at(lines)}\r\x1b[K:\x1b[K"
    yield "\r\x1b[K\x1b[7m(END)\x1b[27m\x1b[K\r\x1b[K\x1b[?1l\x1b>\x1b[?1049l\x1b[23;0;0t\r\x1b[K\r\n"


def nano(random: Random, columns: int, lines: int) -> Iterator[str]:
    """Open, type, scroll through a scroll region, leave."""
    body = lines - 4
    whole = f"\x1b[1;{lines}r"
    title = f"  GNU nano 7.2{'notes.txt':^{columns - 30}}"
    yield f"{_enter()}\x1b[?2004h{whole}{OFF}\x1b[4l\x1b[?7h\x1b[39;49m\x1b(B\x1b[0;7m{title:<{columns}}{OFF}"
    for y in range(2, body + 2):
        yield f"{_at(y)}\x1b[39;49m{_code(random, columns - 2)}\x1b[K"
    for y in (lines - 1, lines):
        yield _at(y)
        for key, name in (("^G", "Help"), ("^O", "Write Out"), ("^W", "Where Is"), ("^K", "Cut"), ("^T", "Execute")):
            yield f"\x1b(B\x1b[0;7m{key}{OFF} {name:<12}"
    for y in range(3, 9):
        for x, letter in enumerate("a line of text that is typed here", 1):
            yield f"{HIDE}{_at(y, x)}{letter}\x1b[?12l{SHOW}"
        place = f"[ line {y}/{body}, col 34 ]"
        yield f"{HIDE}{_at(lines - 2)}\x1b(B\x1b[0;7m{place}{OFF}\x1b[K{_at(y, 34)}\x1b[?12l{SHOW}"
    for _ in range(20):
        yield f"{HIDE}\x1b[2;{body + 1}r{_at(body + 1)}\n{whole}{_at(body + 1)}{_code(random, columns - 2)}\x1b[K"
        yield f"{_at(body + 1, random.randint(1, columns - 1))}\x1b[?12l{SHOW}"
    yield f"{_at(lines - 1)}\x1b[J\x1b[?2004l{_leave(lines)}"
