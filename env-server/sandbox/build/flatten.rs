//! Makes one core module of the guest's component.
//!
//! `componentize-py` builds a component of a dozen core modules: libc, Python, the bindings, and glue. They
//! are linked when the component is instantiated, which would take longer than starting an interpreter. A
//! component also hides its memory from the host, which needs it to copy an interpreter. After
//! pre-initialisation the links are fixed: no module has a start function, and all addresses are known.
//! Therefore the modules are linked here, once.
//!
//! The module imports the same functions as the component, under the same names, with the signatures of the
//! canonical ABI (<https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md>).

mod component;
mod meter;
mod module;
mod numbers;
mod reach;
mod sections;
mod stack;
mod view;

use component::Component;
use meter::Meter;
use numbers::Numbers;
use reach::Reach;
use sections::Sections;
use stack::Frames;
use view::View;

/// Links a component into one module.
///
/// Imports: functions as `(interface without its version, function)`; a function of the world itself as
/// `("$root", function)`; `("$root", "resource-drop")`, which drops a handle of any resource; and `("$root",
/// "refill")`, which is called with the remaining fuel when it is below zero and returns the new amount.
///
/// Exports: `memory`; `realloc`; each function of the world; the post-return function of each, with the
/// prefix `post-`; `state-0`, `state-1` and so on: every global that code can change; and `fuel`, the
/// remaining fuel (see `meter`).
///
/// # Panics
/// If the component is not what the guest's build makes.
pub fn flatten(component: &[u8]) -> Vec<u8> {
    let component = Component::parse(component);
    let reach = Reach::of(&component);
    let mut numbers = Numbers::default();
    // Imported functions have the lowest indices.
    numbers.import_refill();
    for (instance, module) in component.instances() {
        numbers.import(&component, instance, module);
    }
    let host_functions = numbers.functions();
    for (instance, module) in component.instances() {
        numbers.define(&component, instance, module, &reach);
    }

    // The metering's global and function have the highest indices.
    let meter = Meter { fuel: numbers.globals(), refill: numbers.functions(), host_functions };
    let frames = Frames::of(&component, &reach);
    let mut sections = Sections::default();
    sections.span_memory(&component);
    for (instance, module) in component.instances() {
        let view = &mut View::new(&component, instance, module, &mut numbers);
        sections.add(module, view, meter, |function| frames.padding((instance, function)));
    }
    sections.finish(&component, &mut numbers, meter)
}
