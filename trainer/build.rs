//! Gives the programs an rpath to the libtorch that they are linked with (LD_LIBRARY_PATH takes precedence),
//! and the git commit that they are built from.

#![allow(clippy::print_stdout)] // how a build script speaks to cargo

#[path = "../scripts/git_commit.rs"]
mod git_commit;

fn main() {
    git_commit::main();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
