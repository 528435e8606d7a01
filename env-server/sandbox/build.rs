//! Finds the guest component that `guest/build.sh` built from the current inputs, makes the objects in its
//! snapshot immortal, and links it into one module.

mod build {
    pub mod flatten;
    pub mod immortal;
}

use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let guest = manifest.join("guest");
    for input in inputs(&guest) {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    // The directory itself, to notice new files.
    println!("cargo::rerun-if-changed={}", guest.join("python/gym_guest").display());

    let built = manifest.join("../../target/guest");
    let component = built.join(inputs_hash(&guest)).join("python.wasm");
    println!("cargo::rerun-if-changed={}", component.display());
    let Ok(mut bytes) = fs::read(&component) else {
        eprintln!(
            "The guest (CPython as a WebAssembly component) is not built, or was built from other inputs: \
             run `make guest` (that is, env-server/sandbox/guest/build.sh).\nLooked for: {}",
            component.display()
        );
        std::process::exit(1);
    };
    println!("cargo::rerun-if-changed=build");
    build::immortal::make(&mut bytes);
    let module = build::flatten::flatten(&bytes);
    let embedded = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("python.wasm");
    fs::write(&embedded, &module).unwrap_or_else(|error| panic!("writing {}: {error}", embedded.display()));
    println!("cargo::rustc-env=GUEST_MODULE={}", embedded.display());
    println!("cargo::rustc-env=GUEST_MODULE_SHA256={}", hex(&Sha256::digest(module)));
}

/// The files that the component is built from, in the order in which `guest/build.sh` hashes them.
fn inputs(guest: &Path) -> Vec<PathBuf> {
    let mut python: Vec<_> = fs::read_dir(guest.join("python/gym_guest"))
        .expect("the guest's Python files are part of the sources")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    python.sort();
    let mut all = vec![guest.join("build.sh"), guest.join("reproducible.rs"), guest.join("wit/python.wit")];
    all.append(&mut python);
    all
}

/// The first 16 digits of the SHA-256 of the concatenated inputs, as in `guest/build.sh`.
fn inputs_hash(guest: &Path) -> String {
    let mut hash = Sha256::new();
    for input in inputs(guest) {
        hash.update(fs::read(&input).unwrap_or_else(|error| panic!("reading {}: {error}", input.display())));
    }
    hex(&hash.finalize())[..16].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
