//! SHA-256 of what a run read, so that its record can tell it from anything else.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Of a file's bytes, in hex.
pub fn file(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    add(&mut hasher, path)?;
    Ok(hex(hasher))
}

/// Of the bytes of a folder's safetensors files, in the order of their names, in hex.
pub fn weights(folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder).map_err(Error::file(folder))?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(Error::file(folder)))
        .collect::<Result<Vec<PathBuf>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "safetensors"));
    files.sort();
    let mut hasher = Sha256::new();
    files.iter().try_for_each(|file| add(&mut hasher, file))?;
    Ok(hex(hasher))
}

fn add(hasher: &mut Sha256, path: &Path) -> Result<()> {
    let mut file = File::open(path).map_err(Error::file(path))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(Error::file(path))? {
            0 => return Ok(()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
