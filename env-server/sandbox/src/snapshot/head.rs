//! All of a snapshot but the memory's difference: what stays in memory, and how it is written to a file.

use std::io;

use serde::{Deserialize, Serialize};

use crate::guest;
use crate::pages::PAGE_BYTES;
use crate::world::World;

/// The size of a memory is a multiple of this: WebAssembly's page.
const MEMORY_UNIT: usize = 64 << 10;

/// All of a snapshot but the memory's difference.
#[derive(Serialize, Deserialize)]
pub struct Head {
    /// The index of the first step that is not in it.
    pub before: u64,
    /// The size of the whole memory.
    pub memory_bytes: usize,
    /// The offsets of the changed pages, in rising order.
    pub pages: Vec<usize>,
    /// The values of the guest's mutable globals.
    pub variables: Vec<i32>,
    /// The world.
    pub world: World,
}

/// What a head must fit to.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// The size of the pristine memory.
    pub pristine_bytes: usize,
    /// The most memory that an interpreter may have.
    pub memory_bytes: usize,
    /// The number of the guest's mutable globals.
    pub variables: usize,
    /// The most bytes of files.
    pub scratch_bytes: usize,
}

impl Head {
    /// The guest that it is a state of, and itself, encoded.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        postcard::to_allocvec(&(guest::MODULE_SHA256, self)).map_err(io::Error::other)
    }

    /// Decodes a head and checks it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8], bounds: &Bounds) -> Result<Head, &'static str> {
        let malformed = |_| "it is malformed";
        let (guest, rest) = postcard::take_from_bytes::<&str>(bytes).map_err(malformed)?;
        if guest != guest::MODULE_SHA256 {
            return Err("it was taken by a program with another build of Python");
        }
        let (head, rest) = postcard::take_from_bytes::<Head>(rest).map_err(malformed)?;
        if !rest.is_empty() || !head.is_sound(bounds.pristine_bytes) {
            return Err("it is malformed");
        }
        if head.variables.len() != bounds.variables {
            return Err("it is of another guest");
        }
        if head.memory_bytes > bounds.memory_bytes {
            return Err("it holds more memory than an interpreter may have");
        }
        if !head.world.is_sound(bounds.scratch_bytes) {
            return Err("its files are malformed, or more than allowed");
        }
        Ok(head)
    }

    /// Whether its memory is one that the pristine memory can have grown to, and its pages are pages of it.
    fn is_sound(&self, pristine_bytes: usize) -> bool {
        self.memory_bytes >= pristine_bytes
            && self.memory_bytes.is_multiple_of(MEMORY_UNIT)
            && self.pages.is_sorted_by(|page, next| page < next)
            && self.pages.iter().all(|page| page.is_multiple_of(PAGE_BYTES) && *page < self.memory_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::world::files::paths::Open;
    use crate::world::handles::Handle;

    const BOUNDS: Bounds = Bounds {
        pristine_bytes: 2 * MEMORY_UNIT,
        memory_bytes: 8 * MEMORY_UNIT,
        variables: 2,
        scratch_bytes: 9000,
    };
    const CREATE: Open = Open { create: true, directory: false, exclusive: false, truncate: false };

    fn head() -> Head {
        let mut world = World::new([7; 32], BOUNDS.scratch_bytes);
        let root = world.files.root();
        world.files.create_directory(root, "tmp/below").unwrap();
        let node = world.files.open(root, "tmp/below/file", CREATE).unwrap();
        world.files.write(node, None, b"content").unwrap();
        world.handles.add(Handle::Reader { node, at: 3 }).unwrap();
        world.handles.add(Handle::Entries { node: root, last: Some("tmp".into()) }).unwrap();
        world.clock.sleep(12345);
        let pages = vec![0, PAGE_BYTES, 4 * MEMORY_UNIT - PAGE_BYTES];
        Head { before: 5, memory_bytes: 4 * MEMORY_UNIT, pages, variables: vec![-1, 7], world }
    }

    fn decoded(head: &Head) -> Result<Head, &'static str> {
        Head::decode(&head.encode().unwrap(), &BOUNDS)
    }

    /// Does what interpreters do to files: nothing may panic or take forever.
    fn use_files(world: &mut World) {
        let root = world.files.root();
        for path in ["tmp/below/file", "tmp", "a", ""] {
            let _ = world.files.find(root, path).and_then(|node| world.files.write(node, Some(3), b"more"));
            let _ = world.files.rename(root, path, root, "tmp/below/moved");
            let _ = world.files.rename(root, path, root, "moved");
        }
        let _ = world.files.open(root, "new", CREATE);
        for number in 0..5 {
            let node = world.handles.remove(number).and_then(|handle| handle.node());
            node.into_iter().for_each(|node| world.release(node));
        }
        assert!(world.files.bytes() <= BOUNDS.scratch_bytes);
    }

    #[test]
    fn a_head_is_decoded_as_it_was() {
        let head = head();
        let mut again = decoded(&head).unwrap();
        assert_eq!((again.before, again.memory_bytes, &again.pages), (5, head.memory_bytes, &head.pages));
        assert_eq!(again.variables, [-1, 7]);
        assert!(again.encode().unwrap() == head.encode().unwrap());
        assert!(again.world.random == head.world.random && again.world.handles == head.world.handles);
        let file = again.world.files.find(again.world.files.root(), "tmp/below/file").unwrap();
        assert_eq!(again.world.files.read(file, 0), Ok(&b"content"[..]));
        assert_eq!(again.world.clock.read(), head.world.clock.clone().read());
        use_files(&mut again.world);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |change: fn(&mut Head)| {
            let mut head = head();
            change(&mut head);
            decoded(&head).is_err()
        };
        assert!(!refused(|_| {}));
        assert!(refused(|head| head.pages.push(head.memory_bytes)));
        assert!(refused(|head| head.pages.push(0)));
        assert!(refused(|head| head.pages[1] += 1));
        assert!(refused(|head| head.pages[1] = 0));
        assert!(refused(|head| head.memory_bytes += PAGE_BYTES));
        assert!(refused(|head| head.memory_bytes = MEMORY_UNIT));
        assert!(refused(|head| head.memory_bytes = 9 * MEMORY_UNIT));
        assert!(refused(|head| head.variables.clear()));
        assert!(refused(|head| head.world.files = World::new([0; 32], 9001).files));
        assert!(refused(|head| head.world.files = World::new([0; 32], 9000).files), "handles lead nowhere");
    }

    /// If this fails, the encoding has changed: increase the version in `storage/file.rs`, and put the new number here.
    #[test]
    fn the_encoding_belongs_to_the_version() {
        let encoded = postcard::to_allocvec(&head()).unwrap();
        assert_eq!((encoded.len(), crc32c::crc32c(&encoded)), (192, 3_022_901_552));
    }

    #[test]
    fn a_head_of_another_guest_is_refused() {
        let bytes = postcard::to_allocvec(&("another", head())).unwrap();
        assert!(Head::decode(&bytes, &BOUNDS).is_err_and(|why| why.contains("another build of Python")));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
            let guest = if whole { postcard::to_allocvec(guest::MODULE_SHA256).unwrap() } else { Vec::new() };
            if let Ok(mut head) = Head::decode(&[guest, bytes].concat(), &BOUNDS) {
                use_files(&mut head.world);
            }
        }

        #[test]
        fn a_changed_head_is_refused_or_can_be_used(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = head().encode().unwrap();
            for (at, byte) in changes {
                // Not the guest, which is at the beginning.
                let at = 65 + at.index(bytes.len() - 65);
                bytes[at] = byte;
            }
            if let Ok(mut head) = Head::decode(&bytes, &BOUNDS) {
                use_files(&mut head.world);
            }
        }
    }
}
