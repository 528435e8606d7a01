"""`time.strftime` as CPython on Linux has it: glibc's directives and flags, in the C locale.

The C library of WebAssembly answers with an empty text where it does not know a directive. `datetime` formats
by way of `time.strftime`, so this covers it too.
"""

import re
import time

_DIRECTIVE = re.compile(r"%([_\-0^#]*)([0-9]*)([EO]?)([^\0\x80-\U0010ffff]?)", re.DOTALL)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)
_COMPOSED = {
    "c": "%a %b %e %H:%M:%S %Y", "x": "%m/%d/%y", "X": "%H:%M:%S", "r": "%I:%M:%S %p", "D": "%m/%d/%y",
    "F": "%Y-%m-%d", "R": "%H:%M", "T": "%H:%M:%S",
}
_REFUSED = {  # the modifiers that a directive does not take
    **dict.fromkeys("aADF", "EO"), **dict.fromkeys("cxXY", "O"),
    **dict.fromkeys("bBhdeHIklmMjSUWVgGw", "E"),
}
_LEAST_ROOM = 1024  # characters that CPython makes room for at first, and per character of a format at most
_MOST_ROOM = 256

_original = time.strftime


def strftime(format, t=None, /):
    """strftime(format[, tuple]) -> string

    Convert a time tuple to a string according to a format specification.
    """
    moment = (time.localtime(),) if t is None else (t,)
    _original("", *moment)  # raises for what is no time, or out of range
    if not isinstance(format, str):
        return _original(format, *moment)  # raises
    room = _LEAST_ROOM
    while room < _MOST_ROOM * len(format):
        room *= 2
    text = _formatted(format, _Moment(*moment), room)
    return text if len(text) < room else ""


def install() -> None:
    """Replaces `time.strftime`."""
    strftime.__module__ = "time"
    time.strftime = strftime


class _Moment:
    """A time, by the fields of C's `struct tm`."""

    def __init__(self, fields) -> None:
        year, month, day, self.hour, self.minute, self.second, wday, yday, isdst = fields
        self.year, self.month, self.day = year, max(month, 1), max(day, 1)
        self.wday, self.yday = (wday + 1) % 7, max(yday, 1) - 1  # 0 is Sunday; 0 is January 1st
        self.isdst = isdst
        self.zone = getattr(fields, "tm_zone", None)
        self.offset = getattr(fields, "tm_gmtoff", None) or 0
        if self.zone is None:
            self.zone = time.tzname[isdst > 0] if isdst >= 0 else ""

    def since_1970(self) -> int:
        # The day of the year that month and day say, of any year; `yday` may say another.
        leaps = self.year - (self.month < 3)
        before = 365 * (self.year - 1970) + leaps // 4 - leaps // 100 + leaps // 400 - 477
        days = before + (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)[self.month - 1] + self.day - 1
        return (((days * 24 + self.hour) - (self.isdst > 0)) * 60 + self.minute) * 60 + self.second

    def iso_week(self) -> tuple[int, int]:
        """The year and the week of ISO 8601."""
        year = self.year
        days = _iso_days(self.yday, self.wday)
        if days < 0:
            year -= 1
            days = _iso_days(self.yday + 365 + _is_leap(year), self.wday)
        else:
            next_year = _iso_days(self.yday - 365 - _is_leap(year), self.wday)
            if next_year >= 0:
                year, days = year + 1, next_year
        return year, days // 7 + 1


def _iso_days(yday: int, wday: int) -> int:
    """Days since the Monday of the first ISO week; negative before it."""
    return yday - (yday - wday + 382) % 7 + 3


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


# Numbers: least digits, padding, value.
_NUMBERS = {
    "C": lambda m: (1, "0", m.year // 100), "d": lambda m: (2, "0", m.day), "e": lambda m: (2, "_", m.day),
    "g": lambda m: (2, "0", m.iso_week()[0] % 100), "G": lambda m: (1, "0", m.iso_week()[0]),
    "H": lambda m: (2, "0", m.hour), "I": lambda m: (2, "0", (m.hour - 1) % 12 + 1),
    "j": lambda m: (3, "0", m.yday + 1), "k": lambda m: (2, "_", m.hour),
    "l": lambda m: (2, "_", (m.hour - 1) % 12 + 1), "m": lambda m: (2, "0", m.month),
    "M": lambda m: (2, "0", m.minute),
    "S": lambda m: (2, "0", m.second), "u": lambda m: (1, "0", (m.wday - 1) % 7 + 1),
    "U": lambda m: (2, "0", (m.yday - m.wday + 7) // 7), "V": lambda m: (2, "0", m.iso_week()[1]),
    "w": lambda m: (1, "0", m.wday), "W": lambda m: (2, "0", (m.yday - (m.wday - 1) % 7 + 7) // 7),
    "y": lambda m: (2, "0", m.year % 100), "Y": lambda m: (1, "0", m.year),
}
_TEXTS = {
    "%": lambda m: "%", "n": lambda m: "\n", "t": lambda m: "\t",
    "a": lambda m: _DAYS[m.wday][:3], "A": lambda m: _DAYS[m.wday],
    "b": lambda m: _MONTHS[m.month - 1][:3], "h": lambda m: _MONTHS[m.month - 1][:3],
    "B": lambda m: _MONTHS[m.month - 1], "p": lambda m: "PM" if m.hour > 11 else "AM",
    "P": lambda m: "pm" if m.hour > 11 else "am", "Z": lambda m: m.zone,
}


def _formatted(format: str, moment: _Moment, room: int) -> str:
    def replacement(match) -> str:
        flags, width, modifier, kind = match.groups()
        if len(width) > 6 or int(width or 0) > room:
            return " " * room  # too long in any case
        padding = ""
        for flag in flags:
            if flag in "_-0":
                padding = flag
        return _directive(match[0], kind, modifier, padding, flags, int(width or 0), moment, room)

    return _DIRECTIVE.sub(replacement, format)


def _directive(written, kind, modifier, padding, flags, width, moment, room) -> str:
    upper, change = "^" in flags, "#" in flags
    fill = "0" if padding == "0" else " "
    if change and kind in "bBh":
        upper = True  # even where the modifier is refused
    if modifier and modifier in _REFUSED.get(kind, ""):
        text = written
    elif kind in _NUMBERS:
        digits, pad, number = _NUMBERS[kind](moment)
        text = _number(number, max(digits, width), padding or pad)
    elif kind in _COMPOSED:
        text = _formatted(_COMPOSED[kind], moment, room)
    elif kind == "s":
        text = _number(moment.since_1970(), 1, padding)
    elif kind == "z":
        if moment.isdst < 0:
            return ""
        minutes = abs(moment.offset) // 60
        sign = "-" if moment.offset < 0 else "+"
        number = _number(minutes // 60 * 100 + minutes % 60, max(4, width), padding)
        return sign.rjust(width, fill) + number.rjust(width)
    elif kind in _TEXTS:
        text = _TEXTS[kind](moment)
        if change and kind in "pPZ":
            upper, text = False, text.lower()
        elif change and kind in "aA":
            upper = True
        elif kind == "P":
            upper = False
    else:
        text = written
    return (text.upper() if upper else text).rjust(width, fill)


def _number(number: int, digits: int, padding: str) -> str:
    text = str(abs(number))
    sign = "-" if number < 0 else ""
    if padding == "-":
        return sign + text
    if padding == "_":
        return (sign + text).rjust(digits)
    return sign + text.rjust(digits - len(sign), "0")
