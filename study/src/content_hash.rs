//! SHA-256 of values and folders, in hexadecimal.

use std::io;
use std::path::{Path, PathBuf};

use files::digest;
use serde_json::{Map, Value};

/// The digest of a value. The order of keys does not matter, the order of lists does.
pub fn value(value: &Value) -> String {
    digest::bytes(sorted(value).to_string())
}

/// The digest of a file, or of the names and contents of all files below a folder except hidden ones.
///
/// # Errors
/// If something can't be read.
pub fn path(path: &Path) -> io::Result<String> {
    if !path.is_dir() {
        return digest::file(path);
    }
    let mut hasher = digest::Hasher::default();
    for (name, file) in files_below(path)? {
        hasher.add(format!("{}\n{}\n", name.display(), digest::file(&file)?));
    }
    Ok(hasher.finish())
}

/// All files below a folder except hidden ones, sorted: each as its name in the folder and its path.
///
/// # Errors
/// If a folder can't be read.
pub fn files_below(folder: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = vec![];
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for entry in folder.join(&below).read_dir()? {
            let name = entry?.file_name();
            let (name, hidden) = (below.join(&name), name.to_string_lossy().starts_with('.'));
            let path = folder.join(&name);
            match (hidden, path.is_dir()) {
                (true, _) => {}
                (false, true) => folders.push(name),
                (false, false) => found.push((name, path)),
            }
        }
    }
    found.sort();
    Ok(found)
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            Value::Object(
                entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let (one, other) =
            (json!({"a": [1, {"x": 1, "y": 2}], "b": 2}), json!({"b": 2, "a": [1, {"y": 2, "x": 1}]}));
        assert_eq!(super::value(&one), super::value(&other));
        assert_ne!(super::value(&one), super::value(&json!({"a": [{"x": 1, "y": 2}, 1], "b": 2})));
    }

    #[test]
    fn a_folder_is_its_names_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        write("below/a", "1");
        write(".hidden", "x");
        let before = super::path(folder.path()).unwrap();
        write(".hidden", "y");
        assert_eq!(super::path(folder.path()).unwrap(), before);
        write("below/a", "2");
        assert_ne!(super::path(folder.path()).unwrap(), before);
    }
}
