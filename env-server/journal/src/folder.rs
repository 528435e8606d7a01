//! The files of a state folder beside the database: its lock, its format, and how its last run ended.
//!
//! | file          | what it is                                                                       |
//! |---------------|----------------------------------------------------------------------------------|
//! | `LOCK`        | locked by the process that has the folder open; empty                            |
//! | `FORMAT`      | what wrote the folder. A folder is complete once it has this file                |
//! | `FORMAT.new`  | the same before that: the folder's first open was interrupted                    |
//! | `RUN`         | the newest run: what its changes survive, on which boot, whether it ended well   |
//! | `episodes.db` | the database, with `-wal` (its log) and `-shm` beside it                         |
//! | `snapshots`   | the interpreters' own files; the journal keeps only their names                  |

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::database;
use crate::error::OpenError;
use crate::options::{Durability, Identity};

/// The format of folders that this version reads and writes.
pub(crate) const FORMAT: u64 = 1;

/// Names that say nothing of whose a folder is: a file system's own, and our lock.
const NOBODYS: [&str; 2] = ["LOCK", "lost+found"];
/// Names of a folder whose first open was interrupted.
const UNFINISHED: [&str; 7] =
    ["FORMAT.new", "RUN", "RUN.new", "episodes.db", "episodes.db-wal", "episodes.db-shm", "snapshots"];

#[derive(Serialize, Deserialize)]
struct Format {
    format: u64,
    interpreter: String,
}

/// The only part of a format file that every version has.
#[derive(Deserialize)]
struct FormatVersion {
    format: u64,
}

/// A run of a server on the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Which start of the kernel it ran on, where that is known.
    pub boot: Option<String>,
    /// Whether its changes were made safe from the end of the kernel, too.
    pub sync: bool,
    /// Whether it ended well: everything is in the database, and on the disk.
    pub closed: bool,
}

impl Run {
    /// A run that begins now.
    pub fn begin(durability: Durability) -> Self {
        Self { boot: this_boot(), sync: durability == Durability::Sync, closed: false }
    }

    /// What its changes survive.
    pub fn durability(&self) -> Durability {
        if self.sync { Durability::Sync } else { Durability::Process }
    }

    /// Whether the kernel has not been started since.
    pub fn is_of_this_boot(&self) -> bool {
        self.boot.is_some() && self.boot == this_boot()
    }
}

fn this_boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// An open state folder. It stays locked as long as this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes or opens a folder, and locks it. A new one is filled by `fill`, and complete only after that.
    pub fn open(
        path: &Path,
        identity: &Identity,
        fill: impl FnOnce(&Folder) -> Result<(), OpenError>,
    ) -> Result<Self, OpenError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(OpenError::file(path))?;
        if !path.join("FORMAT").exists() {
            refuse_foreign(path)?;
        }
        let folder = Self { path: path.to_owned(), _lock: lock(path)? };
        if folder.format().exists() {
            folder.check_format(identity)?;
        } else {
            folder.make(identity, fill)?;
        }
        Ok(folder)
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.path.join(database::FILE)
    }

    /// The folder of the interpreters' snapshots.
    pub fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    fn format(&self) -> PathBuf {
        self.path.join("FORMAT")
    }

    fn make(
        &self,
        identity: &Identity,
        fill: impl FnOnce(&Folder) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let unfinished = self.path.join("FORMAT.new");
        let format = Format { format: FORMAT, interpreter: identity.interpreter.clone() };
        write(&unfinished, &format).map_err(OpenError::file(&unfinished))?;
        for name in UNFINISHED.iter().filter(|name| name.starts_with(database::FILE)) {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::file(&path)(error))?,
                _ => (),
            }
        }
        // The log has the mode of the database.
        let database = self.database();
        create(&database).map_err(OpenError::file(&database))?;
        kill_points::pass("folder.before_fill");
        fill(self)?;
        kill_points::pass("folder.before_format");
        fs::rename(&unfinished, self.format()).map_err(OpenError::file(&unfinished))?;
        kill_points::pass("folder.after_format");
        sync_folder(&self.path).map_err(OpenError::file(&self.path))
    }

    fn check_format(&self, identity: &Identity) -> Result<(), OpenError> {
        let path = self.format();
        let FormatVersion { format } = read(&path)?;
        if format != FORMAT {
            return Err(OpenError::OtherFormat { path, found: format, expected: FORMAT });
        }
        let Format { interpreter, .. } = read(&path)?;
        if interpreter != identity.interpreter {
            let expected = identity.interpreter.clone();
            return Err(OpenError::OtherInterpreter { path, found: interpreter, expected });
        }
        let database = self.database();
        if !database.is_file() {
            return Err(OpenError::Damaged { path: database, problem: "the file is missing".to_owned() });
        }
        Ok(())
    }

    /// The newest run.
    pub fn last_run(&self) -> Result<Run, OpenError> {
        read(&self.path.join("RUN"))
    }

    /// Stores the newest run, on the disk.
    pub fn store_run(&self, run: &Run) -> io::Result<()> {
        let unfinished = self.path.join("RUN.new");
        write(&unfinished, run)?;
        kill_points::pass("folder.before_run");
        fs::rename(unfinished, self.path.join("RUN"))?;
        kill_points::pass("folder.after_run");
        sync_folder(&self.path)
    }
}

/// Refuses a folder without a format that holds what we did not put there. Nothing has been written yet.
fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    let names = fs::read_dir(path)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()
        })
        .map_err(OpenError::file(path))?;
    // Another process may have finished the folder just now.
    if names.iter().any(|name| name == "FORMAT") {
        return Ok(());
    }
    let is_unfinished = names.iter().any(|name| name == "FORMAT.new");
    let is_ours = |name: &OsStr| {
        NOBODYS.iter().any(|own| name == *own)
            || is_unfinished && UNFINISHED.iter().any(|own| name == *own)
            || name == "snapshots" && is_empty_folder(&path.join(name))
    };
    match names.iter().find(|name| !is_ours(name)) {
        Some(name) => {
            Err(OpenError::Foreign { folder: path.to_owned(), found: name.to_string_lossy().into_owned() })
        }
        None => Ok(()),
    }
}

fn is_empty_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("LOCK");
    let file = create(&path).map_err(OpenError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

/// Opens a file that only its owner can read, and makes it if it is not there.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, OpenError> {
    let text = fs::read(path).map_err(OpenError::file(path))?;
    serde_json::from_slice(&text)
        .map_err(|error| OpenError::Damaged { path: path.to_owned(), problem: error.to_string() })
}

/// Writes a JSON file, on the disk.
fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut file = create(path)?;
    file.set_len(0)?;
    file.write_all(serde_json::to_string(value)?.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
