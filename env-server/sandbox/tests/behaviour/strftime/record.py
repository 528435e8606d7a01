"""Writes what CPython on Linux (glibc, C locale, UTC) answers to many formats, into `expected.json` beside this.

    LC_ALL=C TZ=UTC python3 env-server/sandbox/tests/behaviour/strftime/record.py
"""

import datetime
import json
import time
from pathlib import Path

MOMENTS = [  # of `time.strftime`; the last three are no consistent dates
    (2025, 3, 4, 15, 6, 7, 1, 63, -1),
    (1999, 12, 31, 0, 0, 0, 4, 365, 0),
    (2024, 2, 29, 12, 30, 59, 3, 60, 0),
    (2021, 1, 3, 9, 5, 0, 6, 3, 0),
    (12345, 7, 8, 11, 59, 61, 5, 189, 0),
    (7, 1, 1, 23, 9, 9, 0, 1, 1),
    (-44, 11, 15, 1, 2, 3, 2, 320, 0),
]
FLAGS = ["", "-", "_", "0", "^", "#", "#^", "^0", "_#", "0-", "5", "12", "05", "-6", "_6", "010", "^9", "E", "O", "3E", "_7O"]
TEXTS = [
    "", "%", "%%", "%%%", "done 100%", "100% of %d%", "%5", "%-", "%E", "%_0", "%5%", "%%d", "%A %d %B, %l:%M %P",
    "%Y-%m-%d %k:%M", "%c | %x | %X | %r | %D | %F | %T | %R", "%h %e%n%t%C %y %G-W%V-%u %g %s", "é%d日%B", "%é",
    "a\0b%d", "%\n", "% d", "%!", "%:z", "%::z", "%+", "%+5d", "%2000d", "%1500d%", "%999999999d", "{} %s %(x)s",
]
WHENS = [  # of `strftime` of `datetime`, and of `format()`
    "datetime.datetime(2025, 3, 4, 15, 6)",
    "datetime.datetime(2000, 1, 1, 0, 0, 0, 12)",
    "datetime.datetime(2024, 12, 30, 23, 59, 59, tzinfo=datetime.timezone.utc)",
    "datetime.datetime(1987, 6, 5, 4, 3, 2, tzinfo=datetime.timezone(-datetime.timedelta(hours=3, minutes=30)))",
    "datetime.date(2025, 3, 4)",
    "datetime.time(15, 6, 7, 8)",
]


def answer(call) -> str | None:
    """None for what raises: then the sandbox raises too."""
    try:
        return call()
    except (ValueError, OverflowError):
        return None


def main() -> None:
    if time.tzname != ("UTC", "UTC"):
        raise SystemExit("run it with TZ=UTC")
    letters = [chr(code) for code in range(33, 127)]
    formats = [f"%{flags}{letter}" for flags in FLAGS for letter in letters] + TEXTS
    moments = {}
    for number, moment in enumerate(MOMENTS):
        chosen = formats if number < 2 else [format for format in formats if len(format) < 3 or format in TEXTS]
        # A NUL ends the format in CPython before 3.14; after it, it is a character as any.
        moments[repr(moment)] = {
            format: "\0".join(time.strftime(part, moment) for part in format.split("\0")) for format in chosen
        }
    whens = {}
    # `%f`, `%z` and `%Z` are `datetime`'s own.
    chosen = [f"%{letter}" for letter in letters if letter.isalpha() or letter == "%"] + [
        text for text in TEXTS if ":" not in text.replace("%l:%M", "").replace("%k:%M", "") and "\0" not in text
    ]
    for when in WHENS:
        value = eval(when)
        whens[when] = {format: answer(lambda: value.strftime(format)) for format in chosen}
    answers = {"time.strftime": moments, "datetime": whens}
    path = Path(__file__).with_name("expected.json")
    path.write_text(json.dumps(answers, indent=0, ensure_ascii=True) + "\n")


main()
