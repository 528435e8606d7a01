//! Metering: the module counts its own fuel, and calls the host when its portion is used up.
//!
//! Wasmtime's fuel counts every instruction and writes the count to memory at each call. Python calls often,
//! so that would be a third of all work. Metering here is cheaper because only calls and loop iterations are
//! counted: a function counts once when it is called, a loop once per iteration. The cost is the number of
//! instructions outside of nested loops. Code with many branches runs only some of its instructions, so its
//! cost is bounded by [`MAX`] or by the length of a few stretches between branches, whichever is larger. A
//! function without calls and loops is not counted. Therefore the code between two counts is never longer
//! than one function and the uncounted functions that it calls. Copying and filling memory is one instruction
//! for any length and counts its bytes. The count is deterministic.

use wasm_encoder::reencode::Reencode as _;
use wasm_encoder::{BlockType, CodeSection, Function, Instruction, ValType};
use wasmparser::{FunctionBody, Operator};

use super::module::VALID;
use super::view::View;

/// The bound of the cost of a call, or of a loop iteration, in code with many branches.
const MAX: i64 = 40;
/// The number of stretches between branches that are assumed to run each time.
const STRETCHES: i64 = 4;
/// Copying costs half a unit of fuel per byte.
const BYTES_SHIFT: i64 = 1;

/// Adds metering to functions.
#[derive(Clone, Copy)]
pub struct Meter {
    /// The global that holds the remaining fuel, an `i64`.
    pub fuel: u32,
    /// The function to call when the fuel is below zero. It sets the global to a new portion, or traps.
    pub refill: u32,
}

impl Meter {
    /// Adds the metered body of a function with `parameters` parameters.
    pub fn add(self, code: &mut CodeSection, view: &mut View, parameters: u32, body: &FunctionBody<'_>) {
        let costs = Costs::of(body);
        let mut locals: Vec<(u32, ValType)> = Vec::new();
        for group in body.get_locals_reader().expect(VALID) {
            let (count, ty) = group.expect(VALID);
            locals.push((count, view.val_type(ty).expect(VALID)));
        }
        // The local that holds the length of a copy while it is counted.
        let length = parameters + locals.iter().map(|(count, _)| count).sum::<u32>();
        if costs.copies {
            locals.push((1, ValType::I32));
        }
        let mut function = Function::new(locals);
        let mut loops = costs.loops.into_iter();
        if !costs.leaf {
            self.count(&mut function, costs.call);
        }
        for operator in body.get_operators_reader().expect(VALID) {
            let operator = operator.expect(VALID);
            if matches!(operator, Operator::MemoryCopy { .. } | Operator::MemoryFill { .. }) {
                function.instruction(&Instruction::LocalSet(length));
                self.count_bytes(&mut function, length);
                function.instruction(&Instruction::LocalGet(length));
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
    /// Whether it copies or fills memory.
    copies: bool,
    /// Whether it neither calls nor loops.
    leaf: bool,
}

impl Costs {
    fn of(body: &FunctionBody<'_>) -> Costs {
        let mut costs = Costs { call: 0, loops: Vec::new(), copies: false, leaf: true };
        let (mut call, mut loops) = (Part::default(), Vec::new());
        // For each enclosing block, the innermost loop around it, if any.
        let mut around = vec![None];
        for operator in body.get_operators_reader().expect(VALID) {
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
                Operator::Call { .. } | Operator::CallIndirect { .. } => costs.leaf = false,
                Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } => costs.copies = true,
                Operator::TryTable { .. }
                | Operator::Try { .. }
                | Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::CallRef { .. }
                | Operator::ReturnCallRef { .. } => panic!("{operator:?} is not counted here"),
                _ => {}
            }
            let part = inside.map_or(&mut call, |index: usize| &mut loops[index]);
            part.instructions += 1;
            part.branches += branches;
        }
        costs.call = call.cost();
        costs.loops = loops.iter().map(Part::cost).collect();
        costs
    }
}

/// A function or a loop, without nested loops.
#[derive(Default)]
struct Part {
    instructions: i64,
    branches: i64,
}

impl Part {
    fn cost(&self) -> i64 {
        let stretches = STRETCHES * self.instructions / (self.branches + 1);
        self.instructions.min(stretches.max(MAX))
    }
}
