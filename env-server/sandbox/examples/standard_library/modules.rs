//! What cannot be found out by trying: which submodules matter, which uses to try, and the reasons for
//! failures.

/// Submodules that the table contains even if they are not loaded.
pub const SUBMODULES: &[&str] = &[
    "collections.abc",
    "compression.bz2",
    "compression.gzip",
    "compression.lzma",
    "compression.zlib",
    "compression.zstd",
    "concurrent.futures",
    "concurrent.futures.process",
    "concurrent.futures.thread",
    "concurrent.interpreters",
    "ctypes.util",
    "curses.ascii",
    "dbm.gnu",
    "dbm.ndbm",
    "dbm.sqlite3",
    "email.message",
    "email.mime.text",
    "email.parser",
    "email.policy",
    "encodings.cp1252",
    "encodings.utf_8_sig",
    "html.entities",
    "html.parser",
    "http.client",
    "http.cookies",
    "http.server",
    "importlib.metadata",
    "importlib.resources",
    "json.decoder",
    "json.encoder",
    "logging.config",
    "logging.handlers",
    "multiprocessing.dummy",
    "multiprocessing.pool",
    "multiprocessing.shared_memory",
    "os.path",
    "string.templatelib",
    "unittest.mock",
    "urllib.error",
    "urllib.parse",
    "urllib.request",
    "wsgiref.simple_server",
    "xml.dom.minidom",
    "xml.etree.ElementTree",
    "xml.sax",
    "xml.sax.saxutils",
    "xmlrpc.client",
];

/// Why modules cannot be imported. A package's reason applies to its submodules.
const REASONS: &[(&str, &[&str])] = &[
    (
        "a C library that is not in this build",
        &[
            "bz2",
            "compression.bz2",
            "compression.lzma",
            "compression.zstd",
            "ctypes",
            "dbm.gnu",
            "dbm.ndbm",
            "lzma",
            "ssl",
        ],
    ),
    ("no terminal", &["curses", "pty", "readline", "termios", "tty"]),
    ("no screen, no browser", &["antigravity", "idlelib", "tkinter", "turtle", "turtledemo", "webbrowser"]),
    ("no processes", &["concurrent.futures.process", "multiprocessing"]),
    ("one interpreter only", &["concurrent.futures.interpreter", "concurrent.interpreters"]),
    ("no such thing in WebAssembly", &["fcntl", "grp", "mmap", "pwd", "resource", "syslog"]),
    ("Windows only", &["msvcrt", "nt", "winreg", "winsound"]),
    ("installs packages: no network", &["ensurepip", "venv"]),
    ("left out: only help texts", &["pydoc_data"]),
    ("left out: prints when it is imported", &["this"]),
];

/// Why a module cannot be imported.
pub fn reason(module: &str) -> Option<&'static str> {
    let parents = module.match_indices('.').map(|(dot, _)| &module[..dot]);
    let names: Vec<&str> = parents.chain([module]).collect();
    REASONS
        .iter()
        .find(|(_, modules)| modules.iter().any(|module| names.contains(module)))
        .map(|(why, _)| *why)
}

/// A use of an importable module, and why it fails.
pub struct Use {
    pub module: &'static str,
    pub expression: &'static str,
    pub why: &'static str,
}

impl Use {
    /// The code that tries it.
    pub fn code(&self) -> String {
        format!("import {}\n{}", self.module, self.expression)
    }
}

/// Uses that an agent might try and that cannot work.
pub const USES: &[Use] = &[
    Use {
        module: "asyncio",
        expression: "asyncio.run(asyncio.to_thread(print))",
        why: "no threads; tasks, timers, locks and queues work",
    },
    Use {
        module: "asyncio",
        expression: "asyncio.run(asyncio.open_connection('127.0.0.1', 80))",
        why: "no network",
    },
    Use {
        module: "concurrent.futures",
        expression: "concurrent.futures.ThreadPoolExecutor().submit(print)",
        why: "no threads",
    },
    Use { module: "hashlib", expression: "hashlib.pbkdf2_hmac('sha256', b'', b'', 1)", why: "no OpenSSL" },
    Use {
        module: "hashlib",
        expression: "hashlib.new('ripemd160')",
        why: "no OpenSSL; SHA, MD5 and BLAKE2 work",
    },
    Use { module: "hashlib", expression: "hashlib.scrypt(b'', salt=b'', n=2, r=1, p=1)", why: "no OpenSSL" },
    Use { module: "inspect", expression: "inspect.getsource(inspect)", why: "no sources" },
    Use { module: "os", expression: "os.fork()", why: "no processes" },
    Use { module: "os", expression: "os.symlink('a', 'b')", why: "no links between files" },
    Use {
        module: "locale",
        expression: "locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')",
        why: "no locale but C",
    },
    Use { module: "os", expression: "os.getlogin()", why: "no users" },
    Use { module: "pathlib", expression: "pathlib.Path.home()", why: "no users" },
    Use { module: "signal", expression: "signal.alarm(1)", why: "no signals" },
    Use { module: "socket", expression: "socket.create_connection(('127.0.0.1', 80))", why: "no sockets" },
    Use {
        module: "sqlite3.dbapi2",
        expression: "sqlite3.dbapi2.connect(':memory:').execute('CREATE VIRTUAL TABLE t USING fts5(x)')",
        why: "not in this build of SQLite, nor are `fts3`, `fts4`, `rtree`; JSON and mathematical functions work",
    },
    Use { module: "subprocess", expression: "subprocess.run(['true'])", why: "no processes" },
    Use { module: "threading", expression: "threading.Thread(target=print).start()", why: "no threads" },
    Use {
        module: "urllib.request",
        expression: "urllib.request.urlopen('http://127.0.0.1/')",
        why: "no network",
    },
    Use {
        module: "zipfile",
        expression: "zipfile.ZipFile(__import__('io').BytesIO(), 'w', zipfile.ZIP_BZIP2)",
        why: "no bz2, no lzma; stored and deflated work",
    },
];
