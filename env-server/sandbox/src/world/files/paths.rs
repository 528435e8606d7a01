//! Operations on paths: opening, listing, creating, removing and renaming.
//!
//! A path is relative to a directory, `from`. There are no symbolic links.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::{Content, Error, Files, Node, ROOT};

/// The longest path in bytes.
pub const PATH_BYTES: usize = 4096;
/// The longest name in bytes, as on Linux.
const NAME_BYTES: usize = 255;

/// The flags with which a path is opened: `open-flags` of `wasi:filesystem`.
#[derive(Clone, Copy)]
pub struct Open {
    /// Creates a file if there is nothing at the path.
    pub create: bool,
    /// Fails if it is not a directory.
    pub directory: bool,
    /// With `create`: fails if it exists.
    pub exclusive: bool,
    /// Empties the file.
    pub truncate: bool,
}

impl Files {
    /// Opens the file or directory at a path; creates a file if the flags say so.
    pub fn open(&mut self, from: Node, path: &str, how: Open) -> Result<Node, Error> {
        let found = match self.find(from, path) {
            Err(Error::NoEntry) if how.create => {
                let (parent, name) = self.parent_and_name(from, path)?;
                return self.add(parent, name, Content::File { bytes: Arc::default(), linked: true });
            }
            found => found?,
        };
        if how.create && how.exclusive {
            return Err(Error::Exists);
        }
        match self.content(found)? {
            Content::File { .. } if how.directory => return Err(Error::NotDirectory),
            Content::Directory { .. } if how.create || how.truncate => return Err(Error::IsDirectory),
            _ => {}
        }
        if how.truncate {
            self.resize(found, 0)?;
        }
        Ok(found)
    }

    /// The file or directory at a path.
    pub fn find(&self, from: Node, path: &str) -> Result<Node, Error> {
        if path.is_empty() {
            return Err(Error::NoEntry);
        }
        if path.len() > PATH_BYTES {
            return Err(Error::NameTooLong);
        }
        let mut ancestors = vec![from];
        for name in path.split('/') {
            match name {
                "" => {}
                "." => drop(self.entries(ancestors.last().copied().unwrap_or(from))?),
                ".." => {
                    self.entries(ancestors.last().copied().unwrap_or(from))?;
                    ancestors.pop();
                    if ancestors.is_empty() {
                        return Err(Error::NotPermitted);
                    }
                }
                name => {
                    let directory = ancestors.last().copied().unwrap_or(from);
                    ancestors.push(*self.entries(directory)?.get(name).ok_or(Error::NoEntry)?);
                }
            }
        }
        let found = ancestors.last().copied().unwrap_or(from);
        if path.ends_with('/') {
            self.entries(found)?;
        }
        Ok(found)
    }

    /// Creates a directory.
    pub fn create_directory(&mut self, from: Node, path: &str) -> Result<(), Error> {
        let (parent, name) = self.parent_and_name(from, path.trim_end_matches('/'))?;
        self.add(parent, name, Content::Directory { entries: BTreeMap::new(), parent, linked: true })
            .map(drop)
    }

    /// Removes a file from its directory and returns it. It is deleted by [`Files::release`].
    pub fn unlink(&mut self, from: Node, path: &str) -> Result<Node, Error> {
        let found = self.find(from, path)?;
        if self.is_directory(found)? {
            return Err(Error::IsDirectory);
        }
        self.remove_entry(from, path)
    }

    /// Removes an empty directory from its parent and returns it. It is deleted by [`Files::release`].
    pub fn remove_directory(&mut self, from: Node, path: &str) -> Result<Node, Error> {
        let found = self.find(from, path)?;
        if found == ROOT {
            return Err(Error::Access);
        }
        if !self.entries(found)?.is_empty() {
            return Err(Error::NotEmpty);
        }
        self.remove_entry(from, path.trim_end_matches('/'))
    }

    /// Moves a file or directory. Returns the file or empty directory that it replaced, to be deleted by
    /// [`Files::release`].
    pub fn rename(
        &mut self,
        from: Node,
        path: &str,
        to: Node,
        new_path: &str,
    ) -> Result<Option<Node>, Error> {
        let (path, new_path) = (path.trim_end_matches('/'), new_path.trim_end_matches('/'));
        let moved = self.find(from, path)?;
        let ((old_parent, old_name), (parent, name)) =
            (self.parent_and_name(from, path)?, self.parent_and_name(to, new_path)?);
        if moved == ROOT || self.is_directory(moved)? && self.is_within(parent, moved) {
            return Err(Error::Invalid);
        }
        let replaced = match self.find(to, new_path) {
            Ok(there) if there == moved => return Ok(None),
            Ok(there) => match (self.is_directory(moved)?, self.is_directory(there)?) {
                (false, false) => Some(self.unlink(to, new_path)?),
                (true, true) => Some(self.remove_directory(to, new_path)?),
                (true, false) => return Err(Error::NotDirectory),
                (false, true) => return Err(Error::IsDirectory),
            },
            Err(Error::NoEntry) => None,
            Err(error) => return Err(error),
        };
        self.reserve(name.len())?;
        self.entries_mut(old_parent)?.remove(old_name);
        self.bytes_left += old_name.len();
        self.entries_mut(parent)?.insert(name.to_owned(), moved);
        if let Some(Content::Directory { parent: above, .. }) = self.nodes.get_mut(&moved) {
            *above = parent;
        }
        Ok(replaced)
    }

    /// The next entry of a directory after a name, in the order of names: its name and whether it is a
    /// directory.
    pub fn entry_after(&self, directory: Node, name: Option<&str>) -> Result<Option<(&str, bool)>, Error> {
        let after = name.map_or(Bound::Unbounded, Bound::Excluded);
        let mut entries = self.entries(directory)?.range::<str, _>((after, Bound::Unbounded));
        entries.next().map(|(name, node)| Ok((name.as_str(), self.is_directory(*node)?))).transpose()
    }

    fn remove_entry(&mut self, from: Node, path: &str) -> Result<Node, Error> {
        let (parent, name) = self.parent_and_name(from, path)?;
        let node = self.entries_mut(parent)?.remove(name).ok_or(Error::NoEntry)?;
        self.bytes_left += name.len();
        if let Some(Content::File { linked, .. } | Content::Directory { linked, .. }) =
            self.nodes.get_mut(&node)
        {
            *linked = false;
        }
        Ok(node)
    }

    /// The parent directory of a path, and the path's last name.
    fn parent_and_name<'p>(&self, from: Node, path: &'p str) -> Result<(Node, &'p str), Error> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() {
            return Err(if path.is_empty() { Error::NoEntry } else { Error::IsDirectory });
        }
        if name == "." || name == ".." {
            return Err(Error::Invalid);
        }
        if name.len() > NAME_BYTES {
            return Err(Error::NameTooLong);
        }
        let directory = match directory {
            "" => from,
            directory => self.find(from, directory)?,
        };
        // A removed directory accepts no entries.
        match self.content(directory)? {
            Content::Directory { linked: true, .. } => Ok((directory, name)),
            Content::Directory { linked: false, .. } => Err(Error::NoEntry),
            Content::File { .. } => Err(Error::NotDirectory),
        }
    }

    /// Whether `directory` is `other` or is below it.
    fn is_within(&mut self, directory: Node, other: Node) -> bool {
        const STEP_WORK: usize = 100;
        let mut above = directory;
        while above != other {
            let Ok(Content::Directory { parent, .. }) = self.content(above) else { return false };
            if *parent == above {
                return false;
            }
            above = *parent;
            self.work += STEP_WORK;
        }
        true
    }
}
