//! A core module of the component.

use std::collections::HashMap;

use wasmparser::{
    Data, Element, ExternalKind, FuncType, FunctionBody, Global, Import, KnownCustom, MemoryType, Name,
    Parser, Payload, Table, TypeRef,
};

/// The sections of a module.
#[derive(Default)]
pub struct Module<'a> {
    pub types: Vec<FuncType>,
    pub imports: Vec<Import<'a>>,
    /// The type of each defined function.
    pub functions: Vec<u32>,
    pub tables: Vec<Table<'a>>,
    pub memories: Vec<MemoryType>,
    pub globals: Vec<Global<'a>>,
    pub exports: HashMap<&'a str, (ExternalKind, u32)>,
    pub elements: Vec<Element<'a>>,
    pub data: Vec<Data<'a>>,
    pub bodies: Vec<FunctionBody<'a>>,
    /// The known names of functions, by index. Profilers show them.
    pub names: HashMap<u32, &'a str>,
}

impl<'a> Module<'a> {
    /// Reads a module.
    pub fn parse(bytes: &'a [u8]) -> Module<'a> {
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(bytes) {
            module.add(payload.expect(VALID));
        }
        module
    }

    /// The number of imports of a kind, which is the index of the first definition of that kind.
    pub fn imported(&self, of: ExternalKind) -> u32 {
        self.imports.iter().filter(|import| kind(import.ty) == of).count() as u32
    }

    /// The imported functions: their indices and types.
    pub fn imported_functions(&self) -> impl Iterator<Item = (u32, u32)> {
        let types = self.imports.iter().filter_map(|import| match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => Some(ty),
            _ => None,
        });
        (0..).zip(types)
    }

    fn add(&mut self, payload: Payload<'a>) {
        match payload {
            Payload::TypeSection(section) => {
                self.types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>().expect(VALID);
            }
            Payload::ImportSection(section) => {
                self.imports = section.into_imports().collect::<Result<_, _>>().expect(VALID);
            }
            Payload::FunctionSection(section) => self.functions = all(section),
            Payload::TableSection(section) => self.tables = all(section),
            Payload::MemorySection(section) => self.memories = all(section),
            Payload::GlobalSection(section) => self.globals = all(section),
            Payload::ExportSection(section) => {
                let exports = all(section).into_iter();
                self.exports = exports.map(|export| (export.name, (export.kind, export.index))).collect();
            }
            Payload::ElementSection(section) => self.elements = all(section),
            Payload::DataSection(section) => self.data = all(section),
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::StartSection { .. } => {
                panic!("a module has a start function: it was not pre-initialised")
            }
            Payload::TagSection(_) => panic!("a module throws exceptions: they are not linked here"),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(names) = section.as_known() else { return };
                for subsection in names {
                    if let Name::Function(names) = subsection.expect(VALID) {
                        let names = names.into_iter().map(|naming| naming.expect(VALID));
                        self.names = names.map(|naming| (naming.index, naming.name)).collect();
                    }
                }
            }
            // Other custom sections are dropped; the remaining payloads carry no content.
            _ => {}
        }
    }
}

/// Why parsing does not fail.
pub const VALID: &str = "componentize-py writes valid components";

fn all<'a, T: wasmparser::FromReader<'a>>(section: wasmparser::SectionLimited<'a, T>) -> Vec<T> {
    section.into_iter().collect::<Result<_, _>>().expect(VALID)
}

/// The kind of an import.
pub fn kind(of: TypeRef) -> ExternalKind {
    match of {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => ExternalKind::Func,
        TypeRef::Table(_) => ExternalKind::Table,
        TypeRef::Memory(_) => ExternalKind::Memory,
        TypeRef::Global(_) => ExternalKind::Global,
        TypeRef::Tag(_) => ExternalKind::Tag,
    }
}
