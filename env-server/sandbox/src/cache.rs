//! The disk cache of the guest's machine code.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, DirBuilder, File, Permissions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, Module};

/// A module, and the SHA-256 of its bytes in hexadecimal.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub bytes: &'a [u8],
    pub sha256: &'a str,
}

/// Loads the compiled module from `directory`, or compiles it and stores it there. `None` means the default
/// directory.
///
/// An unusable cache is not an error: the module is compiled, and a warning is logged.
pub fn module(engine: &Engine, source: Source<'_>, directory: Option<&Path>) -> wasmtime::Result<Module> {
    let Some(directory) = directory.map(Path::to_path_buf).or_else(default_directory) else {
        tracing::warn!("no cache directory: Python is compiled at each start");
        return Module::new(engine, source.bytes);
    };
    if let Err(error) = private_directory(&directory) {
        tracing::warn!(directory = %directory.display(), %error, "unusable cache: Python is compiled without it");
        return Module::new(engine, source.bytes);
    }

    let file = directory.join(file_name(engine, source.sha256));
    if file.exists() {
        match verify(&file).map_err(wasmtime::Error::from).and_then(|()| load(engine, &file)) {
            Ok(module) => return Ok(module),
            Err(error) => tracing::warn!(file = %file.display(), %error, "rebuilding a broken cache entry"),
        }
    }
    tracing::info!(file = %file.display(), "compiling Python for this machine, once");
    let code = engine.precompile_module(source.bytes)?;
    match write(&directory, &file, &code) {
        Ok(()) => load(engine, &file),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "cannot keep the compiled Python");
            Module::new(engine, source.bytes)
        }
    }
}

/// `$RUNTIME_GYM_CACHE`, else `runtime-gym` in `$XDG_CACHE_HOME`, else in `~/.cache`.
fn default_directory() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("RUNTIME_GYM_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("runtime-gym")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/runtime-gym")))
}

/// Makes the directory if it is missing. Refuses one that others may write to, because its files are
/// executed.
fn private_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    if fs::metadata(directory)?.permissions().mode() & 0o022 != 0 {
        return Err(io::Error::other("others may write to the directory"));
    }
    Ok(())
}

/// A file name that is unique for the module, the engine's version and configuration, and the processor.
fn file_name(engine: &Engine, sha256: &str) -> String {
    let mut engine_hash = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut engine_hash);
    format!("python-{}-{:016x}.cwasm", &sha256[..16], engine_hash.finish())
}

fn load(engine: &Engine, file: &Path) -> wasmtime::Result<Module> {
    // SAFETY: the file becomes machine code of this process, so it must be what wasmtime wrote, and must not
    // change while it is mapped. Its directory is writable by this user only; files appear there complete,
    // under names that say what they were compiled from, and are replaced, never rewritten.
    #[allow(unsafe_code)]
    unsafe {
        Module::deserialize_file(engine, file)
    }
}

/// Checks that a file holds the bytes that were written. A disk that lost power may give back zeros for some of them, and
/// such machine code starts and crashes later.
fn verify(file: &Path) -> io::Result<()> {
    let wanted = fs::read(hash_file(file))?;
    if wanted != Sha256::digest(fs::read(file)?).as_slice() {
        return Err(io::Error::other("its bytes are not those that were written"));
    }
    Ok(())
}

/// Where the hash of a file is kept: the 32 bytes of SHA-256.
fn hash_file(file: &Path) -> PathBuf {
    file.with_extension("sha256")
}

/// Writes the machine code, and then its hash.
fn write(directory: &Path, file: &Path, code: &[u8]) -> io::Result<()> {
    replace(directory, file, code)?;
    replace(directory, &hash_file(file), &Sha256::digest(code))?;
    // Both names are on the disk, too.
    File::open(directory)?.sync_all()
}

/// Writes a temporary file and renames it, so that readers see the whole file or none, also after a loss of power.
fn replace(directory: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
    temporary.as_file().set_permissions(Permissions::from_mode(0o600))?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty module, which compiles in no time.
    const EMPTY: Source<'_> =
        Source { bytes: b"\0asm\x01\0\0\0", sha256: "0123456789abcdef0123456789abcdef" };

    fn entries(directory: &Path) -> Vec<PathBuf> {
        let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn an_entry_is_private_reused_and_rebuilt_when_it_is_broken() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("made/here");
        let engine = Engine::default();
        module(&engine, EMPTY, Some(&directory)).unwrap();
        let [entry] = &entries(&directory)[..] else { panic!("one entry: {:?}", entries(&directory)) };
        assert_eq!((mode(&directory), mode(entry)), (0o700, 0o600));

        let made = fs::metadata(entry).unwrap().modified().unwrap();
        module(&engine, EMPTY, Some(&directory)).unwrap();
        assert_eq!(fs::metadata(entry).unwrap().modified().unwrap(), made, "used, not rebuilt");

        let whole = fs::read(entry).unwrap();
        // As a disk may give it back: with the last page zeroed.
        let mut zeroed = whole.clone();
        let last_page = zeroed.len().saturating_sub(4096);
        zeroed[last_page..].fill(0);
        for broken in [&b"not machine code"[..], &[], &whole[..whole.len() / 2], &zeroed] {
            fs::write(entry, broken).unwrap();
            module(&engine, EMPTY, Some(&directory)).unwrap();
            assert_eq!(fs::read(entry).unwrap(), whole);
        }
        fs::remove_file(hash_file(entry)).unwrap();
        module(&engine, EMPTY, Some(&directory)).unwrap();
        assert!(hash_file(entry).exists(), "an entry without its hash is rebuilt");
    }

    #[test]
    fn each_module_and_each_engine_has_its_own_entry() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o700)).unwrap();
        let other = Source { sha256: "fedcba98765432100123456789abcdef", ..EMPTY };
        let fuelled = Engine::new(wasmtime::Config::new().consume_fuel(true)).unwrap();
        module(&Engine::default(), EMPTY, Some(root.path())).unwrap();
        module(&Engine::default(), other, Some(root.path())).unwrap();
        module(&fuelled, EMPTY, Some(root.path())).unwrap();
        assert_eq!(entries(root.path()).len(), 3);
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o777)).unwrap();
        module(&Engine::default(), EMPTY, Some(root.path())).unwrap();
        assert!(entries(root.path()).is_empty());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_no_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        module(&Engine::default(), EMPTY, Some(&file.path().join("below"))).unwrap();
    }
}
