//! Generates the protobuf code with protox, so that no `protoc` is needed.

#![allow(clippy::print_stdout)] // how a build script speaks to cargo

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

const PROTOS: [(&str, &str); 2] =
    [("env", "runtime_gym/env/v1/env.proto"), ("inference", "runtime_gym/inference/v1/inference.proto")];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for (name, proto) in PROTOS {
        // Kept for gRPC reflection: one set for each service, so that a server lists only what it serves.
        let descriptors = protox::compile([proto], ["."])?;
        fs::write(out.join(format!("{name}.bin")), descriptors.encode_to_vec())?;
        println!("cargo:rerun-if-changed={proto}");
    }
    // Maps in the order of their keys: the same message always gives the same bytes.
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(protox::compile(PROTOS.map(|(_, proto)| proto), ["."])?)?;
    Ok(())
}
