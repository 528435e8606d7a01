//! The inputs that are kept, run through their targets.

use std::fs;
use std::path::Path;

/// One test: the memory that inputs take is the process's.
#[test]
fn no_input_that_is_kept_shows_a_fault() {
    for (name, run) in fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut inputs: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name} has no inputs");
        for input in inputs {
            // Captured, and shown if the input fails.
            println!("{}", input.display());
            run(&fs::read(&input).unwrap());
        }
    }
}
