"""`zoneinfo` with the database of the package `tzdata`, which is kept in the snapshot: there are no files."""

import io
from importlib import resources
from zoneinfo import _common

import tzdata

_ZONES = {
    key: (resources.files(tzdata) / "zoneinfo" / key).read_bytes()
    for key in (resources.files(tzdata) / "zones").read_text().split()
}


def load_tzdata(key):
    """A file of the database."""
    try:
        return io.BytesIO(_ZONES[key])
    except (KeyError, TypeError):
        raise _common.ZoneInfoNotFoundError(f"No time zone found with key {key}") from None


def available_timezones():
    """Returns a set containing all available time zones."""
    return set(_ZONES)


def install() -> None:
    """Makes `zoneinfo` read from it."""
    import zoneinfo

    _common.load_tzdata = load_tzdata
    zoneinfo.available_timezones = zoneinfo._tzpath.available_timezones = available_timezones
