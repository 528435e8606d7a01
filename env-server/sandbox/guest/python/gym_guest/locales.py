"""`locale.setlocale` refuses a locale that is not there, as on Linux without further locales installed.

The C library of WebAssembly takes any name, and changes nothing.
"""

import _locale
import locale

_THERE = {"", "C", "POSIX", "C.UTF-8", "C.utf8"}

_original = _locale.setlocale


def setlocale(category, locale=None, /):
    """Activates/queries locale processing."""
    if isinstance(locale, str) and not _THERE.issuperset(part.rpartition("=")[2] for part in locale.split(";")):
        raise _locale.Error("unsupported locale setting")
    return _original(category, locale)


def install() -> None:
    """Replaces the C library's function."""
    setlocale.__module__ = "_locale"
    _locale.setlocale = locale._setlocale = setlocale
