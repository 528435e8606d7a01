//! Makes one core module of the guest's component.
//!
//! `componentize-py` builds a component of a dozen core modules, linked when it is instantiated: libc, Python,
//! the bindings, what joins them. Linking anew for each interpreter takes longer than starting it, and a component
//! hides its memory from the host, which must see it to copy an interpreter. After pre-initialisation nothing is
//! left to decide: no module has a start function, and all addresses are known. So the modules are linked here,
//! once. What the host gave to the component, the module imports under the same names, with the signatures of
//! the canonical ABI (<https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md>).

mod component;
mod merge;
mod meter;
mod module;
mod reach;

use component::Component;

/// The module. It imports functions as `(interface without its version, function)`, a function of the world
/// itself as `("$root", function)`, and `("$root", "resource-drop")` for the handles of any resource. It exports
/// `memory`; `realloc`; each function of the world, and as `post-` and its name what is called after it; and
/// `state-0`, `state-1` and so on: every global that code can change, and `fuel`, the fuel that is left (see `meter`).
/// When that is below zero, it calls `("$root", "refill")` with it, and goes on with what that gives.
///
/// # Panics
/// If the component is not what the guest's build makes.
pub fn flatten(component: &[u8]) -> Vec<u8> {
    let component = Component::parse(component);
    merge::merge(&component)
}
