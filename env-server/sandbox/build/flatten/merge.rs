//! All core instances as one module.
//!
//! What each instance defines goes behind what the instances before it define; what it imports is replaced by what
//! that stands for. Functions that nothing leads to go, among them those that pre-initialisation needed; a global
//! that nothing sets becomes a constant.

use std::collections::HashMap;
use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, DataCountSection, DataSection, ElementSection, EntityType, ExportKind, ExportSection,
    FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, MemorySection, NameMap,
    NameSection, TableSection, TypeSection,
};
use wasmparser::{ExternalKind, FuncType, Operator, ValType};

use super::component::{Component, Defined, Found, HostFunction};
use super::meter::Meter;
use super::module::{Module, VALID};
use super::reach::Reach;

/// The whole component as one module.
pub fn merge(component: &Component<'_>) -> Vec<u8> {
    let reach = Reach::of(component);
    let mut numbers = Numbers::default();
    // Imported functions come before all that are defined.
    numbers.import_host(REFILL, &FuncType::new([ValType::I64], [ValType::I64]));
    for (instance, module) in component.instances() {
        numbers.import(component, instance, module);
    }
    for (instance, module) in component.instances() {
        numbers.define(component, instance, module, &reach);
    }

    // Behind all others.
    let meter = Meter { fuel: numbers.globals_kept, refill: numbers.functions() };
    let mut sections = Sections::default();
    sections.span_memory(component);
    for (instance, module) in component.instances() {
        sections.add(module, &mut View::new(component, instance, module, &mut numbers), meter);
    }
    sections.finish(component, &mut numbers, meter)
}

/// The host's function that gives fuel.
const REFILL: HostFunction<'_> = ("$root", "refill");

/// The indices in the merged module.
#[derive(Default)]
struct Numbers<'a> {
    types: HashMap<FuncType, u32>,
    /// The types in order.
    type_list: Vec<FuncType>,
    host: HashMap<HostFunction<'a>, u32>,
    /// The host's functions in order, and their types.
    host_list: Vec<(HostFunction<'a>, u32)>,
    functions: HashMap<Defined, u32>,
    tables: HashMap<Defined, u32>,
    memories: HashMap<Defined, u32>,
    globals: HashMap<Defined, Global>,
    globals_kept: u32,
}

/// A global's index, or the number that it always is.
#[derive(Clone, Copy)]
enum Global {
    At(u32),
    I32(i32),
    I64(i64),
}

impl<'a> Numbers<'a> {
    fn ty(&mut self, ty: &FuncType) -> u32 {
        if let Some(index) = self.types.get(ty) {
            return *index;
        }
        let index = count(&self.type_list);
        self.types.insert(ty.clone(), index);
        self.type_list.push(ty.clone());
        index
    }

    /// Numbers the host's functions that a module imports.
    fn import(&mut self, component: &Component<'a>, instance: usize, module: &Module<'a>) {
        for (index, ty) in module.imported_functions() {
            if let Found::Host(function) = component.inside(instance, ExternalKind::Func, index) {
                self.import_host(function, &module.types[ty as usize]);
            }
        }
    }

    fn import_host(&mut self, function: HostFunction<'a>, ty: &FuncType) {
        if !self.host.contains_key(&function) {
            let ty = self.ty(ty);
            self.host.insert(function, count(&self.host_list));
            self.host_list.push((function, ty));
        }
    }

    /// How many functions have a number.
    fn functions(&self) -> u32 {
        count(&self.host_list) + self.functions.len() as u32
    }

    /// Numbers what a module defines.
    fn define(&mut self, component: &Component<'a>, instance: usize, module: &Module<'a>, reach: &Reach) {
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
                self.globals_kept += 1;
                Global::At(self.globals_kept - 1)
            });
            self.globals.insert(at, number);
        }
    }

    /// The number that a global starts with, if it is one.
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

    /// A function's index, if anything leads to it.
    fn function(&self, found: Found<'a>) -> Option<u32> {
        match found {
            Found::Host(function) => self.host.get(&function).copied(),
            Found::Defined(at) => self.functions.get(&at).copied(),
        }
    }
}

/// An instance's own indices, and what they are in the merged module.
pub struct View {
    types: Vec<u32>,
    functions: Vec<Option<u32>>,
    tables: Vec<u32>,
    memories: Vec<u32>,
    globals: Vec<Global>,
}

impl View {
    fn new<'a>(
        component: &Component<'a>,
        instance: usize,
        module: &Module<'a>,
        numbers: &mut Numbers<'a>,
    ) -> View {
        let types = module.types.iter().map(|ty| numbers.ty(ty)).collect();
        let numbers = &*numbers;
        let of = |kind, defined: usize| {
            let all = module.imported(kind) + defined as u32;
            (0..all).map(move |index| component.inside(instance, kind, index))
        };
        let defined = |found| match found {
            Found::Defined(at) => at,
            Found::Host(function) => panic!("the host gives only functions, not {function:?}"),
        };
        View {
            types,
            functions: of(ExternalKind::Func, module.functions.len())
                .map(|found| numbers.function(found))
                .collect(),
            tables: of(ExternalKind::Table, module.tables.len())
                .map(|found| numbers.tables[&defined(found)])
                .collect(),
            memories: of(ExternalKind::Memory, module.memories.len())
                .map(|found| numbers.memories[&defined(found)])
                .collect(),
            globals: of(ExternalKind::Global, module.globals.len())
                .map(|found| numbers.globals[&defined(found)])
                .collect(),
        }
    }
}

type Result<T> = std::result::Result<T, Error<Infallible>>;

impl Reencode for View {
    type Error = Infallible;

    fn type_index(&mut self, ty: u32) -> Result<u32> {
        Ok(self.types[ty as usize])
    }

    fn function_index(&mut self, function: u32) -> Result<u32> {
        Ok(self.functions[function as usize].expect("what leads to it is left out too"))
    }

    fn table_index(&mut self, table: u32) -> Result<u32> {
        Ok(self.tables[table as usize])
    }

    fn memory_index(&mut self, memory: u32) -> Result<u32> {
        Ok(self.memories[memory as usize])
    }

    fn global_index(&mut self, global: u32) -> Result<u32> {
        match self.globals[global as usize] {
            Global::At(index) => Ok(index),
            Global::I32(_) | Global::I64(_) => panic!("code that sets a global makes it stay one"),
        }
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>> {
        match operator {
            // They would be state that copying an interpreter's memory leaves out.
            Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
            | Operator::ElemDrop { .. }
            | Operator::MemoryInit { .. }
            | Operator::DataDrop { .. } => {
                panic!("code that changes more than memory and globals: {operator:?}")
            }
            Operator::GlobalGet { global_index } => Ok(match self.globals[global_index as usize] {
                Global::At(index) => Instruction::GlobalGet(index),
                Global::I32(value) => Instruction::I32Const(value),
                Global::I64(value) => Instruction::I64Const(value),
            }),
            operator => utils::instruction(self, operator),
        }
    }

    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Result<wasm_encoder::ConstExpr> {
        let mut bytes = Vec::new();
        for operator in expression.get_operators_reader() {
            let operator = operator.expect(VALID);
            if !matches!(operator, Operator::End) {
                use wasm_encoder::Encode;
                self.instruction(operator)?.encode(&mut bytes);
            }
        }
        Ok(wasm_encoder::ConstExpr::raw(bytes))
    }
}

/// The merged module's sections, while they grow.
#[derive(Default)]
struct Sections {
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    /// Which of the globals code can change.
    variables: Vec<u32>,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
    names: NameMap,
}

impl Sections {
    /// A byte that is not zero in the first page of memory and one in the last: so wasmtime makes one image of the
    /// whole memory. An image of the middle alone would cost each instance two more of the mappings that the kernel
    /// gives a process. The first page is the deep end of the guest's stack, in which nobody expects zeros; the
    /// last belongs to no object that was there when the snapshot was taken.
    fn span_memory(&mut self, component: &Component<'_>) {
        const PAGE_BYTES: u64 = 4096;
        let memory = component.instances().find_map(|(_, module)| module.memories.first());
        let bytes = memory.expect("there is a memory").initial << 16;
        for end in [PAGE_BYTES, bytes] {
            let place = wasm_encoder::ConstExpr::i32_const(end as i32 - 1);
            self.data.active(0, &place, [1]);
        }
    }

    fn add(&mut self, module: &Module<'_>, view: &mut View, meter: Meter) {
        let first = module.imported(ExternalKind::Func) as usize;
        let reached: Vec<_> = view.functions[first..].iter().map(Option::is_some).collect();
        for ((ty, body), _) in
            module.functions.iter().zip(&module.bodies).zip(reached).filter(|(_, reached)| *reached)
        {
            self.functions.function(view.types[*ty as usize]);
            let parameters = module.types[*ty as usize].params().len() as u32;
            meter.add(&mut self.code, view, parameters, body);
        }
        for index in first as u32..view.functions.len() as u32 {
            if let (Some(name), Some(number)) = (module.names.get(&index), view.functions[index as usize]) {
                self.names.append(number, name);
            }
        }
        for table in &module.tables {
            utils::parse_table(view, &mut self.tables, table.clone()).expect(VALID);
        }
        for memory in &module.memories {
            self.memories.memory(view.memory_type(*memory).expect(VALID));
        }
        let first = module.imported(ExternalKind::Global) as usize;
        for (global, place) in module.globals.iter().zip(view.globals[first..].to_vec()) {
            if let Global::At(index) = place {
                self.variables.extend(global.ty.mutable.then_some(index));
                utils::parse_global(view, &mut self.globals, global.clone()).expect(VALID);
            }
        }
        for element in &module.elements {
            utils::parse_element(view, &mut self.elements, element.clone()).expect(VALID);
        }
        for data in &module.data {
            utils::parse_data(view, &mut self.data, data.clone()).expect(VALID);
        }
    }

    fn finish(mut self, component: &Component<'_>, numbers: &mut Numbers<'_>, meter: Meter) -> Vec<u8> {
        self.functions.function(numbers.ty(&FuncType::new([], [])));
        self.code.function(&meter.refill_body(numbers.host[&REFILL]));
        let fuel = GlobalType { val_type: wasm_encoder::ValType::I64, mutable: true, shared: false };
        self.globals.global(fuel, &wasm_encoder::ConstExpr::i64_const(0));

        let mut types = TypeSection::new();
        for ty in &numbers.type_list {
            let ty =
                utils::func_type(&mut wasm_encoder::reencode::RoundtripReencoder, ty.clone()).expect(VALID);
            types.ty().func_type(&ty);
        }
        let mut imports = ImportSection::new();
        for ((interface, name), ty) in &numbers.host_list {
            imports.import(interface, name, EntityType::Function(*ty));
        }

        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("fuel", ExportKind::Global, meter.fuel);
        let mut function = |name: &str, index| {
            let number =
                numbers.function(component.core(ExternalKind::Func, index)).expect("exports lead to it");
            exports.export(name, ExportKind::Func, number);
        };
        for export in &component.exports {
            function(export.name, export.function);
            if let Some(post_return) = export.post_return {
                function(&format!("post-{}", export.name), post_return);
            }
        }
        // One allocator serves all exports.
        let realloc = component.exports.iter().find_map(|export| export.realloc).expect("exports take text");
        function("realloc", realloc);
        for (at, variable) in self.variables.iter().enumerate() {
            exports.export(&format!("state-{at}"), ExportKind::Global, *variable);
        }

        let mut module = wasm_encoder::Module::new();
        module.section(&types).section(&imports).section(&self.functions).section(&self.tables);
        module.section(&self.memories).section(&self.globals).section(&exports).section(&self.elements);
        module.section(&DataCountSection { count: self.data.len() }).section(&self.code).section(&self.data);
        let mut names = NameSection::new();
        names.functions(&self.names);
        module.section(&names);
        module.finish()
    }
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).expect("an index has 32 bits")
}
