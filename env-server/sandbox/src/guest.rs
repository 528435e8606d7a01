//! The guest: its code, and what it exports.

use wasmtime::{
    AsContextMut, Global, Instance, Memory, Module, ModuleExport, TypedFunc, WasmParams, WasmResults,
};

use crate::abi::{Access, Bytes, Malformed, Record};
use crate::fuel::Tank;
use crate::state::State;
use crate::tool::Tool;

/// CPython with the guest's own code, already initialised: see `guest/` and `build/`.
pub static MODULE: &[u8] = include_bytes!(env!("GUEST_MODULE"));

/// The SHA-256 of [`MODULE`] in hexadecimal.
pub const MODULE_SHA256: &str = env!("GUEST_MODULE_SHA256");

/// What the guest answers to a block: the `reply` of `guest/wit/python.wit`, where its fields are described.
#[derive(Debug)]
pub struct Reply {
    pub failure: Option<Failure>,
    pub globals: Vec<String>,
    pub definitions: Vec<Definition>,
}

/// A block's failure.
#[derive(Debug)]
pub struct Failure {
    pub syntax: bool,
    pub type_name: String,
    pub text: String,
}

/// A name that a block bound.
#[derive(Debug)]
pub struct Definition {
    pub name: String,
    pub digest: String,
}

/// Where the guest's exports are in its module.
pub struct Exports {
    memory: ModuleExport,
    fuel: ModuleExport,
    realloc: ModuleExport,
    version: ModuleExport,
    start: ModuleExport,
    post_start: ModuleExport,
    run: ModuleExport,
    post_run: ModuleExport,
    variables: Vec<ModuleExport>,
}

impl Exports {
    /// Finds them.
    pub fn of(module: &Module) -> wasmtime::Result<Exports> {
        let export = |name: &str| {
            module.get_export_index(name).ok_or_else(|| wasmtime::format_err!("the guest lacks `{name}`"))
        };
        Ok(Exports {
            memory: export("memory")?,
            fuel: export("fuel")?,
            realloc: export("realloc")?,
            version: export("version")?,
            start: export("start")?,
            post_start: export("post-start")?,
            run: export("run")?,
            post_run: export("post-run")?,
            variables: (0..).map_while(|at| module.get_export_index(&format!("state-{at}"))).collect(),
        })
    }
}

/// One instance of the guest. Its state is its memory and its variables, and nothing else.
#[derive(Clone)]
pub struct Python {
    pub access: Access,
    pub variables: Vec<Global>,
    version: TypedFunc<(), u32>,
    start: TypedFunc<(u64, u32, u32, u32), ()>,
    post_start: TypedFunc<(), ()>,
    run: TypedFunc<(u32, u32), u32>,
    post_run: TypedFunc<u32, ()>,
}

impl Python {
    /// The exports of a new instance.
    pub fn new(
        exports: &Exports,
        instance: Instance,
        store: &mut impl AsContextMut<Data = State>,
    ) -> wasmtime::Result<Python> {
        let memory = instance.get_module_export(&mut *store, &exports.memory);
        let memory: Option<Memory> = memory.and_then(wasmtime::Extern::into_memory);
        let mut global = |export: &ModuleExport| {
            let export = instance.get_module_export(&mut *store, export);
            export.and_then(wasmtime::Extern::into_global).ok_or(Malformed)
        };
        let fuel = Tank(global(&exports.fuel)?);
        let variables = exports.variables.iter().map(global).collect::<Result<_, _>>()?;
        let realloc = typed(instance, store, &exports.realloc)?;
        Ok(Python {
            access: Access { memory: memory.ok_or(Malformed)?, realloc, fuel },
            variables,
            version: typed(instance, store, &exports.version)?,
            start: typed(instance, store, &exports.start)?,
            post_start: typed(instance, store, &exports.post_start)?,
            run: typed(instance, store, &exports.run)?,
            post_run: typed(instance, store, &exports.post_run)?,
        })
    }

    /// The version of Python. The instance cannot be used afterwards.
    pub async fn version(&self, store: &mut impl AsContextMut<Data = State>) -> wasmtime::Result<String> {
        let at = self.version.call_async(&mut *store, ()).await?;
        Ok(Bytes(self.access.memory.data(&*store)).text_at(at)?.to_owned())
    }

    /// Makes it ready for its first block.
    pub async fn start(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        seed: u64,
        tools: &[Tool],
        record_definitions: bool,
    ) -> wasmtime::Result<()> {
        let mut list = Record::default();
        for tool in tools {
            let name = self.access.text(store, &tool.name).await?;
            let mut parameters = Record::default();
            for parameter in &tool.parameters {
                parameters = parameters.pointer(self.access.text(store, parameter).await?);
            }
            let parameters = (self.access.record(store, &parameters).await?, tool.parameters.len() as u32);
            let doc = self.access.text(store, &tool.doc).await?;
            list = list.pointer(name).pointer(parameters).pointer(doc);
        }
        let list = self.access.record(store, &list).await?;
        let arguments = (seed, list, tools.len() as u32, u32::from(record_definitions));
        self.start.call_async(&mut *store, arguments).await?;
        // Each call leaves something on the guest's stack, which what is to be called after it takes away.
        self.post_start.call_async(store, ()).await
    }

    /// Runs one block.
    pub async fn run(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        code: &str,
    ) -> wasmtime::Result<Reply> {
        let code = self.access.text(store, code).await?;
        let at = self.run.call_async(&mut *store, code).await?;
        let reply = reply(Bytes(self.access.memory.data(&*store)), at)?;
        self.post_run.call_async(store, at).await?;
        Ok(reply)
    }
}

fn typed<P: WasmParams, R: WasmResults>(
    instance: Instance,
    store: &mut impl AsContextMut<Data = State>,
    export: &ModuleExport,
) -> wasmtime::Result<TypedFunc<P, R>> {
    let function = instance.get_module_export(&mut *store, export).and_then(wasmtime::Extern::into_func);
    function.ok_or(Malformed)?.typed(store)
}

fn reply(memory: Bytes<'_>, at: u32) -> Result<Reply, Malformed> {
    let failure = match memory.byte(at)? {
        0 => None,
        _ => Some(Failure {
            syntax: memory.byte(at + 4)? == 0,
            type_name: memory.text_at(at + 8)?.to_owned(),
            text: memory.text_at(at + 16)?.to_owned(),
        }),
    };
    let globals = memory.list_at(at + 24, 8)?.map(|at| Ok(memory.text_at(at)?.to_owned()));
    let definitions = memory.list_at(at + 32, 16)?.map(|at| {
        Ok(Definition { name: memory.text_at(at)?.to_owned(), digest: memory.text_at(at + 8)?.to_owned() })
    });
    Ok(Reply {
        failure,
        globals: globals.collect::<Result<_, _>>()?,
        definitions: definitions.collect::<Result<_, _>>()?,
    })
}
