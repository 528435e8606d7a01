//! The handles that the guest owns: numbers for streams, files, directories, and WASI's other resources.

use serde::{Deserialize, Serialize};

use super::files::{Files, Node};

/// What a handle stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handle {
    /// Standard input. It is always at its end.
    Stdin,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// An event to wait for. It has always occurred already.
    Pollable,
    /// The network. Every use of it is denied.
    Network,
    /// An error of a stream.
    Error,
    /// An open file or directory.
    Descriptor { node: Node, read: bool, write: bool },
    /// A stream that reads a file from an offset.
    Reader { node: Node, at: u64 },
    /// A stream that writes to a file at an offset, or at its end if there is none.
    Writer { node: Node, at: Option<u64> },
    /// A stream of a directory's entries. It continues after the entry named `last`.
    Entries { node: Node, last: Option<String> },
}

impl Handle {
    /// The file or directory that the handle keeps alive.
    pub fn node(&self) -> Option<Node> {
        match self {
            Handle::Descriptor { node, .. }
            | Handle::Reader { node, .. }
            | Handle::Writer { node, .. }
            | Handle::Entries { node, .. } => Some(*node),
            _ => None,
        }
    }
}

/// The most handles that a guest may own at a time. CPython owns a handful.
pub const MAX: usize = 1024;

/// All handles of one guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handles {
    /// The handle with number `n` is at index `n - 1`.
    table: Vec<Option<Handle>>,
}

impl Handles {
    /// Adds a handle with the lowest free number. `None` if the guest owns [`MAX`] handles.
    pub fn add(&mut self, handle: Handle) -> Option<u32> {
        let free = self.table.iter().position(Option::is_none).unwrap_or(self.table.len());
        if free == MAX {
            return None;
        }
        if free == self.table.len() {
            self.table.push(None);
        }
        self.table[free] = Some(handle);
        u32::try_from(free + 1).ok()
    }

    /// The handle with a number.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut Handle> {
        self.table.get_mut((number as usize).checked_sub(1)?)?.as_mut()
    }

    /// Removes the handle with a number.
    pub fn remove(&mut self, number: u32) -> Option<Handle> {
        self.table.get_mut((number as usize).checked_sub(1)?)?.take()
    }

    /// Whether there are no more than a guest may own, and all that refer to a file or directory refer to one of these
    /// `files`.
    pub fn are_sound(&self, files: &Files) -> bool {
        self.table.len() <= MAX
            && self.table.iter().flatten().filter_map(Handle::node).all(|node| files.status(node).is_ok())
    }

    /// Whether any handle keeps a file or directory alive.
    pub fn refer_to(&self, node: Node) -> bool {
        self.table.iter().flatten().any(|handle| handle.node() == Some(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_one_are_reused_and_run_out() {
        let mut handles = Handles::default();
        assert_eq!([handles.add(Handle::Stdout), handles.add(Handle::Pollable)], [Some(1), Some(2)]);
        assert_eq!(handles.remove(1), Some(Handle::Stdout));
        assert_eq!((handles.remove(1), handles.remove(0), handles.remove(9)), (None, None, None));
        assert_eq!(handles.add(Handle::Stderr), Some(1));
        while handles.add(Handle::Pollable).is_some() {}
        assert_eq!(handles.table.len(), MAX);
    }
}
