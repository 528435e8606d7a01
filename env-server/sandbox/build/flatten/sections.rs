//! The sections of the merged module.

use wasm_encoder::reencode::{Reencode as _, utils};
use wasm_encoder::{
    CodeSection, DataCountSection, DataSection, ElementSection, EntityType, ExportKind, ExportSection,
    FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection, NameMap, NameSection,
    TableSection, TypeSection,
};
use wasmparser::{ExternalKind, FuncType};

use super::component::Component;
use super::meter::Meter;
use super::module::{Module, VALID};
use super::numbers::{Global, Numbers};
use super::view::View;

/// The sections of the merged module, to which instances are added.
#[derive(Default)]
pub struct Sections {
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    /// The indices of the globals that code can change.
    variables: Vec<u32>,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
    names: NameMap,
}

impl Sections {
    /// Adds a nonzero byte to the first page of memory and to the last, so that wasmtime's image of the
    /// initial memory covers all of it. An image of the middle alone would cost each instance two more memory
    /// maps. The byte in the first page is at the far end of the guest's stack, where no code expects zeros;
    /// the byte in the last page belongs to no object of the snapshot.
    pub fn span_memory(&mut self, component: &Component<'_>) {
        const PAGE_BYTES: u64 = 4096;
        let memory = component.instances().find_map(|(_, module)| module.memories.first());
        let bytes = memory.expect("a module has the memory").initial << 16;
        for end in [PAGE_BYTES, bytes] {
            let address = wasm_encoder::ConstExpr::i32_const(end as i32 - 1);
            self.data.active(0, &address, [1]);
        }
    }

    /// Adds what an instance of `module` defines. Its functions are metered; those that cannot be called are
    /// left out.
    pub fn add(&mut self, module: &Module<'_>, view: &mut View, meter: Meter) {
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
        for (global, number) in module.globals.iter().zip(view.globals[first..].to_vec()) {
            if let Global::At(index) = number {
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

    /// Adds the metering's own parts, imports and exports, and encodes the module.
    pub fn finish(mut self, component: &Component<'_>, numbers: &mut Numbers<'_>, meter: Meter) -> Vec<u8> {
        self.functions.function(numbers.type_index(&FuncType::new([], [])));
        self.code.function(&meter.refill_body(numbers.refill()));
        let fuel = GlobalType { val_type: wasm_encoder::ValType::I64, mutable: true, shared: false };
        self.globals.global(fuel, &wasm_encoder::ConstExpr::i64_const(0));

        let mut types = TypeSection::new();
        for ty in numbers.types() {
            let ty =
                utils::func_type(&mut wasm_encoder::reencode::RoundtripReencoder, ty.clone()).expect(VALID);
            types.ty().func_type(&ty);
        }
        let mut imports = ImportSection::new();
        for ((interface, name), ty) in numbers.host_functions() {
            imports.import(interface, name, EntityType::Function(*ty));
        }

        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("fuel", ExportKind::Global, meter.fuel);
        let mut function = |name: &str, index| {
            let number = numbers
                .function(component.core(ExternalKind::Func, index))
                .expect("exported functions are kept");
            exports.export(name, ExportKind::Func, number);
        };
        for export in &component.exports {
            function(export.name, export.function);
            if let Some(post_return) = export.post_return {
                function(&format!("post-{}", export.name), post_return);
            }
        }
        // One allocator serves all exports.
        let realloc =
            component.exports.iter().find_map(|export| export.realloc).expect("an export takes a text");
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
