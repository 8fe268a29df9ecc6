"""An innocent process: it writes down every signal it gets, and answers when it is asked whether it is well.

Each line on its standard input is answered with a JSON list of the signals it got so far.
"""

import json
import signal
import sys

received: list[str] = []


def record(number: int, _frame: object) -> None:
    received.append(signal.Signals(number).name)


def main() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if number < signal.SIGRTMIN:
            signal.signal(number, record)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _line in sys.stdin:
        sys.stdout.write(json.dumps(received) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
