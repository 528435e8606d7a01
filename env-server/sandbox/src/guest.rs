//! The guest component, and its interface as Rust types.

/// CPython with the guest's own code, already initialised: see `guest/`.
pub static COMPONENT: &[u8] = include_bytes!(env!("GUEST_COMPONENT"));

/// The SHA-256 of [`COMPONENT`] in hexadecimal.
pub const COMPONENT_SHA256: &str = env!("GUEST_COMPONENT_SHA256");

mod bindings {
    #![allow(missing_docs)]
    wasmtime::component::bindgen!({
        path: "guest/wit",
        world: "python",
        // Asynchronous only to run on the engine's stacks: see `live::finish`.
        exports: { default: async },
    });
}

pub use bindings::*;
