//! Checks a tree of files that was read from outside.

use std::collections::BTreeSet;

use super::{Content, Files, NODE_BYTES, Node, ROOT};

/// Numbers of nodes are not reused, and never come near this one.
const MAX_NODES: u64 = 1 << 62;

impl Files {
    /// Whether it is a tree, and its sizes add up: what all operations rely on, and keep.
    pub fn is_sound(&self) -> bool {
        let Some((linked, names)) = self.linked() else { return false };
        let mut used = names;
        for (node, content) in &self.nodes {
            let sound = linked.contains(node)
                || match content {
                    Content::File { linked, .. } => !linked,
                    Content::Directory { entries, linked, .. } => !linked && entries.is_empty(),
                };
            if !sound || node.0 >= self.next {
                return false;
            }
            used += match content {
                _ if *node == ROOT => 0,
                Content::File { bytes, .. } => NODE_BYTES + bytes.len(),
                Content::Directory { .. } => NODE_BYTES,
            };
        }
        self.next < MAX_NODES && used.checked_add(self.bytes_left) == Some(self.bytes)
    }

    /// Walks from the root. The files and directories that it meets, and the bytes of their names; `None` if it meets
    /// one twice, or one that is not there or says that it is elsewhere.
    fn linked(&self) -> Option<(BTreeSet<Node>, usize)> {
        let mut met = BTreeSet::from([ROOT]);
        let mut names = 0;
        let mut ahead = vec![(ROOT, ROOT)];
        while let Some((directory, above)) = ahead.pop() {
            match self.nodes.get(&directory)? {
                Content::File { linked: true, .. } if directory != ROOT => {}
                Content::Directory { entries, parent, linked: true, .. } if *parent == above => {
                    for (name, node) in entries {
                        met.insert(*node).then_some(())?;
                        names += name.len();
                        ahead.push((*node, directory));
                    }
                }
                _ => return None,
            }
        }
        Some((met, names))
    }
}
