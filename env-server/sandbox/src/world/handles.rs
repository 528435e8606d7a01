//! What the guest holds by number: streams, files, directories, and what stands for time and networks.

use super::files::Node;

/// Something that the guest holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handle {
    /// A stream that is at its end from the start.
    Stdin,
    Stdout,
    /// Nobody reads it.
    Stderr,
    /// A moment that has come, or a stream that is ready: all of them always are.
    Pollable,
    /// The network that cannot be used.
    Network,
    /// What went wrong in a stream.
    Error,
    /// An open file or directory.
    Descriptor {
        node: Node,
        read: bool,
        write: bool,
    },
    /// A stream out of a file.
    Reader {
        node: Node,
        at: u64,
    },
    /// A stream into a file, at its end where no place is given.
    Writer {
        node: Node,
        at: Option<u64>,
    },
    /// A directory's entries, behind the name that was read last.
    Entries {
        node: Node,
        last: Option<String>,
    },
}

impl Handle {
    /// The file or directory that it keeps alive.
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

/// The most that a guest may hold at a time. CPython holds a handful.
pub const MOST: usize = 1024;

/// Everything that the guest holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handles {
    /// By number, from 1.
    held: Vec<Option<Handle>>,
}

impl Handles {
    /// Gives the lowest free number to a handle; none where the guest holds too many.
    pub fn add(&mut self, handle: Handle) -> Option<u32> {
        let free = self.held.iter().position(Option::is_none).unwrap_or(self.held.len());
        if free == MOST {
            return None;
        }
        if free == self.held.len() {
            self.held.push(None);
        }
        self.held[free] = Some(handle);
        u32::try_from(free + 1).ok()
    }

    /// What has a number.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut Handle> {
        self.held.get_mut((number as usize).checked_sub(1)?)?.as_mut()
    }

    /// Takes a handle back.
    pub fn remove(&mut self, number: u32) -> Option<Handle> {
        self.held.get_mut((number as usize).checked_sub(1)?)?.take()
    }

    /// Whether anything held keeps a file or directory alive.
    pub fn keep(&self, node: Node) -> bool {
        self.held.iter().flatten().any(|handle| handle.node() == Some(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_one_are_used_again_and_run_out() {
        let mut handles = Handles::default();
        assert_eq!([handles.add(Handle::Stdout), handles.add(Handle::Pollable)], [Some(1), Some(2)]);
        assert_eq!(handles.remove(1), Some(Handle::Stdout));
        assert_eq!((handles.remove(1), handles.remove(0), handles.remove(9)), (None, None, None));
        assert_eq!(handles.add(Handle::Stderr), Some(1));
        while handles.add(Handle::Pollable).is_some() {}
        assert_eq!(handles.held.len(), MOST);
    }
}
