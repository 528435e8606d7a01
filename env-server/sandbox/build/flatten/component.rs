//! The component: its modules, their instances, how these are linked, and the exports.

use std::collections::HashMap;

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentTypeRef,
    ExternalKind, Instance as RawInstance, Parser, Payload,
};

use super::module::{self, Module, VALID};

/// A component that instantiates only core modules.
#[derive(Default)]
pub struct Component<'a> {
    modules: Vec<Module<'a>>,
    instances: Vec<Instance<'a>>,
    /// The exported functions.
    pub exports: Vec<Export<'a>>,
    // The core index spaces.
    functions: Vec<Function<'a>>,
    tables: Vec<InstanceExport<'a>>,
    memories: Vec<InstanceExport<'a>>,
    globals: Vec<InstanceExport<'a>>,
    // The component's index spaces.
    interfaces: Vec<Option<&'a str>>,
    component_functions: Vec<ComponentFunction<'a>>,
}

/// A core instance.
enum Instance<'a> {
    /// An instance of a module. `arguments` maps the names that the module imports from to instances.
    OfModule { module: usize, arguments: HashMap<&'a str, usize> },
    /// A group of exports of other instances.
    OfExports(HashMap<&'a str, (ExternalKind, u32)>),
}

/// An instance, and the name of one of its exports.
type InstanceExport<'a> = (usize, &'a str);

/// A core function of the component's index space.
#[derive(Clone, Copy)]
enum Function<'a> {
    Export(InstanceExport<'a>),
    Host(HostFunction<'a>),
}

/// A function of the host: its interface, without the version, and its name.
pub type HostFunction<'a> = (&'a str, &'a str);

/// A definition: the instance of a module, and the index in that instance.
pub type Defined = (usize, u32);

/// What the index of a core function, table, memory or global stands for.
#[derive(Clone, Copy)]
pub enum Found<'a> {
    Host(HostFunction<'a>),
    Defined(Defined),
}

#[derive(Clone, Copy)]
enum ComponentFunction<'a> {
    Imported(HostFunction<'a>),
    Lifted(Export<'a>),
}

/// An exported function, and the functions that allocate its arguments and free its results.
#[derive(Clone, Copy)]
pub struct Export<'a> {
    pub name: &'a str,
    pub function: u32,
    pub realloc: Option<u32>,
    pub post_return: Option<u32>,
}

/// Stands for the interface of functions that belong to the world itself.
const ROOT: &str = "$root";

impl<'a> Component<'a> {
    /// Reads a component.
    pub fn parse(bytes: &'a [u8]) -> Component<'a> {
        let mut component = Component::default();
        // The nesting depth of modules and components.
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.expect(VALID);
            match &payload {
                Payload::Version { .. } => depth += 1,
                Payload::ModuleSection { unchecked_range, .. } => {
                    component.modules.push(Module::parse(&bytes[unchecked_range.clone()]));
                }
                Payload::End(_) => depth -= 1,
                _ if depth == 1 => component.add(payload),
                _ => {}
            }
        }
        component
    }

    fn add(&mut self, payload: Payload<'a>) {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import.expect(VALID);
                    let name = import.name.name;
                    match import.ty {
                        ComponentTypeRef::Instance(_) => self.interfaces.push(Some(unversioned(name))),
                        ComponentTypeRef::Func(_) => {
                            self.component_functions.push(ComponentFunction::Imported((ROOT, name)));
                        }
                        _ => {}
                    }
                }
            }
            // A nested component only renames exports.
            Payload::ComponentInstanceSection(section) => {
                self.interfaces.extend(std::iter::repeat_n(None, section.count() as usize));
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.instances.push(core_instance(instance.expect(VALID)));
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(alias.expect(VALID));
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    self.canonical(function.expect(VALID));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export.expect(VALID);
                    if export.kind != ComponentExternalKind::Func {
                        continue;
                    }
                    let function = self.component_functions[export.index as usize];
                    if let ComponentFunction::Lifted(lifted) = function {
                        self.exports.push(Export { name: export.name.name, ..lifted });
                    }
                    self.component_functions.push(function);
                }
            }
            _ => {}
        }
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) {
        match alias {
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                let export = (instance_index as usize, name);
                match kind {
                    ExternalKind::Func => self.functions.push(Function::Export(export)),
                    ExternalKind::Table => self.tables.push(export),
                    ExternalKind::Memory => self.memories.push(export),
                    ExternalKind::Global => self.globals.push(export),
                    kind => panic!("a {kind:?} is not linked here"),
                }
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Func, instance_index, name } => {
                let interface = self.interfaces[instance_index as usize].expect("it is imported");
                self.component_functions.push(ComponentFunction::Imported((interface, name)));
            }
            _ => {}
        }
    }

    fn canonical(&mut self, function: CanonicalFunction) {
        match function {
            CanonicalFunction::Lower { func_index, .. } => {
                match self.component_functions[func_index as usize] {
                    ComponentFunction::Imported(name) => self.functions.push(Function::Host(name)),
                    ComponentFunction::Lifted(_) => panic!("the component calls itself"),
                }
            }
            CanonicalFunction::ResourceDrop { .. } => {
                self.functions.push(Function::Host((ROOT, "resource-drop")));
            }
            CanonicalFunction::Lift { core_func_index, options, .. } => {
                let find = |wanted: fn(&CanonicalOption) -> Option<u32>| options.iter().find_map(wanted);
                let lifted = Export {
                    name: "",
                    function: core_func_index,
                    realloc: find(|option| match option {
                        CanonicalOption::Realloc(index) => Some(*index),
                        _ => None,
                    }),
                    post_return: find(|option| match option {
                        CanonicalOption::PostReturn(index) => Some(*index),
                        _ => None,
                    }),
                };
                self.component_functions.push(ComponentFunction::Lifted(lifted));
            }
            function => panic!("{function:?} is not linked here"),
        }
    }

    /// The instances of modules in order: their indices and modules.
    pub fn instances(&self) -> impl Iterator<Item = (usize, &Module<'a>)> {
        self.instances.iter().enumerate().filter_map(|(index, instance)| match instance {
            Instance::OfModule { module, .. } => Some((index, &self.modules[*module])),
            Instance::OfExports(_) => None,
        })
    }

    /// The module of an instance.
    pub fn module(&self, instance: usize) -> &Module<'a> {
        match &self.instances[instance] {
            Instance::OfModule { module, .. } => &self.modules[*module],
            Instance::OfExports(_) => panic!("an instance of exports has no module"),
        }
    }

    /// Resolves a core index of the component.
    pub fn core(&self, kind: ExternalKind, index: u32) -> Found<'a> {
        let index = index as usize;
        let (instance, name) = match kind {
            ExternalKind::Func | ExternalKind::FuncExact => match self.functions[index] {
                Function::Host(function) => return Found::Host(function),
                Function::Export(export) => export,
            },
            ExternalKind::Table => self.tables[index],
            ExternalKind::Memory => self.memories[index],
            ExternalKind::Global => self.globals[index],
            ExternalKind::Tag => panic!("tags are not linked here"),
        };
        self.export(instance, name)
    }

    /// Resolves an export of an instance.
    fn export(&self, instance: usize, name: &str) -> Found<'a> {
        match &self.instances[instance] {
            Instance::OfExports(things) => {
                let (kind, index) = things[name];
                self.core(kind, index)
            }
            Instance::OfModule { module, .. } => {
                let (kind, index) = self.modules[*module].exports[name];
                self.inside(instance, kind, index)
            }
        }
    }

    /// Resolves an index within an instance of a module.
    pub fn inside(&self, instance: usize, kind: ExternalKind, index: u32) -> Found<'a> {
        let Instance::OfModule { arguments, .. } = &self.instances[instance] else {
            panic!("an instance of exports has no indices");
        };
        let mut imports =
            self.module(instance).imports.iter().filter(|import| module::kind(import.ty) == kind);
        match imports.nth(index as usize) {
            Some(import) => self.export(arguments[import.module], import.name),
            None => Found::Defined((instance, index)),
        }
    }
}

fn core_instance(instance: RawInstance<'_>) -> Instance<'_> {
    match instance {
        RawInstance::Instantiate { module_index, args } => Instance::OfModule {
            module: module_index as usize,
            arguments: args.iter().map(|argument| (argument.name, argument.index as usize)).collect(),
        },
        RawInstance::FromExports(exports) => Instance::OfExports(
            exports.iter().map(|export| (export.name, (export.kind, export.index))).collect(),
        ),
    }
}

fn unversioned(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}
