//! Reachability: the functions that can be called from exports and tables, and the globals that they set.

use std::collections::HashSet;

use wasmparser::{ElementItems, ExternalKind, Operator};

use super::component::{Component, Defined, Found};
use super::module::{Module, VALID};

/// The reachable parts of a component.
pub struct Reach {
    pub functions: HashSet<Defined>,
    /// The globals that these functions set.
    pub changed: HashSet<Defined>,
}

impl Reach {
    /// Follows every call, starting from exports and tables.
    pub fn of(component: &Component<'_>) -> Reach {
        let mut reach = Reach { functions: HashSet::new(), changed: HashSet::new() };
        let mut pending = Vec::new();
        for export in &component.exports {
            let functions = [Some(export.function), export.realloc, export.post_return];
            for function in functions.into_iter().flatten() {
                pending.extend(defined(component.core(ExternalKind::Func, function)));
            }
        }
        for (instance, module) in component.instances() {
            for function in in_tables(module) {
                pending.extend(defined(component.inside(instance, ExternalKind::Func, function)));
            }
        }
        while let Some((instance, function)) = pending.pop() {
            if !reach.functions.insert((instance, function)) {
                continue;
            }
            let module = component.module(instance);
            let body = &module.bodies[(function - module.imported(ExternalKind::Func)) as usize];
            let inside = |kind, index| defined(component.inside(instance, kind, index));
            for operator in body.get_operators_reader().expect(VALID) {
                match operator.expect(VALID) {
                    Operator::Call { function_index }
                    | Operator::ReturnCall { function_index }
                    | Operator::RefFunc { function_index } => {
                        pending.extend(inside(ExternalKind::Func, function_index));
                    }
                    Operator::GlobalSet { global_index } => {
                        reach.changed.extend(inside(ExternalKind::Global, global_index));
                    }
                    _ => {}
                }
            }
        }
        reach
    }
}

fn defined(found: Found<'_>) -> Option<Defined> {
    match found {
        Found::Defined(at) => Some(at),
        Found::Host(_) => None,
    }
}

/// The functions that a module's element segments put into tables.
fn in_tables(module: &Module<'_>) -> Vec<u32> {
    let functions = |items: &ElementItems<'_>| match items.clone() {
        ElementItems::Functions(functions) => {
            functions.into_iter().collect::<Result<Vec<_>, _>>().expect(VALID)
        }
        ElementItems::Expressions(..) => panic!("tables are filled with function indices here"),
    };
    module.elements.iter().flat_map(|element| functions(&element.items)).collect()
}
