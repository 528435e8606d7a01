//! Attempts to open, list, link and import files of the host: all fail. The interpreter's own files are
//! limited.

use sandbox::{Failure, InterpreterState, Limits};

use crate::common::{persistent, prints, reset, with_limits};
use crate::{all_are_refused, outcome_of};

#[test]
fn no_file_of_the_host_can_be_read() {
    all_are_refused(&[
        "open('/etc/passwd')",
        "open(b'/etc/passwd', 'rb')",
        "open('/proc/self/environ')",
        "open('/proc/self/mem', 'rb')",
        "open('/dev/urandom', 'rb')",
        "open('../../etc/passwd')",
        "open('/etc/passwd\\0.txt')",
        "open('//etc//passwd')",
        "open(os.path.expanduser('~/.ssh/id_rsa'))",
        "os.stat('/etc')",
        "os.lstat('/etc')",
        "os.readlink('/proc/self/exe')",
        "__import__('pathlib').Path('/etc/passwd').read_text()",
        "__import__('io').FileIO('/etc/passwd')",
        "__import__('io').open_code('/etc/passwd')",
        "__import__('fileinput').input('/etc/passwd').readline()",
        "__import__('linecache').getlines('/etc/passwd')[0]",
        "__import__('zipfile').ZipFile('/etc/x.zip')",
        "__import__('tarfile').open('/etc/x.tar')",
        "__import__('shutil').copy('/etc/passwd', '/tmp/x')",
        "__import__('runpy').run_path('/etc/passwd')",
        "__import__('tokenize').open('/etc/passwd')",
    ]);
}

#[test]
fn no_directory_of_the_host_can_be_listed() {
    all_are_refused(&[
        "os.listdir('/etc')",
        "os.listdir('..')",
        "os.listdir('/proc')",
        "os.scandir('/proc/self').__next__()",
        "__import__('pathlib').Path('/python').iterdir().__next__()",
    ]);
    for (expression, own) in [
        ("os.listdir('/')", "['tmp']"),
        ("os.listdir('.')", "['tmp']"),
        ("list(os.walk('/'))", "[('/', ['tmp'], []), ('/tmp', [], [])]"),
        ("__import__('glob').glob('/**', recursive=True)", "['/', '/tmp']"),
        ("(os.path.exists('/etc'), os.path.exists('/proc'))", "(False, False)"),
    ] {
        assert_eq!(outcome_of(&format!("repr({expression})")), own, "{expression}");
    }
}

#[test]
fn nothing_of_the_host_can_be_written_or_linked() {
    all_are_refused(&[
        "open('/etc/file.txt', 'w')",
        "open('../../file.txt', 'w')",
        "os.mkdir('/etc/x')",
        "os.symlink('/etc/passwd', 'x')",
        "os.link('/etc/passwd', 'x')",
        "os.rename('/etc/passwd', '/etc/shadow')",
        "os.rename('/tmp', '/tmp/tmp')",
        "os.remove('/etc/passwd')",
        "os.rmdir('/')",
        "os.truncate('/etc/passwd', 0)",
        "os.utime('/etc/passwd')",
        "os.chdir('/etc')",
        "os.mkfifo('/tmp/x')",
        "__import__('pathlib').Path('/var/x').write_text('x')",
        "__import__('logging.handlers').FileHandler('/var/log/x')",
    ]);
}

#[test]
fn paths_of_the_host_name_the_interpreters_own_files() {
    let names: Vec<_> =
        ["a", "b"].map(|name| format!("runtime-gym-test-{}-{name}", std::process::id())).into();
    let host = std::env::temp_dir().join(&names[0]);
    std::fs::write(&host, "the host's").unwrap();
    let code = format!(
        "import os\nprint(os.path.exists('{}'))\nopen('/tmp/{}', 'w').write('x')",
        host.display(),
        names[1]
    );
    let printed = prints(&mut reset(), &code);
    let written = std::env::temp_dir().join(&names[1]).exists();
    std::fs::remove_file(&host).unwrap();
    assert_eq!((printed.as_str(), written), ("False\n", false));
}

#[test]
fn each_interpreter_has_its_own_files() {
    let write = "open('/tmp/mine', 'w').write('x')";
    let look = "import os\nprint(os.listdir('/tmp'))";
    let (mut one, mut other) = (persistent(), persistent());
    prints(&mut one, write);
    assert_eq!(
        (prints(&mut one, look), prints(&mut other, look)),
        ("['mine']\n".to_owned(), "[]\n".to_owned())
    );
    let mut resetting = reset();
    prints(&mut resetting, write);
    assert_eq!(prints(&mut resetting, look), "[]\n");
}

#[test]
fn every_way_of_filling_files_is_limited() {
    let mut python =
        with_limits(InterpreterState::Persistent, Limits { scratch_bytes: 1 << 20, ..Limits::default() });
    for (how, code) in [
        ("one file", "open('f', 'wb').write(b'x' * 2_000_000)"),
        ("in pieces", "with open('f', 'ab') as f:\n    while True: f.write(b'x' * 4096); f.flush()"),
        ("a hole", "os.truncate(os.open('g', os.O_CREAT | os.O_WRONLY), 1 << 40)"),
        (
            "far away",
            "f = os.open('h', os.O_CREAT | os.O_WRONLY); os.lseek(f, 1 << 62, 0); os.write(f, b'x')",
        ),
        ("many files", "for n in range(10**6): open(f'n{n}', 'w').close()"),
        ("long names", "for n in range(10**6): open(str(n).rjust(250, 'y'), 'w').close()"),
        ("a name too long", "open('y' * 256, 'w')"),
        ("a path too long", "os.stat('a/' * 10**6)"),
        ("deep folders", "while True: os.mkdir('d'); os.chdir('d')"),
        (
            "open and unlinked",
            "kept = []\nfor n in range(10**6):\n    kept.append(open('u', 'wb')); os.remove('u'); kept[-1].write(b'x' * 9999); kept[-1].flush()",
        ),
    ] {
        let outcome = python.run(&format!("import os\nos.chdir('/')\n{code}")).unwrap();
        let kind = outcome.failure.clone();
        assert!(
            matches!(&kind, Some(Failure::Exception { type_name }) if type_name == "OSError"),
            "{how}: {outcome:?}"
        );
        prints(
            &mut python,
            "import os, shutil, gc\nkept = f = None; gc.collect(); os.chdir('/')\nfor name in os.listdir('/'):\n    \
             shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)",
        );
        prints(&mut python, "open('again', 'wb').write(b'x' * 500_000); os.remove('again')");
    }
}

#[test]
fn reading_and_writing_files_costs_fuel() {
    let limits = Limits { fuel: 2_000_000_000, ..Limits::default() };
    let mut python = with_limits(InterpreterState::Reset, limits);
    let code = "import os\nf = os.open('f', os.O_CREAT | os.O_RDWR)\nb = b'x' * 8_000_000\nwhile True: os.pwrite(f, b, 0)";
    let outcome = python.run(code).unwrap();
    assert_eq!(outcome.failure, Some(Failure::OutOfFuel));
    assert!(outcome.wall.as_secs() < 20, "{:?}", outcome.wall);
}

#[test]
fn no_descriptor_is_open() {
    all_are_refused(&["open(3)", "os.fdopen(4).read()", "os.read(3, 1)", "os.pread(3, 1, 0)", "os.fstat(3)"]);
    let code = "
import os
found = []
for descriptor in range(3, 300):
    try: os.fstat(descriptor); found.append(descriptor)
    except OSError: pass
print(found)";
    assert_eq!(prints(&mut reset(), code), "[]\n");
    assert_eq!(outcome_of("os.read(0, 10)"), "b''", "standard input is at its end");
}

#[test]
fn nothing_can_be_imported_from_a_path() {
    let code = "
import importlib.machinery, importlib.util, sys
sys.path += ['/', '.', '/tmp', '/usr/lib/python3', '/work']
try:
    import not_there
except ImportError as e:
    print(type(e).__name__)
spec = importlib.util.spec_from_file_location('x', '/etc/passwd', loader=importlib.machinery.SourceFileLoader('x', '/etc/passwd'))
try:
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
except OSError as e:
    print('unread')
try:
    importlib.machinery.ExtensionFileLoader('y', '/y.so').create_module(importlib.machinery.ModuleSpec('y', None, origin='/y.so'))
except (AttributeError, ImportError, OSError) as e:
    print('unloaded')";
    assert_eq!(prints(&mut reset(), code), "ModuleNotFoundError\nunread\nunloaded\n");
}
