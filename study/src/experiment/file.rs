//! An experiment file as one value: the file that it extends, with its own keys merged over it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::{Map, Value};

use super::settings::merge;

/// The key that names the file that a file extends, relative to itself.
const EXTENDS: &str = "extends";

/// Reads a file, merged over what it extends.
///
/// # Errors
/// If a file can't be read, is not a YAML map, or extends itself.
pub fn read(path: &Path) -> Result<Value> {
    read_over(path, &mut Vec::new())
}

/// `extending` are the files that led here.
fn read_over(path: &Path, extending: &mut Vec<PathBuf>) -> Result<Value> {
    let place = path.canonicalize().with_context(|| format!("reading {}", path.display()))?;
    ensure!(!extending.contains(&place), "{}: `{EXTENDS}` comes back to this file", path.display());
    extending.push(place);
    let text = files::read_text(path)?;
    let value =
        fields::from_yaml(&text).map_err(|problems| anyhow!("{}: {}", path.display(), problems.quoted()))?;
    let Value::Object(mut own) = value else {
        bail!("{}: must be a map of keys, such as `title: My study`", path.display())
    };
    let mut whole = match own.shift_remove(EXTENDS) {
        None => Value::Object(Map::new()),
        Some(Value::String(name)) => read_over(&path.with_file_name("").join(name), extending)?,
        Some(_) => bail!("{}: `{EXTENDS}` must be the path of a file", path.display()),
    };
    merge(&mut whole, Value::Object(own));
    Ok(whole)
}
