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
    NameTooLong = 18,
    NoEntry = 20,
    InsufficientMemory = 22,
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
const NODE_BYTES: usize = 512;
/// The most bytes of a name, as on Linux.
const NAME_BYTES: usize = 255;
/// And of a path.
pub const PATH_BYTES: usize = 4096;

const ROOT: Node = Node(0);

/// The tree. A clone is a tree of its own; contents are shared until one of them writes.
#[derive(Clone)]
pub struct Files {
    nodes: BTreeMap<Node, Content>,
    next: u64,
    bytes: usize,
    bytes_left: usize,
    /// What was done since it was last asked, in bytes moved or the like.
    work: usize,
}

#[derive(Clone)]
enum Content {
    File { bytes: Arc<Vec<u8>>, linked: bool },
    Directory { entries: BTreeMap<String, Node>, parent: Node, linked: bool },
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
        let root = Content::Directory { entries: BTreeMap::new(), parent: ROOT, linked: true };
        let nodes = BTreeMap::from([(ROOT, root)]);
        let mut files = Files { nodes, next: 1, bytes, bytes_left: bytes, work: 0 };
        // Without room for it there is none.
        let _ = files.create_directory(ROOT, "tmp");
        files
    }

    /// The bytes that they take.
    pub fn bytes(&self) -> usize {
        self.bytes - self.bytes_left
    }

    /// What was done since this was last asked, in bytes moved or the like.
    pub fn take_work(&mut self) -> usize {
        std::mem::take(&mut self.work)
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
        if path.is_empty() {
            return Err(Error::NoEntry);
        }
        if path.len() > PATH_BYTES {
            return Err(Error::NameTooLong);
        }
        // There are no symbolic links, so a path means what it says.
        let mut way = vec![from];
        for name in path.split('/') {
            match name {
                "" => {}
                "." => drop(self.entries(way.last().copied().unwrap_or(from))?),
                ".." => {
                    self.entries(way.last().copied().unwrap_or(from))?;
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
        self.add(parent, name, Content::Directory { entries: BTreeMap::new(), parent, linked: true })
            .map(drop)
    }

    /// Takes a file out of its directory, and says which. It lives on until it is [`Files::closed`].
    pub fn unlink(&mut self, from: Node, path: &str) -> Result<Node, Error> {
        let found = self.find(from, path)?;
        if self.is_directory(found)? {
            return Err(Error::IsDirectory);
        }
        self.take_out(from, path)
    }

    /// Takes an empty directory out of its own; the same holds for it.
    pub fn remove_directory(&mut self, from: Node, path: &str) -> Result<Node, Error> {
        let found = self.find(from, path)?;
        if found == ROOT {
            return Err(Error::Access);
        }
        if !self.entries(found)?.is_empty() {
            return Err(Error::NotEmpty);
        }
        self.take_out(from, path.trim_end_matches('/'))
    }

    /// Moves what is at one path to another; what it replaces there, it says.
    pub fn rename(
        &mut self,
        from: Node,
        path: &str,
        to: Node,
        new_path: &str,
    ) -> Result<Option<Node>, Error> {
        let (path, new_path) = (path.trim_end_matches('/'), new_path.trim_end_matches('/'));
        let moved = self.find(from, path)?;
        let ((old_parent, old_name), (parent, name)) = (self.place(from, path)?, self.place(to, new_path)?);
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
        self.spend(name.len())?;
        self.entries_mut(old_parent)?.remove(old_name);
        self.bytes_left += old_name.len();
        self.entries_mut(parent)?.insert(name.to_owned(), moved);
        if let Some(Content::Directory { parent: above, .. }) = self.nodes.get_mut(&moved) {
            *above = parent;
        }
        Ok(replaced)
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
        // What is cut off is given back, by a copy of the rest.
        self.work += length.abs_diff(size) + if size < length { size } else { 0 };
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

    fn take_out(&mut self, from: Node, path: &str) -> Result<Node, Error> {
        let (parent, name) = self.place(from, path)?;
        let node = self.entries_mut(parent)?.remove(name).ok_or(Error::NoEntry)?;
        self.bytes_left += name.len();
        if let Some(Content::File { linked, .. } | Content::Directory { linked, .. }) =
            self.nodes.get_mut(&node)
        {
            *linked = false;
        }
        Ok(node)
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
        if name.len() > NAME_BYTES {
            return Err(Error::NameTooLong);
        }
        let directory = match directory {
            "" => from,
            directory => self.find(from, directory)?,
        };
        // A directory that was removed takes nothing in.
        match self.content(directory)? {
            Content::Directory { linked: true, .. } => Ok((directory, name)),
            Content::Directory { linked: false, .. } => Err(Error::NoEntry),
            Content::File { .. } => Err(Error::NotDirectory),
        }
    }

    /// Whether a directory is another one, or somewhere below it.
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

    /// Whether it is a directory.
    pub fn is_directory(&self, node: Node) -> Result<bool, Error> {
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
        assert!((5..20).contains(&made), "{made} directories");
    }

    #[test]
    fn nothing_leads_out() {
        let mut files = files();
        assert_eq!(files.find(ROOT, "").err(), Some(Error::NoEntry));
        assert_eq!(files.find(ROOT, "..").err(), Some(Error::NotPermitted));
        assert_eq!(files.find(ROOT, "tmp/../../etc").err(), Some(Error::NotPermitted));
        assert_eq!(files.rename(ROOT, "tmp", ROOT, "tmp/in").err(), Some(Error::Invalid), "into itself");
        assert_eq!(files.remove_directory(ROOT, "tmp/..").err(), Some(Error::Access));
    }

    #[test]
    fn a_move_that_cannot_be_changes_nothing() {
        let mut files = files();
        for path in ["a", "a/in", "b"] {
            files.create_directory(ROOT, path).unwrap();
        }
        assert_eq!(files.rename(ROOT, "a/.", ROOT, "b").err(), Some(Error::Invalid));
        assert_eq!(files.rename(ROOT, "b/../a", ROOT, "a/in/x").err(), Some(Error::Invalid));
        assert_eq!(files.rename(ROOT, "b", ROOT, "a").err(), Some(Error::NotEmpty));
        assert!(["a", "a/in", "b"].into_iter().all(|path| files.find(ROOT, path).is_ok()));
        files.rename(ROOT, "a", ROOT, "b").unwrap();
        assert_eq!(
            files.rename(ROOT, "b", ROOT, "b/in/c").err(),
            Some(Error::Invalid),
            "it knows where it is now"
        );
        files.rename(ROOT, "b/in", ROOT, "in").unwrap();
        files.rename(ROOT, "b", ROOT, "in/b").unwrap();
    }

    #[test]
    fn work_is_counted_by_what_is_done() {
        let mut files = Files::new(10_000_000);
        files.create_directory(ROOT, "many").unwrap();
        for n in 0..1_000 {
            files.open(ROOT, &format!("many/{n}"), CREATE).unwrap();
        }
        files.take_work();
        files.rename(ROOT, "many", ROOT, "other").unwrap();
        assert!(files.take_work() < 1_000, "what is in a directory does not matter");
        let mut deep = "other".to_owned();
        for _ in 0..100 {
            deep += "/d";
            files.create_directory(ROOT, &deep).unwrap();
        }
        files.take_work();
        files.rename(ROOT, &deep, ROOT, "other/out").unwrap();
        assert!(files.take_work() < 1_000);
        let deep = &deep[..deep.len() - 2];
        files.rename(ROOT, "other/out", ROOT, &format!("{deep}/in")).unwrap();
        assert!(files.take_work() >= 99 * 100, "how deep it goes does");
        let file = files.open(ROOT, "gap", CREATE).unwrap();
        files.write(file, Some(100_000), b"x").unwrap();
        assert!(files.take_work() >= 100_000, "zeros are written too");
        files.write(file, None, b"x").unwrap();
        assert!(files.take_work() < 10);
    }

    #[test]
    fn names_and_paths_have_an_end() {
        let mut files = files();
        assert_eq!(files.create_directory(ROOT, &"n".repeat(256)).err(), Some(Error::NameTooLong));
        files.create_directory(ROOT, &"n".repeat(255)).unwrap();
        assert_eq!(files.find(ROOT, &"/".repeat(5000)).err(), Some(Error::NameTooLong));
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
