//! Translates the indices of one instance to those of the merged module.

use std::convert::Infallible;

use wasm_encoder::Instruction;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasmparser::{ExternalKind, Operator};

use super::component::{Component, Found};
use super::module::{Module, VALID};
use super::numbers::{Global, Numbers};

/// For each index space of one instance, the corresponding indices in the merged module.
pub struct View {
    pub types: Vec<u32>,
    /// `None` is a function that cannot be called.
    pub functions: Vec<Option<u32>>,
    tables: Vec<u32>,
    memories: Vec<u32>,
    pub globals: Vec<Global>,
}

impl View {
    /// The indices of an instance of `module`.
    pub fn new<'a>(
        component: &Component<'a>,
        instance: usize,
        module: &Module<'a>,
        numbers: &mut Numbers<'a>,
    ) -> View {
        let types = module.types.iter().map(|ty| numbers.type_index(ty)).collect();
        let numbers = &*numbers;
        let of = |kind, defined: usize| {
            let all = module.imported(kind) + defined as u32;
            (0..all).map(move |index| component.inside(instance, kind, index))
        };
        let defined = |found| match found {
            Found::Defined(at) => at,
            Found::Host(function) => panic!("the host provides only functions, not {function:?}"),
        };
        View {
            types,
            functions: of(ExternalKind::Func, module.functions.len())
                .map(|found| numbers.function(found))
                .collect(),
            tables: of(ExternalKind::Table, module.tables.len())
                .map(|found| numbers.table(defined(found)))
                .collect(),
            memories: of(ExternalKind::Memory, module.memories.len())
                .map(|found| numbers.memory(defined(found)))
                .collect(),
            globals: of(ExternalKind::Global, module.globals.len())
                .map(|found| numbers.global(defined(found)))
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
        Ok(self.functions[function as usize].expect("its callers are left out too"))
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
            Global::I32(_) | Global::I64(_) => panic!("a global that code sets is no constant"),
        }
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>> {
        match operator {
            // A copy of an interpreter contains only its memory and its globals.
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
