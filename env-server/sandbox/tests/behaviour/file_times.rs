//! The times of files: they come from the virtual clock, can be set, and what depends on them is right.

use crate::common::{counter, persistent, prints, reset};

#[test]
fn changes_are_timed_by_the_virtual_clock() {
    let code = "
import os, time
def times(path): s = os.stat(path); return s.st_atime, s.st_mtime, s.st_ctime
def changed(act, path):
    'Which times the act changes: a(ccess), m(odification), c(hange); all are between the act\\'s begin and end.'
    before = times(path) if os.path.exists(path) else (0, 0, 0)
    time.sleep(10)
    begin = time.time(); act(); end = time.time()
    after = times(path)
    for b, a in zip(before, after): assert a == b or begin < a < end, (begin, a, end)
    return ''.join(n for n, b, a in zip('amc', before, after) if a != b)
def write(path, mode='w', text='x'):
    with open(path, mode) as f: f.write(text)
def keep(path):
    with open(path, 'r+') as f: pass
os.mkdir('/d')
for what, act, path in [
    ('create', lambda: write('/d/f'), '/d/f'),
    ('create, folder', lambda: write('/d/g'), '/d'),
    ('overwrite', lambda: write('/d/f'), '/d/f'),
    ('overwrite, folder', lambda: write('/d/f'), '/d'),
    ('append', lambda: write('/d/f', 'a'), '/d/f'),
    ('truncate', lambda: os.truncate('/d/f', 0), '/d/f'),
    ('read', lambda: open('/d/f').read(), '/d/f'),
    ('open', lambda: keep('/d/f'), '/d/f'),
    ('stat', lambda: os.stat('/d/f'), '/d/f'),
    ('list', lambda: os.listdir('/d'), '/d'),
    ('rename', lambda: os.rename('/d/f', '/d/h'), '/d'),
    ('rename back', lambda: os.rename('/d/h', '/d/f'), '/d/g'),
    ('make a folder', lambda: os.mkdir('/d/e'), '/d'),
    ('remove', lambda: os.remove('/d/g'), '/d'),
    ('remove a folder', lambda: os.rmdir('/d/e'), '/d'),
    ('new folder', lambda: os.mkdir('/n'), '/n'),
]: print(f'{what}: {changed(act, path)}')
before = times('/d/f'); time.sleep(10); os.rename('/d/f', '/d/k'); after = times('/d/k')
print('renamed:', ''.join(n for n, b, a in zip('amc', before, after) if a != b))";
    assert_eq!(
        prints(&mut reset(), code),
        "create: amc\ncreate, folder: mc\noverwrite: mc\noverwrite, folder: \nappend: mc\ntruncate: mc\nread: \nopen: \n\
         stat: \nlist: \nrename: mc\nrename back: \nmake a folder: mc\nremove: mc\nremove a folder: mc\nnew folder: amc\n\
         renamed: c\n"
    );
}

#[test]
fn every_change_has_a_time_of_its_own() {
    let code = "
import os
times = []
for n in range(50):
    with open(f'f{n % 3}', 'w') as f: f.write('x')
    times.append(os.stat(f'f{n % 3}').st_mtime_ns)
print(times == sorted(set(times)), times[0] > 1_735_689_600 * 10**9)";
    assert_eq!(prints(&mut reset(), code), "True True\n");
}

#[test]
fn times_can_be_set() {
    let code = "
import os, pathlib, shutil, time
def times(path): s = os.stat(path); return s.st_atime_ns, s.st_mtime_ns
open('/tmp/a', 'w').close()
os.utime('/tmp/a', (1000, 2000)); print(times('/tmp/a'))
os.utime('/tmp/a', (1000.25, 2000.5)); print(times('/tmp/a'))
os.utime('/tmp/a', ns=(5, 7_000_000_009)); print(times('/tmp/a'), os.stat('/tmp/a').st_ctime > 1_735_689_600)
with open('/tmp/a') as f: os.utime(f.fileno(), (3, 4))
print(times('/tmp/a'), os.stat('/tmp/a').st_mtime, os.path.getatime('/tmp/a'))
shutil.copy2('/tmp/a', '/tmp/b'); print(times('/tmp/b'))
shutil.copystat('/tmp/a', '/tmp'); print(times('/tmp'))
begin = time.time(); os.utime('/tmp/a'); now = os.stat('/tmp/a')
print(begin < now.st_atime < time.time(), now.st_atime == now.st_mtime == now.st_ctime)
begin = time.time(); pathlib.Path('/tmp/b').touch(); print(begin < os.stat('/tmp/b').st_mtime < time.time())
for act in (lambda: os.utime('/tmp/none', (1, 1)), lambda: os.utime('/tmp/none')):
    try: act()
    except FileNotFoundError: print('refused')";
    assert_eq!(
        prints(&mut reset(), code),
        "(1000000000000, 2000000000000)\n(1000250000000, 2000500000000)\n(5, 7000000009) True\n\
         (3000000000, 4000000000) 4.0 3.0\n(3000000000, 4000000000)\n(3000000000, 4000000000)\nTrue True\nTrue\n\
         refused\nrefused\n"
    );
}

/// Writes a module, and later one of the same length in its place.
fn reloads(between: &str) {
    let mut python = persistent();
    let first = "import importlib, sys, time\nsys.path.insert(0, '/tmp')\nopen('/tmp/rules.py', 'w').write('def ok(x): return x > 3\\n')\nimport rules\nprint(rules.ok(5))";
    assert_eq!(prints(&mut python, first), "True\n");
    let second = format!(
        "{between}\nn = open('/tmp/rules.py', 'w').write('def ok(x): return x < 3\\n')\nrules = importlib.reload(rules)\nprint(rules.ok(5))"
    );
    assert_eq!(prints(&mut python, &second), "False\n", "{between}");
    // And once more in the same step.
    let third = "n = open('/tmp/rules.py', 'w').write('def ok(x): return x > 4\\n')\nrules = importlib.reload(rules)\nprint(rules.ok(5))";
    assert_eq!(prints(&mut python, third), "True\n", "{between}");
}

#[test]
fn a_reload_runs_the_new_code_also_within_the_same_second() {
    for between in
        ["time.sleep(60)", "", "sys.dont_write_bytecode = True", "del sys.modules['rules']; import rules"]
    {
        reloads(between);
    }
}

#[test]
fn a_module_written_after_an_import_from_its_folder_is_found() {
    let mut python = persistent();
    let code = "import sys\nsys.path.insert(0, '/tmp')\nfor name in ('one', 'two', 'three'):\n    open(f'/tmp/{name}_.py', 'w').write(f'who = {name!r}')\n    print(__import__(f'{name}_').who)";
    assert_eq!(prints(&mut python, code), "one\ntwo\nthree\n");
    assert_eq!(
        prints(
            &mut python,
            "n = open('/tmp/four_.py', 'w').write('who = 4')\nimport four_\nprint(four_.who)"
        ),
        "4\n"
    );
    let listed = prints(&mut python, "import os\nprint(sorted(os.listdir('/tmp')))");
    assert_eq!(
        listed, "['four_.py', 'one_.py', 'three_.py', 'two_.py']\n",
        "no caches are written beside them"
    );
}

#[test]
fn what_compares_times_is_right() {
    let code = "
import filecmp, os, tarfile, time, zipfile
def write(path, text):
    with open(path, 'w') as f: f.write(text)
write('a', 'one'); write('b', 'one')
print(filecmp.cmp('a', 'b', shallow=True))
write('b', 'two')
print(filecmp.cmp('a', 'b', shallow=True), filecmp.cmp('a', 'b', shallow=False))
# As `make`: the target is older than what it is made from.
def stale(target, *sources): return not os.path.exists(target) or any(os.path.getmtime(s) > os.path.getmtime(target) for s in sources)
print(stale('out', 'a', 'b'), end=' '); write('out', ''); print(stale('out', 'a', 'b'), end=' '); write('a', 'x'); print(stale('out', 'a', 'b'))
print(max(os.listdir('.'), key=lambda name: os.path.getmtime(name) if os.path.isfile(name) else 0))
os.utime('a', (1_000_000_000, 1_000_000_000))
with zipfile.ZipFile('z.zip', 'w') as z: z.write('a')
print(zipfile.ZipFile('z.zip').getinfo('a').date_time)
with tarfile.open('t.tar', 'w') as t: t.add('a')
os.remove('a')
with tarfile.open('t.tar') as t: t.extractall('.', filter='data')
print(os.stat('a').st_mtime)";
    assert_eq!(
        prints(&mut reset(), code),
        "True\nFalse False\nTrue False True\na\n(2001, 9, 9, 1, 46, 40)\n1000000000.0\n"
    );
}

#[test]
fn copies_keep_the_times_exactly() {
    let show = "print([(n, os.stat(n).st_atime_ns, os.stat(n).st_mtime_ns, os.stat(n).st_ctime_ns) for n in ('a', 'b', '/', '/tmp')], time.time_ns())";
    let start = "import os, time\nfor n in 'ab': open(n, 'w').write(n)\nos.utime('a', ns=(3, 5)); time.sleep(9); os.rename('b', 'c'); os.rename('c', 'b')";
    let expected = {
        let mut python = persistent();
        prints(&mut python, start);
        prints(&mut python, show)
    };
    for long in [false, true] {
        let mut python = persistent();
        prints(&mut python, start);
        if long {
            // Long enough for a snapshot instead of a replay.
            prints(&mut python, "x = sum(n for n in range(50_000))");
        }
        let mut copy = python.fork(counter().0).unwrap();
        assert_eq!(prints(&mut copy, show), expected, "fork");
        python.hibernate();
        let mut copy = python.fork(counter().0).unwrap();
        assert_eq!(prints(&mut copy, show), expected, "hibernated");
        python.run("import os\nopen('a', 'w').write('other')\nos.utime('b', (1, 1))\nos._exit(1)").unwrap();
        assert_eq!(prints(&mut python, show), expected, "a killed step is undone");
    }
}
