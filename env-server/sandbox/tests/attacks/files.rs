//! Files, in every way that Python opens, lists, links and imports them.

use crate::common::{prints, reset};
use crate::{all_are_refused, outcome_of};

#[test]
fn nothing_can_be_read() {
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
        "os.open('/', os.O_RDONLY)",
        "os.open('.', os.O_RDONLY)",
        "os.stat('/')",
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
fn nothing_can_be_listed() {
    all_are_refused(&[
        "os.listdir('/')",
        "os.listdir('.')",
        "os.listdir('/proc')",
        "os.scandir('/').__next__()",
        "__import__('pathlib').Path('/python').iterdir().__next__()",
    ]);
    for expression in ["list(os.walk('/'))", "__import__('glob').glob('/*')", "__import__('glob').glob('**')"]
    {
        assert_eq!(outcome_of(expression), "[]", "{expression}");
    }
    assert_eq!(
        outcome_of("os.path.exists('/'), os.path.exists('/etc'), os.path.isdir('.')"),
        "False False False"
    );
}

#[test]
fn nothing_can_be_written_or_linked() {
    all_are_refused(&[
        "open('file.txt', 'w')",
        "open('/tmp/file.txt', 'x')",
        "os.mkdir('/tmp')",
        "os.makedirs('a/b')",
        "os.symlink('/etc/passwd', 'x')",
        "os.link('/etc/passwd', 'x')",
        "os.rename('/etc/passwd', '/etc/shadow')",
        "os.remove('/etc/passwd')",
        "os.truncate('/etc/passwd', 0)",
        "os.utime('/etc/passwd')",
        "os.chdir('/')",
        "os.mkfifo('/tmp/x')",
        "__import__('tempfile').TemporaryFile()",
        "__import__('tempfile').mkdtemp()",
        "__import__('pathlib').Path('x').write_text('x')",
        "__import__('shelve').open('x')",
        "__import__('logging.handlers').FileHandler('x')",
    ]);
}

#[test]
fn no_descriptor_leads_anywhere() {
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
