//! Random changes, with restarts between them, against plain maps.

use proptest::bool::ANY;
use proptest::collection::vec;
use proptest::prelude::ProptestConfig;
use proptest::proptest;

use crate::episodes::count;
use crate::model::{self, Keys, Model};
use crate::support::{close, folder, open, wait_until, write};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_journal_holds_what_plain_maps_hold(seed: u64, runs in vec((1_u64..120, ANY), 1..5)) {
        let folder = folder();
        let (mut expected, mut keys, mut number) = (Model::default(), Keys::new(), 0);
        for (changes, waits) in runs {
            let opened = open(folder.path());
            for _ in 0..changes {
                let change = expected.change(seed, number, &mut keys, || opened.journal.new_key());
                number += 1;
                if waits {
                    write(&opened.journal, change).unwrap();
                } else {
                    opened.journal.write(change, |stored| assert!(stored.is_ok()));
                }
            }
            drop(opened);
            let opened = open(folder.path());
            model::check(&opened, &expected);
            assert_eq!(model::keys(&opened.episodes), keys);
        }
        // In the end, what nobody uses is deleted.
        let journal = open(folder.path()).journal;
        for key in keys.into_values() {
            write(&journal, close(key)).unwrap();
        }
        let is_empty = |table| count(folder.path(), table) == 0;
        wait_until(|| ["episodes", "uses", "trimmed", "steps", "snapshots", "tasks"].into_iter().all(is_empty));
    }
}
