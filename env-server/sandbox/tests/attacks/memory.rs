//! Code that exhausts memory.

use sandbox::Failure;

use crate::common::prints;
use crate::history::{each, is_killed, is_survived, small, with_history};

#[test]
fn everything_that_grows_is_stopped() {
    each(
        &[
            "x = bytearray(10**9)",
            "x = 'a' * 10**9",
            "x = [0] * 10**8",
            "x = list(range(10**8))",
            "x = (1,) * 10**8",
            "x = []\nwhile True: x.append(bytes(10**6))",
            "x = []\nwhile True: x.append(x[:])",
            "x = bytearray()\nwhile True: x += bytes(10**6)",
            "x = 'a'\nwhile True: x += x",
            "x = 1\nwhile True: x <<= 10**7",
            "x = []\nwhile True: x.append(object())",
            "x = {}\nwhile True: x[len(x)] = [x]",
            "x = set()\nwhile True: x.add(len(x))",
            "class N: pass\nx = None\nwhile True:\n    n = N(); n.next = x; x = n",
            "x = ()\nwhile True: x = (x,) * 100 + (bytes(10**5),)",
            "for i in range(10**9): globals()[f'name{i}'] = i",
            "for i in range(10**9): exec(f'def f{i}(): pass')",
            "import sys\nfor i in range(10**9): sys.intern('x' * 100 + str(i))",
            "import io\nb = io.BytesIO()\nwhile True: b.write(bytes(10**6))",
            "import array\na = array.array('d')\nwhile True: a.extend(bytes(10**6))",
            "import collections\nd = collections.deque()\nwhile True: d.append(bytes(1000))",
            "import itertools\nx = list(itertools.repeat(0))",
            "import itertools\na, b = itertools.tee(itertools.count())\nfor n in a: pass",
            "f'{1:999999999}'",
            "'{:>999999999}'.format(1)",
            "'%999999999d' % 1",
            "'x'.ljust(10**9)",
            "''.join(['x' * 10**6] * 1000)",
            "print('x' * 10**9)",
            "def f(n):\n    x = bytes(10**5)\n    return f(n + 1)\nf(0)",
            "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
            "def g():\n    x = bytes(10**5)\n    yield x\nkept = []\nwhile True: h = g(); next(h); kept.append(h)",
            "raise ValueError('x' * 30_000_000)",
            "import warnings\nwhile True: warnings.warn('x' * 10**6 + str(len(globals())), stacklevel=2); globals()[str(len(globals()))] = bytes(10**6)",
        ],
        |code| {
            is_killed(&small(), code, &[Failure::OutOfMemory, Failure::OutOfFuel]);
        },
    );
}

#[test]
fn decompression_bombs_are_stopped() {
    let bomb = "
import zlib
packer = zlib.compressobj(wbits=-15)
piece = packer.compress(bytes(10**6)) + packer.flush(zlib.Z_FULL_FLUSH)
bomb = piece * 1000
";
    each(
        &[
            "zlib.decompress(bomb, -15)",
            "zlib.decompressobj(-15).decompress(bomb)",
            "import gzip, io\ngzip.GzipFile(fileobj=io.BytesIO(b'\\x1f\\x8b\\x08' + bytes(7) + bomb)).read()",
            "import io, zipfile\nf = io.BytesIO()\nz = zipfile.ZipFile(f, 'w', zipfile.ZIP_DEFLATED)\nz.writestr('x', bytes(10**7))\nz.close()\nzipfile.ZipFile(f).read('x') * 10",
            "import base64\nbase64.b64decode('A' * 50_000_000)",
            "import xml.etree.ElementTree as E\nlol = ''.join(f'<!ENTITY l{n} \"' + f'&l{n - 1};' * 10 + '\">' for n in range(1, 10))\nprint(len(E.fromstring('<!DOCTYPE x [<!ENTITY l0 \"lol\">' + lol + ']><x>&l9;</x>').text))",
        ],
        |code| {
            let outcome = is_survived(&small(), &format!("{bomb}{code}"));
            assert!(!outcome.success, "{code}: {outcome:?}");
        },
    );
    is_killed(
        &small(),
        &format!("{bomb}zlib.decompress(bomb, -15)"),
        &[Failure::OutOfMemory, Failure::OutOfFuel],
    );
}

#[test]
fn code_that_catches_every_memory_error_ends_by_fuel() {
    let code = "while True:\n    try: x = bytearray(10**9)\n    except MemoryError: pass";
    is_killed(&small(), code, &[Failure::OutOfFuel]);
}

#[test]
fn a_full_memory_can_be_freed() {
    let mut python = with_history(&small());
    for _ in 0..5 {
        prints(&mut python, "held = [bytes(1000) for _ in range(20_000)]\ndel held");
    }
    assert_eq!(prints(&mut python, "print(kept)"), "[1, {'a': 2}]\n");
}
