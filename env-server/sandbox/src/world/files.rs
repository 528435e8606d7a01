//! The interpreter's files: a tree in memory with a size limit. Operations on paths are in `paths`.

mod check;
mod content_bytes;
pub mod paths;
#[cfg(test)]
mod tests;
pub mod times;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use times::Times;

use super::clock::Time;

/// The error of a file operation: an `error-code` of `wasi:filesystem`, with the same number.
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

/// The number of a file or directory. Numbers are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Node(u64);

/// The bytes that a file or directory counts in addition to its content and its name.
const NODE_BYTES: usize = 512;

const ROOT: Node = Node(0);

/// The tree of files. A clone is independent; contents are shared until one of the two is written.
#[derive(Clone, Serialize, Deserialize)]
pub struct Files {
    nodes: BTreeMap<Node, Content>,
    next: u64,
    /// The size limit of the tree.
    bytes: usize,
    bytes_left: usize,
    /// The time of changes that are made now.
    now: Time,
    /// The work since [`Files::take_work`], in bytes moved or its equivalent.
    work: usize,
}

/// A file or directory. `linked` says whether it is in a directory; the root always is.
#[derive(Clone, Serialize, Deserialize)]
enum Content {
    File {
        #[serde(with = "content_bytes")]
        bytes: Arc<Vec<u8>>,
        linked: bool,
        times: Times,
    },
    Directory {
        entries: BTreeMap<String, Node>,
        parent: Node,
        linked: bool,
        times: Times,
    },
}

/// The result of `stat`. A directory has size 0.
pub struct Status {
    pub is_directory: bool,
    pub size: u64,
    pub times: Times,
}

impl Files {
    /// A tree with room for `bytes` that contains only an empty `/tmp`.
    pub fn new(bytes: usize) -> Files {
        let (now, times) = (Time::START, Times::all(Time::START));
        let root = Content::Directory { entries: BTreeMap::new(), parent: ROOT, linked: true, times };
        let nodes = BTreeMap::from([(ROOT, root)]);
        let mut files = Files { nodes, next: 1, bytes, bytes_left: bytes, now, work: 0 };
        // There is no `/tmp` if there is no room for it.
        let _ = files.create_directory(ROOT, "tmp");
        files
    }

    /// Sets the time of the changes that follow.
    pub fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// The bytes in use.
    pub fn bytes(&self) -> usize {
        self.bytes - self.bytes_left
    }

    /// The size limit of the tree.
    pub fn limit(&self) -> usize {
        self.bytes
    }

    /// The work since the last call, in bytes moved or its equivalent.
    pub fn take_work(&mut self) -> usize {
        std::mem::take(&mut self.work)
    }

    /// The root directory.
    pub fn root(&self) -> Node {
        ROOT
    }

    /// The `stat` of a file or directory.
    pub fn status(&self, node: Node) -> Result<Status, Error> {
        Ok(match self.content(node)? {
            Content::File { bytes, times, .. } => {
                Status { is_directory: false, size: bytes.len() as u64, times: *times }
            }
            Content::Directory { times, .. } => Status { is_directory: true, size: 0, times: *times },
        })
    }

    /// The content of a file from an offset on.
    pub fn read(&self, node: Node, at: u64) -> Result<&[u8], Error> {
        match self.content(node)? {
            Content::File { bytes, .. } => {
                Ok(usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default())
            }
            Content::Directory { .. } => Err(Error::IsDirectory),
        }
    }

    /// Writes to a file at an offset, or at its end if there is none. Returns the offset after the written
    /// bytes.
    pub fn write(&mut self, node: Node, at: Option<u64>, new: &[u8]) -> Result<u64, Error> {
        let length = self.status(node)?.size;
        let at = at.unwrap_or(length);
        let end = at.checked_add(new.len() as u64).ok_or(Error::Invalid)?;
        if end > length {
            self.resize(node, end)?;
        }
        let bytes = self.file(node)?;
        // In range: the file has at least `end` bytes now.
        bytes[at as usize..end as usize].copy_from_slice(new);
        self.modified(node);
        Ok(end)
    }

    /// Cuts a file, or extends it with zeros.
    pub fn resize(&mut self, node: Node, size: u64) -> Result<(), Error> {
        let size = usize::try_from(size).map_err(|_| Error::InsufficientSpace)?;
        let length = self.file(node)?.len();
        self.reserve(size.saturating_sub(length))?;
        self.bytes_left += length.saturating_sub(size);
        // Shrinking copies the rest, so that the memory of the cut part is freed.
        self.work += length.abs_diff(size) + if size < length { size } else { 0 };
        let bytes = self.file(node)?;
        bytes.resize(size, 0);
        if size < length {
            bytes.shrink_to_fit();
        }
        self.modified(node);
        Ok(())
    }

    /// Deletes a file or directory if it is in no directory. No handle may refer to it.
    pub fn release(&mut self, node: Node) {
        if let Ok(Content::File { linked: false, .. } | Content::Directory { linked: false, .. }) =
            self.content(node)
        {
            let size = self.status(node).map_or(0, |status| status.size);
            self.nodes.remove(&node);
            self.bytes_left += NODE_BYTES + size as usize;
        }
    }

    /// The number of a file or directory.
    pub fn number(node: Node) -> u64 {
        node.0
    }

    /// Adds an entry to a directory.
    fn add(&mut self, parent: Node, name: &str, content: Content) -> Result<Node, Error> {
        if self.entries(parent)?.contains_key(name) {
            return Err(Error::Exists);
        }
        self.reserve(NODE_BYTES + name.len())?;
        let node = Node(self.next);
        self.next += 1;
        self.entries_mut(parent)?.insert(name.to_owned(), node);
        self.nodes.insert(node, content);
        self.modified(parent);
        Ok(node)
    }

    /// Whether a node is a directory.
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

    fn reserve(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(Error::InsufficientSpace)?;
        Ok(())
    }
}
