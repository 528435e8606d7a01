# random
import random
long = range(-5, 10**12, 3)
assert all(random.choice(long) in long for _ in range(100))
assert all(value in long for value in random.choices(long, k=100))
chosen = random.sample(long, 100)
assert len(set(chosen)) == 100 and all(value in long for value in chosen)
assert max(random.sample(range(10**12), 100)) > 2**31
assert random.choice(range(10**12, 0, -1)) > 0
assert sorted(random.sample([1, 2, 3], 3)) == [1, 2, 3]
assert sorted(random.sample("ab", counts=[2, 1], k=3)) == ["a", "a", "b"]
assert set(random.choices("ab", [1, 0], k=9)) == {"a"}
assert random.SystemRandom().choice([7]) == 7
for refused, error in (([], IndexError), (range(0), IndexError), (5, TypeError)):
    try:
        random.choice(refused)
    except error:
        pass
    else:
        raise AssertionError(refused)
random.seed(1)
first = random.choice(range(100)), random.sample(range(100), 3), random.choices(range(100), k=2)
random.seed(1)
assert first == (random.choice(range(100)), random.sample(range(100), 3), random.choices(range(100), k=2))
# ---
# bisect
import bisect
from bisect import bisect_left, bisect_right
assert bisect_left(range(10**10), 10**14, key=lambda value: value * value) == 10**7
assert bisect_right(range(10**10), 10**14, key=lambda value: value * value) == 10**7 + 1
assert bisect.bisect(range(0, 10**12, 7), 7 * 10**10) == 10**10 + 1
assert bisect_left(range(10**12), 5, 10**11, 10**12) == 10**11
assert bisect_left([1, 2, 2, 3], 2) == 1 and bisect_right([1, 2, 2, 3], 2) == 3
assert bisect_left([1, 2, 2, 3], 2, 2) == 2 and bisect_left("abc", "b", lo=0, hi=3) == 1
assert bisect_left([3, 2, 1], -2, key=lambda value: -value) == 1
values = [1, 3]
bisect.insort(values, 2)
assert values == [1, 2, 3]
# ---
# zoneinfo
import zoneinfo
from datetime import datetime, timedelta, timezone
utc, paris, new_york = map(zoneinfo.ZoneInfo, ("UTC", "Europe/Paris", "America/New_York"))
assert datetime(2025, 7, 1, tzinfo=utc).utcoffset() == timedelta(0)
assert datetime(2025, 7, 1, 12, tzinfo=paris).astimezone(new_york).isoformat() == "2025-07-01T06:00:00-04:00"
assert datetime(2025, 1, 1, 12, tzinfo=paris).strftime("%H %Z %z") == "12 CET +0100"
assert datetime(1900, 1, 1, tzinfo=timezone.utc).astimezone(zoneinfo.ZoneInfo("Asia/Tokyo")).hour == 9
assert len(zoneinfo.available_timezones()) > 400 and "Asia/Kolkata" in zoneinfo.available_timezones()
for key in ("Mars/Base", "europe/paris", "", "../UTC", "/etc/passwd"):
    try:
        zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        pass
    else:
        raise AssertionError(key)
