//! The interpreter's files: a tree in memory, which only its own code sees, of at most so many bytes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// What a file operation fails with: the `error-code`s of `wasi:filesystem`, by their numbers there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Error {
    Access = 0,
    BadDescriptor = 3,
    Exists = 7,
    Invalid = 12,
    IsDirectory = 14,
    NoEntry = 20,
    InsufficientSpace = 23,
    NotDirectory = 24,
    NotEmpty = 25,
    Unsupported = 27,
    NotPermitted = 31,
}

/// A file or directory, by its number. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(u64);

/// What every file and directory takes of the bytes, beside its content and name.
const NODE_BYTES: usize = 256;

const ROOT: Node = Node(0);

/// The tree. A clone is a tree of its own; contents are shared until one of them writes.
#[derive(Clone)]
pub struct Files {
    nodes: BTreeMap<Node, Content>,
    next: u64,
    bytes_left: usize,
}

#[derive(Clone)]
enum Content {
    File { bytes: Arc<Vec<u8>>, linked: bool },
    Directory { entries: BTreeMap<String, Node>, linked: bool },
}

/// What `stat` says.
pub struct Status {
    pub is_directory: bool,
    pub size: u64,
}

/// How a path is opened.
#[derive(Clone, Copy)]
pub struct Open {
    pub create: bool,
    pub directory: bool,
    pub exclusive: bool,
    pub truncate: bool,
}

impl Files {
    /// An empty tree but for `/tmp`, with room for `bytes`.
    pub fn new(bytes: usize) -> Files {
        let root = Content::Directory { entries: BTreeMap::new(), linked: true };
        let mut files = Files { nodes: BTreeMap::from([(ROOT, root)]), next: 1, bytes_left: bytes };
        // Without room for it there is none.
        let _ = files.create_directory(ROOT, "tmp");
        files
    }

    /// The root directory.
    pub fn root(&self) -> Node {
        ROOT
    }

    /// Opens, and perhaps makes, what is at a path below a directory.
    pub fn open(&mut self, from: Node, path: &str, how: Open) -> Result<Node, Error> {
        let found = match self.find(from, path) {
            Err(Error::NoEntry) if how.create => {
                let (parent, name) = self.place(from, path)?;
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

    /// What is at a path below a directory.
    pub fn find(&self, from: Node, path: &str) -> Result<Node, Error> {
        // There are no symbolic links, so a path means what it says.
        let mut way = vec![from];
        for name in path.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    way.pop();
                    if way.is_empty() {
                        return Err(Error::NotPermitted);
                    }
                }
                name => {
                    let directory = way.last().copied().unwrap_or(from);
                    way.push(*self.entries(directory)?.get(name).ok_or(Error::NoEntry)?);
                }
            }
        }
        let found = way.last().copied().unwrap_or(from);
        if path.ends_with('/') {
            self.entries(found)?;
        }
        Ok(found)
    }

    /// Makes a directory.
    pub fn create_directory(&mut self, from: Node, path: &str) -> Result<(), Error> {
        let (parent, name) = self.place(from, path.trim_end_matches('/'))?;
        self.add(parent, name, Content::Directory { entries: BTreeMap::new(), linked: true }).map(drop)
    }

    /// Takes a file out of its directory. It lives on while it is open.
    pub fn unlink(&mut self, from: Node, path: &str) -> Result<(), Error> {
        let found = self.find(from, path)?;
        if self.is_directory(found)? {
            return Err(Error::IsDirectory);
        }
        self.take_out(from, path)
    }

    /// Takes an empty directory out of its own.
    pub fn remove_directory(&mut self, from: Node, path: &str) -> Result<(), Error> {
        let found = self.find(from, path)?;
        if found == ROOT {
            return Err(Error::Access);
        }
        if !self.entries(found)?.is_empty() {
            return Err(Error::NotEmpty);
        }
        self.take_out(from, path.trim_end_matches('/'))
    }

    /// Moves what is at one path to another; a file there is replaced.
    pub fn rename(&mut self, from: Node, path: &str, to: Node, new_path: &str) -> Result<(), Error> {
        let (path, new_path) = (path.trim_end_matches('/'), new_path.trim_end_matches('/'));
        let moved = self.find(from, path)?;
        let (parent, name) = self.place(to, new_path)?;
        if moved == ROOT || self.contains(moved, parent) {
            return Err(Error::Invalid);
        }
        match self.find(to, new_path) {
            Ok(there) if there == moved => return Ok(()),
            Ok(there) => match (self.is_directory(moved)?, self.is_directory(there)?) {
                (false, false) => self.unlink(to, new_path)?,
                (true, true) => self.remove_directory(to, new_path)?,
                (true, false) => return Err(Error::NotDirectory),
                (false, true) => return Err(Error::IsDirectory),
            },
            Err(Error::NoEntry) => {}
            Err(error) => return Err(error),
        }
        let (old_parent, old_name) = self.place(from, path)?;
        self.spend(name.len())?;
        self.entries_mut(old_parent)?.remove(old_name);
        self.bytes_left += old_name.len();
        self.entries_mut(parent)?.insert(name.to_owned(), moved);
        Ok(())
    }

    /// What `stat` says of it.
    pub fn status(&self, node: Node) -> Result<Status, Error> {
        Ok(match self.content(node)? {
            Content::File { bytes, .. } => Status { is_directory: false, size: bytes.len() as u64 },
            Content::Directory { .. } => Status { is_directory: true, size: 0 },
        })
    }

    /// What a file holds from a place on.
    pub fn read(&self, node: Node, at: u64) -> Result<&[u8], Error> {
        match self.content(node)? {
            Content::File { bytes, .. } => {
                Ok(usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default())
            }
            Content::Directory { .. } => Err(Error::IsDirectory),
        }
    }

    /// Writes into a file, at its end if no place is given, and says where the end of what was written is.
    pub fn write(&mut self, node: Node, at: Option<u64>, new: &[u8]) -> Result<u64, Error> {
        let length = self.status(node)?.size;
        let at = at.unwrap_or(length);
        let end = at.checked_add(new.len() as u64).ok_or(Error::Invalid)?;
        if end > length {
            self.resize(node, end)?;
        }
        let bytes = self.file(node)?;
        // In range: the file is as long now.
        bytes[at as usize..end as usize].copy_from_slice(new);
        Ok(end)
    }

    /// Makes a file shorter, or longer by zeros.
    pub fn resize(&mut self, node: Node, size: u64) -> Result<(), Error> {
        let size = usize::try_from(size).map_err(|_| Error::InsufficientSpace)?;
        let length = self.file(node)?.len();
        self.spend(size.saturating_sub(length))?;
        self.bytes_left += length.saturating_sub(size);
        let bytes = self.file(node)?;
        bytes.resize(size, 0);
        if size < length {
            bytes.shrink_to_fit();
        }
        Ok(())
    }

    /// The first entry of a directory behind a name, in the order of names.
    pub fn entry_after(&self, directory: Node, name: Option<&str>) -> Result<Option<(&str, bool)>, Error> {
        let behind = name.map_or(Bound::Unbounded, Bound::Excluded);
        let mut entries = self.entries(directory)?.range::<str, _>((behind, Bound::Unbounded));
        entries.next().map(|(name, node)| Ok((name.as_str(), self.is_directory(*node)?))).transpose()
    }

    /// Forgets a node that is in no directory, now that nothing has it open.
    pub fn closed(&mut self, node: Node) {
        if let Ok(Content::File { linked: false, .. } | Content::Directory { linked: false, .. }) =
            self.content(node)
        {
            let size = self.status(node).map_or(0, |status| status.size);
            self.nodes.remove(&node);
            self.bytes_left += NODE_BYTES + size as usize;
        }
    }

    /// The number that tells a file from the others.
    pub fn number(node: Node) -> u64 {
        node.0
    }

    fn add(&mut self, parent: Node, name: &str, content: Content) -> Result<Node, Error> {
        if self.entries(parent)?.contains_key(name) {
            return Err(Error::Exists);
        }
        self.spend(NODE_BYTES + name.len())?;
        let node = Node(self.next);
        self.next += 1;
        self.entries_mut(parent)?.insert(name.to_owned(), node);
        self.nodes.insert(node, content);
        Ok(node)
    }

    fn take_out(&mut self, from: Node, path: &str) -> Result<(), Error> {
        let (parent, name) = self.place(from, path)?;
        let node = self.entries_mut(parent)?.remove(name).ok_or(Error::NoEntry)?;
        self.bytes_left += name.len();
        if let Some(Content::File { linked, .. } | Content::Directory { linked, .. }) =
            self.nodes.get_mut(&node)
        {
            *linked = false;
        }
        Ok(())
    }

    /// The directory that a path's last name is in, and that name.
    fn place<'p>(&self, from: Node, path: &'p str) -> Result<(Node, &'p str), Error> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() {
            return Err(if path.is_empty() { Error::NoEntry } else { Error::IsDirectory });
        }
        if name == "." || name == ".." {
            return Err(Error::Invalid);
        }
        let directory = self.find(from, directory)?;
        // A directory that was removed takes nothing in.
        match self.content(directory)? {
            Content::Directory { linked: true, .. } => Ok((directory, name)),
            Content::Directory { linked: false, .. } => Err(Error::NoEntry),
            Content::File { .. } => Err(Error::NotDirectory),
        }
    }

    fn contains(&self, directory: Node, other: Node) -> bool {
        // Not by recursion: a tree may be as deep as the guest likes.
        let mut left = vec![directory];
        while let Some(node) = left.pop() {
            if node == other {
                return true;
            }
            left.extend(self.entries(node).into_iter().flat_map(BTreeMap::values));
        }
        false
    }

    fn is_directory(&self, node: Node) -> Result<bool, Error> {
        Ok(matches!(self.content(node)?, Content::Directory { .. }))
    }

    fn content(&self, node: Node) -> Result<&Content, Error> {
        self.nodes.get(&node).ok_or(Error::BadDescriptor)
    }

    fn entries(&self, node: Node) -> Result<&BTreeMap<String, Node>, Error> {
        match self.content(node)? {
            Content::Directory { entries, .. } => Ok(entries),
            Content::File { .. } => Err(Error::NotDirectory),
        }
    }

    fn entries_mut(&mut self, node: Node) -> Result<&mut BTreeMap<String, Node>, Error> {
        match self.nodes.get_mut(&node).ok_or(Error::BadDescriptor)? {
            Content::Directory { entries, .. } => Ok(entries),
            Content::File { .. } => Err(Error::NotDirectory),
        }
    }

    fn file(&mut self, node: Node) -> Result<&mut Vec<u8>, Error> {
        match self.nodes.get_mut(&node).ok_or(Error::BadDescriptor)? {
            Content::File { bytes, .. } => Ok(Arc::make_mut(bytes)),
            Content::Directory { .. } => Err(Error::IsDirectory),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(Error::InsufficientSpace)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: Open = Open { create: true, directory: false, exclusive: false, truncate: false };
    const FIND: Open = Open { create: false, ..CREATE };

    fn files() -> Files {
        Files::new(10_000)
    }

    #[test]
    fn what_is_written_is_read_and_a_gap_is_zeros() {
        let mut files = files();
        let file = files.open(ROOT, "tmp/a", CREATE).unwrap();
        assert_eq!(files.write(file, None, b"abc"), Ok(3));
        assert_eq!(files.write(file, Some(5), b"xy"), Ok(7));
        assert_eq!(files.read(file, 1), Ok(&b"bc\0\0xy"[..]));
        assert_eq!(files.read(file, 99), Ok(&b""[..]));
        assert_eq!(files.find(ROOT, "./tmp/../tmp//a"), Ok(file));
    }

    #[test]
    fn all_room_comes_back() {
        let mut files = files();
        let before = files.bytes_left;
        let file = files.open(ROOT, "a", CREATE).unwrap();
        files.write(file, None, &[1; 500]).unwrap();
        files.create_directory(ROOT, "d").unwrap();
        files.rename(ROOT, "a", ROOT, "d/longer").unwrap();
        files.resize(file, 20).unwrap();
        files.unlink(ROOT, "d/longer").unwrap();
        assert_eq!(files.read(file, 0).map(<[u8]>::len), Ok(20), "it is open still");
        files.closed(file);
        let directory = files.find(ROOT, "d").unwrap();
        files.remove_directory(ROOT, "d/").unwrap();
        files.closed(directory);
        assert_eq!(files.bytes_left, before);
        assert_eq!(files.nodes.len(), 2, "the root and /tmp");
    }

    #[test]
    fn room_runs_out_and_what_was_there_stays() {
        let mut files = files();
        let file = files.open(ROOT, "a", CREATE).unwrap();
        files.write(file, None, b"kept").unwrap();
        assert_eq!(files.write(file, None, &[0; 20_000]), Err(Error::InsufficientSpace));
        assert_eq!(files.resize(file, u64::MAX), Err(Error::InsufficientSpace));
        assert_eq!(files.write(file, Some(u64::MAX), b"x"), Err(Error::Invalid));
        assert_eq!(files.read(file, 0), Ok(&b"kept"[..]));
        let made = (0..1000).take_while(|n| files.create_directory(ROOT, &n.to_string()).is_ok()).count();
        assert!((10..40).contains(&made), "{made} directories");
    }

    #[test]
    fn nothing_leads_out() {
        let mut files = files();
        assert_eq!(files.find(ROOT, "..").err(), Some(Error::NotPermitted));
        assert_eq!(files.find(ROOT, "tmp/../../etc").err(), Some(Error::NotPermitted));
        assert_eq!(files.rename(ROOT, "tmp", ROOT, "tmp/in").err(), Some(Error::Invalid), "into itself");
        assert_eq!(files.remove_directory(ROOT, "tmp/..").err(), Some(Error::Access));
    }

    #[test]
    fn kinds_are_told_apart() {
        let mut files = files();
        let file = files.open(ROOT, "a", CREATE).unwrap();
        assert_eq!(files.open(ROOT, "a", Open { exclusive: true, ..CREATE }).err(), Some(Error::Exists));
        assert_eq!(files.open(ROOT, "a", Open { directory: true, ..FIND }).err(), Some(Error::NotDirectory));
        assert_eq!(files.open(ROOT, "tmp", CREATE).err(), Some(Error::IsDirectory));
        assert_eq!(files.open(ROOT, "a/", FIND).err(), Some(Error::NotDirectory));
        assert_eq!(files.open(ROOT, "none/b", CREATE).err(), Some(Error::NoEntry));
        assert_eq!(files.unlink(ROOT, "tmp").err(), Some(Error::IsDirectory));
        assert_eq!(files.rename(ROOT, "a", ROOT, "tmp").err(), Some(Error::IsDirectory));
        assert_eq!(files.entry_after(file, None).err(), Some(Error::NotDirectory));
        let names: Vec<_> = ["", "a"].map(|last| files.entry_after(ROOT, Some(last)).unwrap()).into();
        assert_eq!(names, [Some(("a", false)), Some(("tmp", true))]);
    }

    #[test]
    fn a_copy_goes_its_own_way() {
        let mut files = files();
        let file = files.open(ROOT, "a", CREATE).unwrap();
        files.write(file, None, b"both").unwrap();
        let mut copy = files.clone();
        copy.write(file, Some(0), b"copy").unwrap();
        assert_eq!((files.read(file, 0), copy.read(file, 0)), (Ok(&b"both"[..]), Ok(&b"copy"[..])));
    }
}
