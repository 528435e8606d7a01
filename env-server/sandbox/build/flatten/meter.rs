//! Metering: the module counts its own fuel, and calls the host when its portion is used up.
//!
//! Wasmtime's fuel counts every instruction and writes the count to memory at each call. Python calls often,
//! so that would be a third of all work. Metering here is cheaper because it counts only where much runs at once:
//!
//! - A function counts once when it is called, a loop once per iteration. The cost is that of the instructions
//!   outside of nested loops. Code with many branches runs only some of its instructions, so its cost is bounded by
//!   [`MAX`] or by the length of a few stretches between branches, whichever is larger.
//! - A stretch without branches that alone costs more than that bound, and more than [`LONG`], counts itself, whole,
//!   where it runs.
//! - A function without calls and loops is not counted if it costs [`LEAF`] at most.
//! - Copying and filling memory is one instruction for any length and counts its bytes.
//! - A call of the host counts [`HOST_CALL`]. What the host does in proportion to its arguments it charges itself.
//!
//! Therefore the code between two counts is never longer than one function's short stretches and the small functions
//! that they call. An instruction costs one unit; those that take a processor much longer cost more ([`weight`]).
//! The count is deterministic.

use std::collections::VecDeque;

use wasm_encoder::reencode::Reencode as _;
use wasm_encoder::{BlockType, CodeSection, Function, Instruction, ValType};
use wasmparser::{FuncType, FunctionBody, Operator};

use super::module::VALID;
use super::stack::Padding;
use super::view::View;

/// The bound of the cost of a call, or of a loop iteration, in code with many branches.
const MAX: i64 = 40;
/// The number of stretches between branches that are assumed to run each time.
const STRETCHES: i64 = 4;
/// The least cost of a stretch that is counted where it runs. CPython's evaluation loop has shorter ones, most of which
/// copy local variables.
const LONG: i64 = 500;
/// The largest cost of a function without calls and loops that is not counted.
const LEAF: i64 = 8;
/// The cost of a call of the host, which leaves the guest's machine code and comes back.
const HOST_CALL: i64 = 1500;
/// Copying costs half a unit of fuel per byte.
const BYTES_SHIFT: i64 = 1;

/// Adds metering to functions.
#[derive(Clone, Copy)]
pub struct Meter {
    /// The global that holds the remaining fuel, an `i64`.
    pub fuel: u32,
    /// The function to call when the fuel is below zero. It sets the global to a new portion, or traps.
    pub refill: u32,
    /// The number of functions of the host, which have the lowest indices.
    pub host_functions: u32,
}

impl Meter {
    /// Adds the metered body of a function of type `ty`. `padding` is what its frame is enlarged by.
    pub fn add(
        self,
        code: &mut CodeSection,
        view: &mut View,
        ty: &FuncType,
        body: &FunctionBody<'_>,
        padding: Option<Padding>,
    ) {
        let is_host =
            |function: u32| view.functions[function as usize].is_some_and(|at| at < self.host_functions);
        let costs = Costs::of(body, is_host);
        let mut locals: Vec<(u32, ValType)> = Vec::new();
        for group in body.get_locals_reader().expect(VALID) {
            let (count, ty) = group.expect(VALID);
            locals.push((count, view.val_type(ty).expect(VALID)));
        }
        // The local that holds the length of a copy while it is counted.
        let length = ty.params().len() as u32 + locals.iter().map(|(count, _)| count).sum::<u32>();
        if costs.copies {
            locals.push((1, ValType::I32));
        }
        let mut function = Function::new(locals);
        let mut loops = costs.loops.into_iter();
        let mut places = costs.places;
        if !costs.leaf || costs.call > LEAF {
            self.count(&mut function, costs.call);
        }
        let frame = padding.map(|padding| padding.frame(view, ty));
        if let Some(frame) = &frame {
            frame.begin(&mut function);
        }
        // The number of blocks around an instruction.
        let mut depth = 0;
        for (at, operator) in body.get_operators_reader().expect(VALID).into_iter().enumerate() {
            let operator = operator.expect(VALID);
            while let Some((_, cost)) = places.pop_front_if(|(place, _)| *place == at) {
                self.count(&mut function, cost);
            }
            if matches!(operator, Operator::MemoryCopy { .. } | Operator::MemoryFill { .. }) {
                function.instruction(&Instruction::LocalSet(length));
                self.count_bytes(&mut function, length);
                function.instruction(&Instruction::LocalGet(length));
            }
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
                Operator::End if depth == 0 => frame.iter().for_each(|frame| frame.end(&mut function)),
                Operator::End => depth -= 1,
                Operator::Return if frame.is_some() => {
                    function.instruction(&Instruction::Br(depth));
                    continue;
                }
                _ => {}
            }
            let is_loop = matches!(operator, Operator::Loop { .. });
            function.instruction(&view.instruction(operator).expect(VALID));
            if is_loop {
                self.count(&mut function, loops.next().expect("each loop was seen"));
            }
        }
        code.function(&function);
    }

    /// The body of the function [`Meter::refill`]. `host` is the host's function: `(remaining fuel) -> new
    /// portion`.
    pub fn refill_body(self, host: u32) -> Function {
        let mut function = Function::new([]);
        function
            .instruction(&Instruction::GlobalGet(self.fuel))
            .instruction(&Instruction::Call(host))
            .instruction(&Instruction::GlobalSet(self.fuel))
            .instruction(&Instruction::End);
        function
    }

    fn count(self, function: &mut Function, cost: i64) {
        function.instruction(&Instruction::GlobalGet(self.fuel)).instruction(&Instruction::I64Const(cost));
        self.subtract(function);
    }

    fn count_bytes(self, function: &mut Function, length: u32) {
        function
            .instruction(&Instruction::GlobalGet(self.fuel))
            .instruction(&Instruction::LocalGet(length))
            .instruction(&Instruction::I64ExtendI32U)
            .instruction(&Instruction::I64Const(BYTES_SHIFT))
            .instruction(&Instruction::I64ShrU);
        self.subtract(function);
    }

    /// Subtracts the top of the stack from the fuel below it, stores the result, and calls for a refill if it
    /// is below zero.
    fn subtract(self, function: &mut Function) {
        function
            .instruction(&Instruction::I64Sub)
            .instruction(&Instruction::GlobalSet(self.fuel))
            .instruction(&Instruction::GlobalGet(self.fuel))
            .instruction(&Instruction::I64Const(0))
            .instruction(&Instruction::I64LtS)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::Call(self.refill))
            .instruction(&Instruction::End);
    }
}

/// The costs of a function.
struct Costs {
    /// The cost of a call.
    call: i64,
    /// The cost of an iteration of each loop, in the order in which the loops begin.
    loops: Vec<i64>,
    /// The costs that are counted where they arise: the numbers of the instructions before which they are, rising.
    places: VecDeque<(usize, i64)>,
    /// Whether it copies or fills memory.
    copies: bool,
    /// Whether it neither calls nor loops.
    leaf: bool,
}

impl Costs {
    fn of(body: &FunctionBody<'_>, is_host: impl Fn(u32) -> bool) -> Costs {
        let mut costs =
            Costs { call: 0, loops: Vec::new(), places: VecDeque::new(), copies: false, leaf: true };
        let (mut call, mut loops) = (Part::default(), Vec::new());
        let mut stretch = Stretch::default();
        let mut host_calls = Vec::new();
        // For each enclosing block, the innermost loop around it, if any.
        let mut around = vec![None];
        for (at, operator) in body.get_operators_reader().expect(VALID).into_iter().enumerate() {
            let operator = operator.expect(VALID);
            let inside = around.last().copied().flatten();
            let mut branches = 0;
            match operator {
                Operator::Loop { .. } => {
                    around.push(Some(loops.len()));
                    loops.push(Part::default());
                    costs.leaf = false;
                }
                Operator::Block { .. } => around.push(inside),
                Operator::If { .. } => {
                    around.push(inside);
                    branches = 1;
                }
                Operator::End => {
                    around.pop();
                }
                Operator::BrIf { .. } => branches = 1,
                Operator::BrTable { ref targets } => branches = targets.len().into(),
                Operator::Call { function_index } => {
                    costs.leaf = false;
                    if is_host(function_index) {
                        host_calls.push((at, HOST_CALL));
                    }
                }
                Operator::CallIndirect { .. } => costs.leaf = false,
                Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } => costs.copies = true,
                Operator::TryTable { .. }
                | Operator::Try { .. }
                | Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::CallRef { .. }
                | Operator::ReturnCallRef { .. } => panic!("{operator:?} is not counted here"),
                _ => {}
            }
            stretch.cost += weight(&operator);
            let part = inside.map_or(&mut call, |index: usize| &mut loops[index]);
            part.branches += branches;
            if ends_stretch(&operator) {
                part.stretches.push(std::mem::replace(&mut stretch, Stretch { first: at + 1, cost: 0 }));
            }
        }
        costs.call = call.cost();
        costs.loops = loops.iter().map(Part::cost).collect();
        let long = loops.iter().chain([&call]).flat_map(Part::long);
        costs.places = long.map(|stretch| (stretch.first, stretch.cost)).chain(host_calls).collect();
        costs.places.make_contiguous().sort_by_key(|(at, _)| *at);
        costs
    }
}

/// Instructions that run all, or none.
#[derive(Default)]
struct Stretch {
    /// The number of its first instruction.
    first: usize,
    cost: i64,
}

/// A function or a loop, without nested loops.
#[derive(Default)]
struct Part {
    stretches: Vec<Stretch>,
    branches: i64,
}

impl Part {
    /// The cost of what is not counted where it runs.
    fn cost(&self) -> i64 {
        let long: i64 = self.long().map(|stretch| stretch.cost).sum();
        (self.whole() - long).min(self.bound())
    }

    /// The stretches that are counted where they run.
    fn long(&self) -> impl Iterator<Item = &Stretch> {
        let bound = self.bound().max(LONG);
        self.stretches.iter().filter(move |stretch| stretch.cost > bound)
    }

    /// The bound of the cost, because not all stretches run.
    fn bound(&self) -> i64 {
        MAX.max(STRETCHES * self.whole() / (self.branches + 1))
    }

    fn whole(&self) -> i64 {
        self.stretches.iter().map(|stretch| stretch.cost).sum()
    }
}

/// Whether other instructions may follow than the next one, or the next one may follow others. Every function ends
/// in such an instruction.
fn ends_stretch(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
    )
}

/// The cost of an instruction.
fn weight(operator: &Operator<'_>) -> i64 {
    match operator {
        Operator::I32DivS
        | Operator::I32DivU
        | Operator::I32RemS
        | Operator::I32RemU
        | Operator::I64DivS
        | Operator::I64DivU
        | Operator::I64RemS
        | Operator::I64RemU
        | Operator::F64Div
        | Operator::F64Sqrt
        | Operator::F32Div
        | Operator::F32Sqrt => 12,
        Operator::CallIndirect { .. } => 16,
        _ => 1,
    }
}
