"""The byte streams of the benchmark, made here, the same at every run. Each can be fed again and again.

Sequences out of which stock pyte raises are left out; all others are those real programs send.
"""

from collections.abc import Callable, Iterator
from random import Random

from benchmarks.terminal import programs

_PROSE = (
    "the of to and in is it that for was on with as be by at this from or an are not have you which one had were all "
    "we when there can if more out some time new could them then these other what into only over than first such "
    "network device service memory volume cluster journal kernel process signal buffer window terminal address socket "
    "partition scheduler interface controller configuration initialisation"
)
WORDS = _PROSE.split()

DRIVERS = (
    "virtio_net",
    "virtio_blk",
    "ahci",
    "pci",
    "ACPI",
    "e1000",
    "usb 1-1:",
    "ata1.00:",
    "EXT4-fs",
    "NET:",
    "audit:",
    "SCSI",
)
UNITS = (
    ("systemd-journald.service", "Journal Service"),
    ("systemd-udev-trigger.service", "Coldplug All udev Devices"),
    ("dev-hugepages.mount", "Huge Pages File System"),
    ("sys-kernel-tracing.mount", "Kernel Trace File System"),
    ("modprobe@configfs.service", "Load Kernel Module configfs"),
    ("systemd-tmpfiles-setup-dev.service", "Create Static Device Nodes in /dev"),
    ("network-online.target", "Network is Online"),
    ("timers.target", "Timer Units"),
    ("getty@tty1.service", "Getty on tty1"),
    ("cloud-config.service", "Apply the settings specified in cloud-config"),
    ("ssh.service", "OpenBSD Secure Shell server"),
    ("e2scrub_reap.service", "Remove Stale Online ext4 Metadata Check Snapshots"),
)

WIDE_WORDS = (
    *("虚拟机", "启动", "终端", "内存", "网络", "设备", "文件系统", "正在", "加载", "服务", "完成"),
    *("カーネル", "端末", "起動", "サービス", "開始", "완료", "서비스", "네트워크", "가상머신", "시작"),
)
EMOJI = (
    "🚀",
    "✅",
    "🔥",
    "📦",
    "⚠\ufe0f",
    "✔\ufe0f",
    "❤\ufe0f",
    "👩\u200d💻",
    "👨\u200d👩\u200d👧",
    "👍🏽",
    "🇪🇺",
    "🏳\ufe0f\u200d🌈",
)
COMBINED = (
    "e\u0301te\u0301",
    "Vie\u0323\u0302t",
    "nai\u0308ve",
    "A\u030angstro\u0308m",
    "हिन्दी",
    "ภาษาไทย",
    "שָׁלוֹם",
    "z\u0308\u0304x",
)


def boot_log(random: Random, columns: int, lines: int) -> Iterator[str]:
    """A first boot on a serial console: the kernel alone, then systemd with kernel lines between, then cloud-init."""
    clock = 0.0

    def stamp() -> str:
        nonlocal clock
        clock += random.expovariate(60)
        return f"[{clock:12.6f}]"

    def kernel_line() -> str:
        if random.random() < 0.1:
            address = random.getrandbits(40)
            return f"{stamp()} BIOS-e820: [mem {address:#018x}-{address + 0x9FBFF:#018x}] usable\r\n"
        text = f"{stamp()} {random.choice(DRIVERS)} {_words(random, random.randint(3, 14))}"
        return f"{text[: random.randint(40, 140)]}\r\n"

    for _ in range(380):
        yield kernel_line()
    for _ in range(95):
        yield _systemd_line(random)
        yield kernel_line()
    # what takes long is shown on a line that is taken back
    for step in range(12):
        stars = "\x1b[0;31m*" + "\x1b[0;1;31m*" * (step % 3) + "\x1b[0m"
        yield f"\r\x1b[K[{stars}{' ' * (5 - step % 3)}] A start job is running for {UNITS[0][0]} ({step}s / 1min 30s)"
    yield "\r\x1b[K"
    for _ in range(60):
        yield f"{stamp()} cloud-init[{random.randint(300, 500)}]: {_words(random, random.randint(3, 16))}\r\n"
        yield f"ci-info: |{_words(random, 3):^24}|{random.getrandbits(32):^17x}| . |\r\n"
        if random.random() < 0.4:
            yield _systemd_line(random)


def _systemd_line(random: Random) -> str:
    """A status line as systemd prints it: shortened in the middle to 80 characters, sequences and all."""
    unit, description = random.choice(UNITS)
    if random.random() < 0.7:
        verb, state = (
            random.choice(("Started", "Mounted", "Reached target", "Listening on", "Finished")),
            "\x1b[0;32m  OK  ",
        )
        head, end = f"[{state}\x1b[0m] ", "."
    else:
        verb, head, end = random.choice(("Starting", "Mounting")), " " * 9, "..."
    message = f"{verb} \x1b[0;1;39m{unit}\x1b[0m - {description}{end}"
    if len(message) > 70:
        message = f"{message[:35]}…{message[-34:]}"
    return f"{head}{message}\r\r\n"


def short_lines(random: Random, columns: int, lines: int) -> Iterator[str]:
    """What `seq` prints."""
    first = random.randint(1, 10_000)
    for number in range(first, first + lines * 40):
        yield f"{number}\r\n"


def text_lines(random: Random, columns: int, lines: int) -> Iterator[str]:
    """Plain text of lines mostly shorter than 80 columns, some longer, some empty."""
    for _ in range(lines * 10):
        yield f"{_words(random, random.randint(0, 16))}\r\n"


def colored_lists(random: Random, columns: int, lines: int) -> Iterator[str]:
    """`ls --color` in columns and long, a ninja build, compiler warnings."""
    for _ in range(lines):
        yield "\x1b[0m"
        for _ in range(random.randint(1, max(1, columns // 24))):
            color = random.choice(("01;34", "01;32", "01;36", "01;31", "40;33;01", "00", "00"))
            name = f"{random.choice(WORDS)}-{random.randint(0, 999)}"
            yield f"{name:<22}" if color == "00" else f"\x1b[{color}m{name}\x1b[0m{' ' * (22 - len(name))}"
        yield "\r\n"
        size, minute = random.randint(0, 10**6), random.randint(10, 59)
        yield f"-rw-r--r-- 1 root root {size:>8} Nov 22 10:{minute} \x1b[01;34m{random.choice(WORDS)}\x1b[0m\r\n"
        for _ in range(2):
            target = f"{random.choice(WORDS)}/{random.choice(WORDS)}"
            yield f"\r[{random.randint(1, 999)}/999] Building CXX object {target}.cc.o\x1b[K"
        if random.random() < 0.4:
            place = f"{random.choice(WORDS)}.cc:{random.randint(1, 900)}:{random.randint(1, 70)}:"
            yield f"\r\n\x1b[01m\x1b[K{place}\x1b[m\x1b[K \x1b[01;35m\x1b[Kwarning: \x1b[m\x1b[K{_words(random, 5)}\r\n"
            marked = f"\x1b[01;35m\x1b[K{random.choice(WORDS)}\x1b[m\x1b[K"
            yield f"   {random.randint(1, 900)} | {_words(random, 4)} {marked}\r\n"
            yield f"      |{' ' * random.randint(4, 30)}\x1b[01;35m\x1b[K^~~~~~\x1b[m\x1b[K\r\n"
        else:
            yield "\r\n"


def colored_words(random: Random, columns: int, lines: int) -> Iterator[str]:
    """A new colour for each word, of 256 or of 16 million, now and then with a background or an attribute."""
    for _ in range(lines * 4):
        for _ in range(random.randint(3, 12)):
            layer = 48 if random.random() < 0.15 else 38
            if random.random() < 0.5:
                color = f"{layer};5;{random.randint(0, 255)}"
            else:
                color = f"{layer};2;{random.randint(0, 255)};{random.randint(0, 255)};{random.randint(0, 255)}"
            attribute = random.choice(("", "", "", "1;", "3;", "4;", "0;"))
            yield f"\x1b[{attribute}{color}m{random.choice(WORDS)} "
        yield "\x1b[0m\r\n"


def wide_text(random: Random, columns: int, lines: int) -> Iterator[str]:
    """Chinese, Japanese and Korean text, emoji joined and with variation selectors, combining marks, ASCII between."""
    for _ in range(lines * 6):
        words = []
        for _ in range(random.randint(3, 14)):
            kind = random.random()
            if kind < 0.45:
                words.append(random.choice(WIDE_WORDS))
            elif kind < 0.60:
                words.append(random.choice(EMOJI))
            elif kind < 0.75:
                words.append(random.choice(COMBINED))
            else:
                words.append(random.choice(WORDS))
        yield " ".join(words) + "\r\n"


def _words(random: Random, count: int) -> str:
    return " ".join(random.choices(WORDS, k=count))


Generator = Callable[[Random, int, int], Iterator[str]]

STREAMS: dict[str, tuple[str, Generator]] = {
    "a": ("boot log", boot_log),
    "b": ("short lines", short_lines),
    "b2": ("text lines", text_lines),
    "c1": ("ls and ninja colours", colored_lists),
    "c": ("a new colour per word", colored_words),
    "d": ("full-screen programs", programs.sessions),
    "e": ("wide and combining", wide_text),
}
"""Letter → what it is, and its generator of one session for a screen of so many columns and lines."""


def make(letter: str, *, columns: int, lines: int, size: int) -> bytes:
    """A stream of at least ``size`` bytes: whole sessions, so that it can be fed again and again."""
    random = Random(f"{letter} {columns}x{lines}")  # noqa: S311 - not for secrets
    generator = STREAMS[letter][1]
    data = b""
    while len(data) < size:
        data += "".join(generator(random, columns, lines)).encode()
    return data
