//! The links in a study's own folder: readable names for the outputs of its stages.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

/// Removes all links below a folder that lead into `stages`, and then the empty folders.
///
/// # Errors
/// If something can't be read or removed.
pub fn clear(folder: &Path, stages: &Path) -> io::Result<()> {
    let Some(name) = stages.file_name() else { return Ok(()) };
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_symlink() {
            if path.read_link()?.components().any(|part| part.as_os_str() == name) {
                std::fs::remove_file(&path)?;
            }
        } else if path.is_dir() {
            clear(&path, stages)?;
            // This fails, as it should, if the folder holds other files.
            let _ = std::fs::remove_dir(&path);
        }
    }
    Ok(())
}

/// Makes a link to `target` by a relative path, so that both can be moved together. Either both paths are
/// relative to the same folder, or both are absolute.
///
/// # Errors
/// If the link can't be made.
pub fn make(link: &Path, target: &Path) -> io::Result<()> {
    let folder = link.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder)?;
    if link.is_symlink() {
        std::fs::remove_file(link)?;
    }
    symlink(relative(folder, target), link)
}

/// `path` relative to `folder`.
fn relative(folder: &Path, path: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (parts(folder), parts(path));
    let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from[shared..].iter().map(|_| Component::ParentDir);
    up.chain(to[shared..].iter().copied()).collect()
}

fn parts(path: &Path) -> Vec<Component<'_>> {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn links_lead_from_one_folder_to_another() {
        let relative = |from: &str, to: &str| super::relative(Path::new(from), Path::new(to));
        assert_eq!(
            relative("runs/small/seed1/base", "runs/stages/x/model"),
            Path::new("../../../stages/x/model")
        );
        assert_eq!(relative("./runs/small", "runs/stages/x"), Path::new("../stages/x"));
        assert_eq!(relative("/tmp/a", "/tmp/b/c"), Path::new("../b/c"));
    }

    #[test]
    fn only_links_to_stages_are_cleared() {
        let work = tempfile::tempdir().unwrap();
        let path = |name: &str| work.path().join(name);
        std::fs::create_dir(path("target")).unwrap();
        std::fs::create_dir(path("study")).unwrap();
        std::fs::write(path("target/file"), "kept").unwrap();
        std::fs::write(path("study/file"), "kept").unwrap();
        super::make(&path("study/a/b"), &path("target")).unwrap();
        assert_eq!(std::fs::read_to_string(path("study/a/b/file")).unwrap(), "kept");
        super::make(&path("study/a/b"), &path("target")).unwrap();
        super::make(&path("study/else"), &path("study/file")).unwrap();
        super::clear(&path("study"), &path("target")).unwrap();
        assert!(path("study/file").exists() && path("target/file").exists() && !path("study/a").exists());
        assert!(path("study/else").exists(), "its target is not a stage");
    }
}
