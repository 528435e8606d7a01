//! The component: its modules, how they are instantiated and linked, and what it exports.

use std::collections::HashMap;

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentTypeRef,
    ExternalKind, Instance as RawInstance, Parser, Payload,
};

use super::module::{self, Module, VALID};

/// A component whose only instances are of core modules.
#[derive(Default)]
pub struct Component<'a> {
    modules: Vec<Module<'a>>,
    instances: Vec<Instance<'a>>,
    /// The functions that it exports.
    pub exports: Vec<Export<'a>>,
    // The index spaces of core things.
    functions: Vec<Function<'a>>,
    tables: Vec<InstanceExport<'a>>,
    memories: Vec<InstanceExport<'a>>,
    globals: Vec<InstanceExport<'a>>,
    // And those of the component's own things.
    interfaces: Vec<Option<&'a str>>,
    component_functions: Vec<ComponentFunction<'a>>,
}

/// A core instance.
enum Instance<'a> {
    /// Of a module, which imports from other instances by their names for it.
    Of { module: usize, arguments: HashMap<&'a str, usize> },
    /// A bag of things that other instances export.
    Bag(HashMap<&'a str, (ExternalKind, u32)>),
}

type InstanceExport<'a> = (usize, &'a str);

/// A core function at the component's level.
#[derive(Clone, Copy)]
enum Function<'a> {
    Export(InstanceExport<'a>),
    Host(HostFunction<'a>),
}

/// A function that the host gives: its interface, without the version, and its name.
pub type HostFunction<'a> = (&'a str, &'a str);

/// Something that an instance of a module defines: the instance, and the index inside it.
pub type Defined = (usize, u32);

/// A core function, table, memory or global, found.
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

/// A function that the component exports, and those that allocate its arguments and free its results.
#[derive(Clone, Copy)]
pub struct Export<'a> {
    pub name: &'a str,
    pub function: u32,
    pub realloc: Option<u32>,
    pub post_return: Option<u32>,
}

/// The interface of what belongs to none.
const ROOT: &str = "$root";

impl<'a> Component<'a> {
    /// Reads a component.
    pub fn parse(bytes: &'a [u8]) -> Component<'a> {
        let mut component = Component::default();
        // How many modules and components deep the parser is.
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
            // A component inside only gives the exports their names.
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

    /// The instances of modules, in order: each by its index, and the module.
    pub fn instances(&self) -> impl Iterator<Item = (usize, &Module<'a>)> {
        self.instances.iter().enumerate().filter_map(|(index, instance)| match instance {
            Instance::Of { module, .. } => Some((index, &self.modules[*module])),
            Instance::Bag(_) => None,
        })
    }

    /// The module of an instance that has one.
    pub fn module(&self, instance: usize) -> &Module<'a> {
        match &self.instances[instance] {
            Instance::Of { module, .. } => &self.modules[*module],
            Instance::Bag(_) => panic!("a bag has no module"),
        }
    }

    /// What stands at an index of the component's core things.
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

    /// What an instance exports under a name.
    fn export(&self, instance: usize, name: &str) -> Found<'a> {
        match &self.instances[instance] {
            Instance::Bag(things) => {
                let (kind, index) = things[name];
                self.core(kind, index)
            }
            Instance::Of { module, .. } => {
                let (kind, index) = self.modules[*module].exports[name];
                self.inside(instance, kind, index)
            }
        }
    }

    /// What stands at an index inside an instance of a module.
    pub fn inside(&self, instance: usize, kind: ExternalKind, index: u32) -> Found<'a> {
        let Instance::Of { arguments, .. } = &self.instances[instance] else {
            panic!("a bag has nothing inside");
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
        RawInstance::Instantiate { module_index, args } => Instance::Of {
            module: module_index as usize,
            arguments: args.iter().map(|argument| (argument.name, argument.index as usize)).collect(),
        },
        RawInstance::FromExports(exports) => {
            Instance::Bag(exports.iter().map(|export| (export.name, (export.kind, export.index))).collect())
        }
    }
}

fn unversioned(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}
