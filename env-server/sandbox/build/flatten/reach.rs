//! What can run: the functions that exports and tables lead to, and what they change.

use std::collections::HashSet;

use wasmparser::{ElementItems, ExternalKind, Operator};

use super::component::{Component, Defined, Found};
use super::module::{Module, VALID};

/// What can be reached.
pub struct Reach {
    pub functions: HashSet<Defined>,
    /// The globals that those functions set.
    pub changed: HashSet<Defined>,
}

impl Reach {
    /// Follows every call.
    pub fn of(component: &Component<'_>) -> Reach {
        let mut reach = Reach { functions: HashSet::new(), changed: HashSet::new() };
        let mut left = Vec::new();
        for export in &component.exports {
            let functions = [Some(export.function), export.realloc, export.post_return];
            for function in functions.into_iter().flatten() {
                left.extend(defined(component.core(ExternalKind::Func, function)));
            }
        }
        for (instance, module) in component.instances() {
            for function in in_tables(module) {
                left.extend(defined(component.inside(instance, ExternalKind::Func, function)));
            }
        }
        while let Some((instance, function)) = left.pop() {
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
                        left.extend(inside(ExternalKind::Func, function_index));
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

/// The functions that a module puts into tables.
fn in_tables(module: &Module<'_>) -> Vec<u32> {
    let functions = |items: &ElementItems<'_>| match items.clone() {
        ElementItems::Functions(functions) => {
            functions.into_iter().collect::<Result<Vec<_>, _>>().expect(VALID)
        }
        ElementItems::Expressions(..) => panic!("tables are filled by functions' names here"),
    };
    module.elements.iter().flat_map(|element| functions(&element.items)).collect()
}
