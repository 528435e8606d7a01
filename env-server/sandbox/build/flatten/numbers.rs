//! The indices of everything in the merged module.
//!
//! The instances are appended one after the other: what an instance defines gets the next free indices, and
//! what it imports has the index of the definition. A global that no code sets becomes a constant.

use std::collections::HashMap;

use wasmparser::{ExternalKind, FuncType, Operator, ValType};

use super::component::{Component, Defined, Found, HostFunction};
use super::module::{Module, VALID};
use super::reach::Reach;

/// The host's function that provides fuel.
const REFILL: HostFunction<'_> = ("$root", "refill");

/// The indices in the merged module.
#[derive(Default)]
pub struct Numbers<'a> {
    types: HashMap<FuncType, u32>,
    /// The types in the order of their indices.
    type_list: Vec<FuncType>,
    host: HashMap<HostFunction<'a>, u32>,
    /// The host's functions in the order of their indices, each with the index of its type.
    host_list: Vec<(HostFunction<'a>, u32)>,
    functions: HashMap<Defined, u32>,
    tables: HashMap<Defined, u32>,
    memories: HashMap<Defined, u32>,
    globals: HashMap<Defined, Global>,
    /// The number of globals that are not constants.
    global_count: u32,
}

/// What a global becomes.
#[derive(Clone, Copy)]
pub enum Global {
    /// The global with an index.
    At(u32),
    I32(i32),
    I64(i64),
}

impl<'a> Numbers<'a> {
    /// The index of a type, which is added if it is new.
    pub fn type_index(&mut self, ty: &FuncType) -> u32 {
        if let Some(index) = self.types.get(ty) {
            return *index;
        }
        let index = count(&self.type_list);
        self.types.insert(ty.clone(), index);
        self.type_list.push(ty.clone());
        index
    }

    /// Assigns an index to the host's function that provides fuel.
    pub fn import_refill(&mut self) {
        self.import_host(REFILL, &FuncType::new([ValType::I64], [ValType::I64]));
    }

    /// Assigns indices to the host's functions that a module imports.
    pub fn import(&mut self, component: &Component<'a>, instance: usize, module: &Module<'a>) {
        for (index, ty) in module.imported_functions() {
            if let Found::Host(function) = component.inside(instance, ExternalKind::Func, index) {
                self.import_host(function, &module.types[ty as usize]);
            }
        }
    }

    fn import_host(&mut self, function: HostFunction<'a>, ty: &FuncType) {
        if !self.host.contains_key(&function) {
            let ty = self.type_index(ty);
            self.host.insert(function, count(&self.host_list));
            self.host_list.push((function, ty));
        }
    }

    /// The types in the order of their indices.
    pub fn types(&self) -> &[FuncType] {
        &self.type_list
    }

    /// The host's functions in the order of their indices, each with the index of its type.
    pub fn host_functions(&self) -> &[(HostFunction<'a>, u32)] {
        &self.host_list
    }

    /// The number of functions, imported ones included.
    pub fn functions(&self) -> u32 {
        count(&self.host_list) + self.functions.len() as u32
    }

    /// The number of globals.
    pub fn globals(&self) -> u32 {
        self.global_count
    }

    /// Assigns indices to what a module defines.
    pub fn define(&mut self, component: &Component<'a>, instance: usize, module: &Module<'a>, reach: &Reach) {
        let defined = |kind, length: usize| {
            let first = module.imported(kind);
            (first..).take(length).map(move |index| (instance, index))
        };
        for function in defined(ExternalKind::Func, module.functions.len()) {
            if !reach.functions.contains(&function) {
                continue;
            }
            self.functions.insert(function, self.functions());
        }
        for table in defined(ExternalKind::Table, module.tables.len()) {
            self.tables.insert(table, self.tables.len() as u32);
        }
        for memory in defined(ExternalKind::Memory, module.memories.len()) {
            self.memories.insert(memory, self.memories.len() as u32);
        }
        for (at, global) in defined(ExternalKind::Global, module.globals.len()).zip(&module.globals) {
            let constant =
                self.constant(component, instance, global).filter(|_| !reach.changed.contains(&at));
            let number = constant.unwrap_or_else(|| {
                self.global_count += 1;
                Global::At(self.global_count - 1)
            });
            self.globals.insert(at, number);
        }
    }

    /// The initial value of a global, if it can be computed here.
    fn constant(
        &self,
        component: &Component<'a>,
        instance: usize,
        global: &wasmparser::Global<'a>,
    ) -> Option<Global> {
        let mut stack = Vec::new();
        for operator in global.init_expr.get_operators_reader() {
            let value = match operator.expect(VALID) {
                Operator::I32Const { value } => Global::I32(value),
                Operator::I64Const { value } => Global::I64(value),
                Operator::GlobalGet { global_index } => {
                    match component.inside(instance, ExternalKind::Global, global_index) {
                        Found::Defined(other) => *self.globals.get(&other)?,
                        Found::Host(_) => return None,
                    }
                }
                Operator::I32Add => match (stack.pop()?, stack.pop()?) {
                    (Global::I32(one), Global::I32(other)) => Global::I32(one.wrapping_add(other)),
                    _ => return None,
                },
                Operator::End => break,
                _ => return None,
            };
            stack.push(value);
        }
        stack.pop().filter(|value| !matches!(value, Global::At(_)))
    }

    /// The index of a function; `None` if it cannot be called.
    pub fn function(&self, found: Found<'a>) -> Option<u32> {
        match found {
            Found::Host(function) => self.host.get(&function).copied(),
            Found::Defined(at) => self.functions.get(&at).copied(),
        }
    }

    /// The index of the host's function that provides fuel.
    pub fn refill(&self) -> u32 {
        self.host[&REFILL]
    }

    /// The index of a table.
    pub fn table(&self, at: Defined) -> u32 {
        self.tables[&at]
    }

    /// The index of a memory.
    pub fn memory(&self, at: Defined) -> u32 {
        self.memories[&at]
    }

    /// What a global becomes.
    pub fn global(&self, at: Defined) -> Global {
        self.globals[&at]
    }
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).expect("an index has 32 bits")
}
