# bisect
import bisect

marks = [10, 20, 30]
bisect.insort(marks, 25)
assert marks == [10, 20, 25, 30]
assert bisect.bisect_left(marks, 25) == 2 and bisect.bisect(marks, 25) == 3
# ---
# collections
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple

Point = namedtuple("Point", "x y")
groups = defaultdict(list)
for word in ("apple", "avocado", "beet"):
    groups[word[0]].append(word)
window = deque([1, 2, 3], maxlen=3)
window.append(4)
order = OrderedDict(a=1, b=2)
order.move_to_end("a")
assert Counter("abracadabra").most_common(2) == [("a", 5), ("b", 2)]
assert groups == {"a": ["apple", "avocado"], "b": ["beet"]}
assert list(window) == [2, 3, 4] and list(order) == ["b", "a"]
assert Point(1, 2)._replace(y=5) == (1, 5) and ChainMap({}, {1: 3})[1] == 3
# ---
# copy
import copy

nested = [[1], [2]]
shallow, deep = copy.copy(nested), copy.deepcopy(nested)
nested[0].append(9)
assert shallow == [[1, 9], [2]] and deep == [[1], [2]]
# ---
# csv
import csv
import io

rows = list(csv.DictReader(io.StringIO('name,n\n"a, b",1\nc,2\n')))
assert rows == [{"name": "a, b", "n": "1"}, {"name": "c", "n": "2"}]
out = io.StringIO()
writer = csv.DictWriter(out, ["n", "name"])
writer.writeheader()
writer.writerows(rows)
assert out.getvalue() == 'n,name\r\n1,"a, b"\r\n2,c\r\n'
assert csv.Sniffer().sniff("a;b\n1;2\n").delimiter == ";"
# ---
# dataclasses
from dataclasses import asdict, dataclass, field, replace


@dataclass(order=True, frozen=True)
class Node:
    cost: int
    rest: list[Node] = field(default_factory=list, compare=False)


node = Node(2, [Node(1)])
assert asdict(node) == {"cost": 2, "rest": [{"cost": 1, "rest": []}]}
assert replace(node, cost=0) < node
assert repr(node) == "Node(cost=2, rest=[Node(cost=1, rest=[])])"
# ---
# datetime
from datetime import UTC, date, datetime, timedelta, timezone

when = datetime.strptime("2024-02-28 23:30", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
assert (when + timedelta(hours=25)).isoformat() == "2024-03-01T00:30:00+00:00"
assert when.strftime("%a %d %b %Y") == "Wed 28 Feb 2024" and when.timestamp() == 1709163000
assert when.astimezone(timezone(timedelta(hours=2))).hour == 1
assert date.fromisoformat("2024-12-30").isocalendar().week == 1
# ---
# decimal
from decimal import ROUND_HALF_EVEN, Decimal, getcontext

getcontext().prec = 30
assert Decimal("0.1") + Decimal("0.2") == Decimal("0.3")
assert str(Decimal(2).sqrt()) == "1.41421356237309504880168872421"
assert str(Decimal("2.665").quantize(Decimal("0.01"), ROUND_HALF_EVEN)) == "2.66"
# ---
# enum
from enum import Enum, Flag, IntEnum, auto


class Color(Enum):
    RED = auto()
    BLUE = auto()


class Permission(Flag):
    READ = 1
    WRITE = 2


class Level(IntEnum):
    LOW = 1
    HIGH = 5


assert Color["BLUE"] is Color(2) and [color.name for color in Color] == ["RED", "BLUE"]
assert Permission.WRITE in Permission.READ | Permission.WRITE
assert max(Level) + 1 == 6
# ---
# fractions
import math
from fractions import Fraction

assert sum(Fraction(1, n) for n in range(1, 11)) == Fraction(7381, 2520)
assert Fraction("0.125") == Fraction(1, 8)
assert str(Fraction(math.pi).limit_denominator(1000)) == "355/113"
# ---
# functools
import functools


@functools.cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@functools.singledispatch
def kind(value):
    return "other"


@kind.register
def _(value: int):
    return "int"


assert fibonacci(90) == 2880067194370816120 and fibonacci.cache_info().misses == 91
assert functools.reduce(lambda a, b: a * b, range(1, 11)) == 3628800
assert sorted([3, 1, 2], key=functools.cmp_to_key(lambda a, b: b - a)) == [3, 2, 1]
assert (kind(1), kind("1"), functools.partial(pow, 2)(10)) == ("int", "other", 1024)
# ---
# hashlib
import hashlib

assert hashlib.sha256(b"abc").hexdigest().startswith("ba7816bf8f01cfea")
assert hashlib.md5(b"").hexdigest() == "d41d8cd98f00b204e9800998ecf8427e"
assert hashlib.new("sha3_256", b"abc").hexdigest().startswith("3a985da74fe225b2")
assert hashlib.blake2b(b"abc", digest_size=4).hexdigest() == "63906248"
# ---
# heapq
import heapq

graph = {"a": {"b": 7, "c": 3}, "b": {"d": 2}, "c": {"b": 1, "d": 8}, "d": {}}
costs, queue = {}, [(0, "a")]
while queue:
    cost, node = heapq.heappop(queue)
    if node not in costs:
        costs[node] = cost
        for to, weight in graph[node].items():
            heapq.heappush(queue, (cost + weight, to))
assert costs == {"a": 0, "c": 3, "b": 4, "d": 6}
assert heapq.nlargest(2, [5, 1, 9]) == [9, 5] and list(heapq.merge([1, 4], [2, 3])) == [1, 2, 3, 4]
# ---
# io
import io

buffer = io.BytesIO()
text = io.TextIOWrapper(buffer, encoding="utf-8-sig", newline="\r\n")
print("é", 1, file=text, flush=True)
assert buffer.getvalue() == b"\xef\xbb\xbf\xc3\xa9 1\r\n"
assert io.StringIO("a\nb").readlines() == ["a\n", "b"]
# ---
# itertools
from itertools import accumulate, batched, combinations, count, groupby, islice, pairwise, permutations, product

assert len(list(permutations(range(5)))) == 120 and len(list(product([0, 1], repeat=4))) == 16
assert list(combinations("abc", 2)) == [("a", "b"), ("a", "c"), ("b", "c")]
assert list(accumulate([1, 2, 3])) == [1, 3, 6] and list(pairwise([1, 4, 9])) == [(1, 4), (4, 9)]
assert list(batched("abcde", 2)) == [("a", "b"), ("c", "d"), ("e",)]
assert [(key, len(list(group))) for key, group in groupby("aabccc")] == [("a", 2), ("b", 1), ("c", 3)]
assert list(islice(count(5, 5), 3)) == [5, 10, 15]
# ---
# json
import json

value = {"b": [1, 2.5, None, True], "a": "é"}
text = json.dumps(value, sort_keys=True, ensure_ascii=False)
assert text == '{"a": "é", "b": [1, 2.5, null, true]}' and json.loads(text) == value
try:
    json.loads('{"a": }')
except json.JSONDecodeError as error:
    assert str(error) == "Expecting value: line 1 column 7 (char 6)"
# ---
# math
import math

assert math.comb(52, 5) == 2598960 and math.gcd(1071, 462) == 21 and math.lcm(4, 6) == 12
assert math.isqrt(10**20) == 10**10 and math.fsum([0.1] * 10) == 1.0 and math.dist((0, 0), (3, 4)) == 5.0
assert math.isclose(math.erf(0.5), 0.5204998778130465) and math.isclose(math.gamma(5.5), 52.34277778455352)
assert math.isclose(math.sin(1e6), -0.34999350217129294)
# ---
# operator
import operator

rows = [{"n": 2, "k": "b"}, {"n": 1, "k": "a"}]
assert [row["k"] for row in sorted(rows, key=operator.itemgetter("n"))] == ["a", "b"]
assert operator.attrgetter("real.imag")(3) == 0 and operator.methodcaller("upper")("x") == "X"
# ---
# random
import random

generator = random.Random(42)
assert generator.random() == 0.6394267984578837 and generator.randint(1, 100) == 4
assert sorted(generator.sample(range(10), 10)) == list(range(10))
random.seed(7)
first = [random.gauss(0, 1) for _ in range(1000)]
random.seed(7)
assert first == [random.gauss(0, 1) for _ in range(1000)] and abs(sum(first)) < 100
# ---
# re
import re

assert re.findall(r"(\w+)=(\d+)", "a=1, bc=23") == [("a", "1"), ("bc", "23")]
assert re.sub(r"(?P<word>\w+) \1", r"\g<word>", "the the cat") == "the cat"
assert re.split(r"[,;]\s*", "a, b;c") == ["a", "b", "c"]
assert re.fullmatch(r"(?i)[A-F0-9]++", "dead") and not re.match(r"(?<=x)y", "y")
# ---
# statistics
import math
import statistics

x, y = [1, 2, 3, 4, 5], [2.1, 3.9, 6.2, 7.8, 10.1]
assert statistics.mean(x) == 3 and statistics.median([3, 1, 2, 10]) == 2.5 and statistics.mode("aab") == "a"
assert statistics.stdev(x) == math.sqrt(2.5) and statistics.quantiles(x, n=4) == [1.5, 3.0, 4.5]
assert math.isclose(statistics.linear_regression(x, y).slope, 1.99)
assert math.isclose(statistics.NormalDist(100, 15).cdf(130), 0.9772498680518208)
# ---
# string
import string
from string.templatelib import Interpolation

count = 3
assert string.ascii_lowercase[:3] == "abc" and string.capwords("a bc") == "A Bc"
assert string.Template("$a is ${b}").substitute(a=1, b=2) == "1 is 2"
assert string.Formatter().format("{0:>4}|{x}", 7, x=8) == "   7|8"
assert [part.value for part in t"count: {count}" if isinstance(part, Interpolation)] == [3]
# ---
# textwrap
import textwrap

assert textwrap.fill("the quick brown fox", 10) == "the quick\nbrown fox"
assert textwrap.dedent("  a\n   b") == "a\n b" and textwrap.shorten("one two three", 9) == "one [...]"
# ---
# time
import time

started = time.time(), time.monotonic(), time.perf_counter()
time.sleep(2.5)
ended = time.time(), time.monotonic(), time.perf_counter()
assert [round(end - start, 1) for end, start in zip(ended, started)] == [2.5] * 3
assert time.strftime("%Y-%m-%d", time.gmtime(86400 * 365)) == "1971-01-01"
assert time.strptime("3 Mar 2021", "%d %b %Y").tm_yday == 62
# ---
# typing
from typing import Literal, NamedTuple, Protocol, TypedDict, get_args, get_type_hints, runtime_checkable


class Row(NamedTuple):
    n: int
    next: Row | None = None


class Movie(TypedDict, total=False):
    year: int


@runtime_checkable
class Sized(Protocol):
    def __len__(self) -> int: ...


def first[T](values: list[T]) -> T:
    return values[0]


assert Row(1) == (1, None) and get_type_hints(Row)["next"] == Row | None
assert Movie(year=1) == {"year": 1} and isinstance([], Sized)
assert get_args(Literal["a", "b"]) == ("a", "b") and first([4]) == 4
