//! The guest module and typed calls of its exports.

use proto::semantics::Semantics;
use wasmtime::{
    AsContextMut, Global, Instance, Memory, Module, ModuleExport, TypedFunc, WasmParams, WasmResults,
};

use crate::abi::{Access, Bytes, Malformed, Record};
use crate::config::Config;
use crate::fuel::Tank;
use crate::state::State;

/// CPython and the guest's own code, pre-initialised: see `guest/` and `build/`.
pub static MODULE: &[u8] = include_bytes!(env!("GUEST_MODULE"));

/// The SHA-256 of [`MODULE`] in hexadecimal.
pub const MODULE_SHA256: &str = env!("GUEST_MODULE_SHA256");

/// The guest's reply to a block: the record `reply` of `guest/wit/python.wit`, which describes the fields.
#[derive(Debug)]
pub struct Reply {
    pub failure: Option<Failure>,
    pub globals: Vec<String>,
    pub definitions: Vec<Definition>,
}

/// The failure of a block.
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

/// The positions of the guest's exports in its module, so that instances need not look up names.
pub struct Exports {
    memory: ModuleExport,
    fuel: ModuleExport,
    realloc: ModuleExport,
    version: ModuleExport,
    start: ModuleExport,
    post_start: ModuleExport,
    run: ModuleExport,
    post_run: ModuleExport,
    flush: ModuleExport,
    variables: Vec<ModuleExport>,
}

impl Exports {
    /// Looks up the exports of a module.
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
            flush: export("flush")?,
            variables: (0..).map_while(|at| module.get_export_index(&format!("state-{at}"))).collect(),
        })
    }
}

/// The exports of one instance of the guest. The instance's state is its memory and its variables, nothing
/// else.
pub struct Python {
    pub access: Access,
    /// The mutable globals.
    pub variables: Vec<Global>,
    version: TypedFunc<(), u32>,
    start: TypedFunc<(u64, u32, u32, u32, u32), ()>,
    post_start: TypedFunc<(), ()>,
    run: TypedFunc<(u32, u32), u32>,
    post_run: TypedFunc<u32, ()>,
    flush: TypedFunc<(), ()>,
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
            flush: typed(instance, store, &exports.flush)?,
        })
    }

    /// The version of Python. The instance cannot be used afterwards.
    pub async fn version(&self, store: &mut impl AsContextMut<Data = State>) -> wasmtime::Result<String> {
        let at = self.version.call_async(&mut *store, ()).await?;
        Ok(Bytes(self.access.memory.data(&*store)).text_at(at)?.to_owned())
    }

    /// Prepares the interpreter for its first block.
    pub async fn start(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        seed: u64,
        config: &Config,
    ) -> wasmtime::Result<()> {
        let mut list = Record::default();
        for tool in &config.tools {
            let name = self.access.pass_text(store, &tool.name).await?;
            let mut parameters = Record::default();
            for parameter in &tool.parameters {
                parameters = parameters.pointer(self.access.pass_text(store, parameter).await?);
            }
            let parameters = self.access.pass_record(store, &parameters).await?;
            let parameters = (parameters, tool.parameters.len() as u32);
            let doc = self.access.pass_text(store, &tool.doc).await?;
            list = list.pointer(name).pointer(parameters).pointer(doc);
        }
        let list = self.access.pass_record(store, &list).await?;
        let notebook = u32::from(config.semantics == Semantics::Notebook);
        let (count, record_definitions) = (config.tools.len() as u32, u32::from(config.record_definitions));
        let arguments = (seed, notebook, list, count, record_definitions);
        self.start.call_async(&mut *store, arguments).await?;
        // The canonical ABI: a call's post-return function frees what the call left on the guest's stack.
        self.post_start.call_async(store, ()).await
    }

    /// Runs one block. Each text of a failure is cut at `max_text_bytes`.
    pub async fn run(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        code: &str,
        max_text_bytes: usize,
    ) -> wasmtime::Result<Reply> {
        let code = self.access.pass_text(store, code).await?;
        let at = self.run.call_async(&mut *store, code).await?;
        let reply = reply(Bytes(self.access.memory.data(&*store)), at, max_text_bytes)?;
        self.post_run.call_async(store, at).await?;
        Ok(reply)
    }

    /// Writes what is pending in the standard streams of an instance that was stopped. It cannot be used
    /// afterwards.
    pub async fn flush(&self, store: &mut impl AsContextMut<Data = State>) -> wasmtime::Result<()> {
        self.flush.call_async(store, ()).await
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

/// The bound of a reply's names and digests in the host's memory, in bytes. The guest's own code stays below
/// it.
const MAX_LISTED_BYTES: usize = 1 << 20;

/// Reads a reply. The agent's code may have taken over the guest, so sizes are checked before anything is
/// copied.
fn reply(memory: Bytes<'_>, at: u32, max_text_bytes: usize) -> Result<Reply, Malformed> {
    let field = |offset: u32| at.wrapping_add(offset);
    let failure = match memory.byte(at)? {
        0 => None,
        _ => Some(Failure {
            syntax: memory.byte(field(4))? == 0,
            type_name: memory.text_prefix_at(field(8), max_text_bytes)?.to_owned(),
            text: memory.text_prefix_at(field(16), max_text_bytes)?.to_owned(),
        }),
    };
    let mut bytes_left = MAX_LISTED_BYTES;
    let mut text = |at| {
        let bytes = memory.bytes_at(at)?;
        bytes_left = bytes_left.checked_sub(size_of::<String>() + bytes.len()).ok_or(Malformed)?;
        Ok(std::str::from_utf8(bytes).map_err(|_| Malformed)?.to_owned())
    };
    let globals = memory.list_at(field(24), 8)?.map(&mut text).collect::<Result<_, _>>()?;
    let definitions = memory.list_at(field(32), 16)?;
    let definitions =
        definitions.map(|at| Ok(Definition { name: text(at)?, digest: text(at.wrapping_add(8))? }));
    Ok(Reply { failure, globals, definitions: definitions.collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A memory of words, followed by text.
    fn memory(words: &[u32], text: &[u8]) -> Vec<u8> {
        let mut memory: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        memory.extend_from_slice(text);
        memory
    }

    #[test]
    fn a_reply_is_read_as_it_is_laid_out() {
        // A failure, one global, one definition: 10 words, then the lists.
        let at = 10 * 4;
        let words = [1, 0, 60, 4, 64, 6, at, 1, at, 1, 60, 4, 64, 3];
        let mut memory = memory(&words, b"\0\0\0\0nameerr\xc3\xa9x");
        memory[4] = 1;
        let read = reply(Bytes(&memory), 0, 100).unwrap();
        let failure = read.failure.unwrap();
        assert!(!failure.syntax);
        assert_eq!((failure.type_name.as_str(), failure.text.as_str()), ("name", "err\u{e9}x"));
        assert_eq!(read.globals, ["name"]);
        assert_eq!((read.definitions[0].name.as_str(), read.definitions[0].digest.as_str()), ("name", "err"));
        let cut = reply(Bytes(&memory), 0, 4).unwrap().failure.unwrap();
        assert_eq!(cut.text, "err", "a character is not cut");
    }

    #[test]
    fn a_reply_that_repeats_a_text_too_often_is_refused_before_it_is_copied() {
        const TEXT: usize = 100_000;
        let count = 1_000;
        let mut words = vec![0, 0, 0, 0, 0, 0, 40, count, 0, 0];
        words.extend((0..count).flat_map(|_| [40 + 8 * count, TEXT as u32]));
        let memory = memory(&words, &[b'x'; TEXT]);
        assert!(reply(Bytes(&memory), 0, 100).is_err());
    }

    #[test]
    fn a_reply_that_points_outside_is_refused() {
        for words in [
            [1, 0, u32::MAX, 4, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 36, u32::MAX, 0, 0],
            [0, 0, 0, 0, 0, 0, u32::MAX - 3, 1, 0, 0],
        ] {
            assert!(reply(Bytes(&memory(&words, b"")), 0, 100).is_err());
            assert!(reply(Bytes(&memory(&words, b"")), u32::MAX - 2, 100).is_err());
        }
    }
}
