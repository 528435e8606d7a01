//! Fuel: the module counts what it does, and asks the host when it has used up what it was given.
//!
//! Wasmtime counts every instruction, and keeps the count where calls find it, which for Python, who calls all the
//! time, makes a third of all work. Here a function counts once when it is called, and a loop once each time
//! round: as many as there are instructions in it outside of further loops, but of code with many branches, of which
//! only some is run each time, no more than [`MOST`] or a few stretches between branches. A function that neither
//! calls nor loops is not counted. So between two counts lies never more than one function's length of code, and that
//! of functions that do not call. Copying and filling memory, which is one instruction for any length, counts its
//! bytes. The count is as deterministic as the code is.

use wasm_encoder::reencode::Reencode as _;
use wasm_encoder::{BlockType, CodeSection, Function, Instruction, ValType};
use wasmparser::{FunctionBody, Operator};

use super::merge::View;
use super::module::VALID;

/// What a call, or one time round a loop, counts at most, if it branches often.
const MOST: i64 = 40;
/// The stretches between branches that are taken to be run each time.
const STRETCHES: i64 = 4;
/// Half a fuel a byte.
const BYTES_SHIFT: i64 = 1;

/// What counts.
#[derive(Clone, Copy)]
pub struct Meter {
    /// The global that holds the fuel that is left, an `i64`.
    pub fuel: u32,
    /// The function to call when it is below zero: it fills it up, or does not return.
    pub refill: u32,
}

impl Meter {
    /// Adds the body of a function of so many parameters, with what counts.
    pub fn add(self, code: &mut CodeSection, view: &mut View, parameters: u32, body: &FunctionBody<'_>) {
        let costs = Costs::of(body);
        let mut locals: Vec<(u32, ValType)> = Vec::new();
        for group in body.get_locals_reader().expect(VALID) {
            let (count, ty) = group.expect(VALID);
            locals.push((count, view.val_type(ty).expect(VALID)));
        }
        // Where the length of a copy is kept while it is counted.
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

    /// The body of the function that [`Meter::refill`] is; `host` is the host's: `(what is left) -> what is left`.
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

    /// Subtracts the top of the stack from the fuel under it, and keeps the rest.
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

/// What a function's parts count.
struct Costs {
    call: i64,
    /// Each loop's, in the order in which they begin.
    loops: Vec<i64>,
    copies: bool,
    /// Whether it neither calls nor loops.
    leaf: bool,
}

impl Costs {
    fn of(body: &FunctionBody<'_>) -> Costs {
        let mut costs = Costs { call: 0, loops: Vec::new(), copies: false, leaf: true };
        let (mut call, mut loops) = (Part::default(), Vec::new());
        // For each block around an instruction, the loop that it is in; none in the function outside of any.
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

/// A function, or a loop in it, without the loops inside.
#[derive(Default)]
struct Part {
    instructions: i64,
    branches: i64,
}

impl Part {
    fn cost(&self) -> i64 {
        let stretches = STRETCHES * self.instructions / (self.branches + 1);
        self.instructions.min(stretches.max(MOST))
    }
}
