//! Keeps the guest's two stacks in step.
//!
//! WebAssembly has two stacks: the machine's, which code cannot see, and the linear one in memory, which holds what
//! has an address. CPython bounds its recursion by the linear stack. Most of its functions put nothing there, so they
//! could recurse until the machine stack overflows, which no code can catch. Therefore every recursion is made to use
//! the linear stack: on each cycle of calls there is a function whose frame has at least [`FRAME_BYTES`] bytes. These
//! are the functions that call through a table, where the callee is not known, and those on the remaining cycles.
//! Then CPython notices in time, and raises `RecursionError` or puts off the freeing of nested objects.

use std::collections::{HashMap, HashSet};

use wasm_encoder::reencode::Reencode as _;
use wasm_encoder::{BlockType, Function, Instruction};
use wasmparser::{ExternalKind, FuncType, FunctionBody, Operator};

use super::component::{Component, Defined, Found};
use super::module::{self, Module, VALID};
use super::reach::Reach;
use super::view::View;

/// The least frame in the linear stack of one function on each cycle: a multiple of 16, the stack's alignment. The
/// linear stack has room for some 32,000 of them (`src/engine.rs` says how large the machine stack is for that).
const FRAME_BYTES: i32 = 32;

/// The functions whose frames are enlarged.
pub struct Frames(HashMap<Defined, Padding>);

/// What is added to the frame of a function.
#[derive(Clone, Copy)]
pub struct Padding {
    /// The stack pointer: the index of the global in the function's module.
    pointer: u32,
    bytes: i32,
}

impl Padding {
    /// The padded frame of a function of type `ty`.
    pub fn frame(self, view: &mut View, ty: &FuncType) -> Frame {
        let result = match ty.results() {
            [] => BlockType::Empty,
            [result] => BlockType::Result(view.val_type(*result).expect(VALID)),
            _ => panic!("a function with several results: its frame is not padded here"),
        };
        Frame { pointer: view.global_index(self.pointer).expect(VALID), bytes: self.bytes, result }
    }
}

/// A padded frame, in the indices of the merged module.
pub struct Frame {
    pointer: u32,
    bytes: i32,
    result: BlockType,
}

impl Frame {
    /// Makes room, and begins a block for the function's body. A return from the body must leave that block.
    pub fn begin(&self, function: &mut Function) {
        self.move_pointer(function, &Instruction::I32Sub);
        function.instruction(&Instruction::Block(self.result));
    }

    /// Ends the block and puts the stack pointer back.
    pub fn end(&self, function: &mut Function) {
        function.instruction(&Instruction::End);
        self.move_pointer(function, &Instruction::I32Add);
    }

    fn move_pointer(&self, function: &mut Function, by: &Instruction<'_>) {
        function
            .instruction(&Instruction::GlobalGet(self.pointer))
            .instruction(&Instruction::I32Const(self.bytes))
            .instruction(by)
            .instruction(&Instruction::GlobalSet(self.pointer));
    }
}

impl Frames {
    /// Finds the functions whose frames must be enlarged.
    pub fn of(component: &Component<'_>, reach: &Reach) -> Frames {
        // All functions with small frames, and what those among them call that call through no table.
        let (mut small, mut callees) = (HashMap::new(), HashMap::new());
        for (instance, module) in component.instances() {
            let Some(pointer) = stack_pointer(module) else { continue };
            for (index, body) in (module.imported(ExternalKind::Func)..).zip(&module.bodies) {
                let at = (instance, index);
                let bytes = FRAME_BYTES - frame_bytes(body, pointer);
                if reach.functions.contains(&at) && bytes > 0 {
                    small.insert(at, Padding { pointer, bytes });
                    callees.extend(known_callees(component, instance, body).map(|callees| (at, callees)));
                }
            }
        }
        let on_cycles = on_cycles(&callees);
        small.retain(|at, _| !callees.contains_key(at) || on_cycles.contains(at));
        Frames(small)
    }

    /// What to add to the frame of a function, if anything.
    pub fn padding(&self, at: Defined) -> Option<Padding> {
        self.0.get(&at).copied()
    }
}

/// The index of the imported global that all modules with the shared linear stack have.
fn stack_pointer(module: &Module<'_>) -> Option<u32> {
    let mut globals = module.imports.iter().filter(|import| module::kind(import.ty) == ExternalKind::Global);
    globals.position(|import| import.name == "__stack_pointer").map(|index| index as u32)
}

/// The size of a function's own frame in the linear stack, as its first instructions set it up; 0 if they do not.
fn frame_bytes(body: &FunctionBody<'_>, pointer: u32) -> i32 {
    let mut start =
        body.get_operators_reader().expect(VALID).into_iter().map(|operator| operator.expect(VALID));
    match (start.next(), start.next(), start.next()) {
        (
            Some(Operator::GlobalGet { global_index }),
            Some(Operator::I32Const { value }),
            Some(Operator::I32Sub),
        ) if global_index == pointer => value,
        _ => 0,
    }
}

/// The functions that a function calls; `None` if it calls through a table too.
fn known_callees(
    component: &Component<'_>,
    instance: usize,
    body: &FunctionBody<'_>,
) -> Option<Vec<Defined>> {
    let mut callees = Vec::new();
    for operator in body.get_operators_reader().expect(VALID) {
        match operator.expect(VALID) {
            Operator::Call { function_index } => {
                if let Found::Defined(at) = component.inside(instance, ExternalKind::Func, function_index) {
                    callees.push(at);
                }
            }
            Operator::CallIndirect { .. } => return None,
            _ => {}
        }
    }
    Some(callees)
}

/// The functions that are on a cycle of calls, or on a way from one cycle to another.
fn on_cycles(calls: &HashMap<Defined, Vec<Defined>>) -> HashSet<Defined> {
    let mut left: HashSet<Defined> = calls.keys().copied().collect();
    loop {
        let before = left.len();
        let calls_on: HashSet<_> =
            left.iter().copied().filter(|at| calls[at].iter().any(|callee| left.contains(callee))).collect();
        let called: HashSet<_> = calls_on.iter().flat_map(|at| &calls[at]).copied().collect();
        left = calls_on.intersection(&called).copied().collect();
        if left.len() == before {
            return left;
        }
    }
}
