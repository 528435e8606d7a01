//! Fuel: the module counts what it does, and asks the host when it has used up what it was given.
//!
//! Wasmtime counts every instruction, and keeps the count where calls find it, which for Python, who calls all the
//! time, makes a third of all work. Here a function counts once when it is called, and a loop once each time
//! round: as many as there are instructions in it outside of further loops, but no more than [`MOST`], for of a
//! large function or loop only a part is run each time. A function that neither calls nor loops is not counted.
//! Between two counts lies never more than one function's length of code. Copying and filling memory, which is one
//! instruction for any length, counts its bytes. The count is as deterministic as the code is.

use wasm_encoder::reencode::Reencode as _;
use wasm_encoder::{BlockType, CodeSection, Function, Instruction, ValType};
use wasmparser::{FunctionBody, Operator};

use super::merge::View;
use super::module::VALID;

/// The most that a call, or one time round a loop, counts.
const MOST: i64 = 40;
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
        // For each block around an instruction, the loop that it is in; none in the function outside of any.
        let mut around = vec![None];
        for operator in body.get_operators_reader().expect(VALID) {
            let operator = operator.expect(VALID);
            let inside = around.last().copied().flatten();
            match operator {
                Operator::Loop { .. } => {
                    around.push(Some(costs.loops.len()));
                    costs.loops.push(0);
                    costs.leaf = false;
                }
                Operator::Block { .. } | Operator::If { .. } => around.push(inside),
                Operator::End => {
                    around.pop();
                }
                Operator::Call { .. } | Operator::CallIndirect { .. } => costs.leaf = false,
                Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } => costs.copies = true,
                Operator::TryTable { .. } | Operator::Try { .. } => panic!("exceptions are not counted here"),
                _ => {}
            }
            match inside {
                Some(index) => costs.loops[index] += 1,
                None => costs.call += 1,
            }
        }
        costs.call = costs.call.min(MOST);
        costs.loops.iter_mut().for_each(|cost| *cost = (*cost).min(MOST));
        costs
    }
}
