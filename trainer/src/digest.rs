//! SHA-256 of what a run read, so that its record can tell it from anything else.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Of a file's bytes, in hex.
pub fn file(path: &Path) -> Result<String> {
    let mut hasher = Hasher::default();
    hasher.add_file(path)?;
    Ok(hasher.finish())
}

/// Of a text's bytes, in hex.
pub fn text(text: &str) -> String {
    let mut hasher = Hasher::default();
    hasher.0.update(text);
    hasher.finish()
}

/// Of the bytes of a folder's safetensors files, in the order of their names, in hex.
pub fn weights(folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder).map_err(Error::file(folder))?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(Error::file(folder)))
        .collect::<Result<Vec<PathBuf>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "safetensors"));
    files.sort();
    let mut hasher = Hasher::default();
    files.iter().try_for_each(|file| hasher.add_file(file))?;
    Ok(hasher.finish())
}

/// A hash of several things, in order.
#[derive(Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    /// Names and lengths are told apart from contents, so that no two lists of files are the same bytes.
    pub fn add_named(&mut self, name: &Path, content: &[u8]) {
        self.0.update(format!("{} {}\0", name.display(), content.len()));
        self.0.update(content);
    }

    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn add_file(&mut self, path: &Path) -> Result<()> {
        let mut file = File::open(path).map_err(Error::file(path))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer).map_err(Error::file(path))? {
                0 => return Ok(()),
                count => self.0.update(&buffer[..count]),
            }
        }
    }
}
