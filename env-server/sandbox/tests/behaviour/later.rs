//! Tools that answer later: meanwhile the step takes no thread, and a tool that never answers undoes it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::common::{Counter, SANDBOX, config};
use sandbox::{
    Config, Error, Failure, Fault, Interpreter, InterpreterState, Limits, Stop, ToolAnswer, ToolCall,
    ToolError, ToolErrorKind, ToolHost,
};
use serde_json::{Value, json};

type Answer = Result<Result<Value, ToolError>, &'static str>;

/// A tool whose answers are given by the test.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<Vec<Answer>>>);

impl ToolHost for Slow {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        unreachable!("it answers later")
    }

    fn ask(&mut self, _call: &ToolCall) -> ToolAnswer {
        let answers = self.0.clone();
        ToolAnswer::Later(Box::pin(async move {
            let answer = poll_fn(|context| {
                context.waker().wake_by_ref();
                answers.lock().unwrap().pop().map_or(Poll::Pending, Poll::Ready)
            });
            answer.await.map_err(|why| Fault(why.into()))
        }))
    }
}

fn slow(state: InterpreterState) -> (Interpreter, Slow) {
    let limits = Limits { wall_clock: Duration::from_secs(2), ..Limits::default() };
    let config = Config { limits, tools: Counter::tools(), ..config(state) };
    let slow = Slow::default();
    (SANDBOX.interpreter(config, Arc::new(Mutex::new(slow.clone()))).unwrap(), slow)
}

#[test]
fn a_step_waits_without_a_thread_and_the_time_is_not_its_own() {
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let (mut python, slow) = slow(state);
        let stop = Stop::default();
        let mut step = pin!(python.step(0, "x = echo(1)\nfor i in range(10**6): pass\nprint(x)", &stop));
        let mut poll = || step.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll().is_pending());
        std::thread::sleep(Duration::from_millis(2500));
        assert!(poll().is_pending(), "the answer is not there");
        slow.0.lock().unwrap().push(Ok(Ok(json!("late"))));
        let outcome = loop {
            if let Poll::Ready(outcome) = poll() {
                break outcome.unwrap();
            }
        };
        assert_eq!((outcome.output.as_str(), outcome.failure), ("late\n", None));
        assert_eq!(outcome.tool_calls.len(), 1);
    }
}

#[test]
fn an_error_that_comes_later_is_raised() {
    let (mut python, slow) = slow(InterpreterState::Persistent);
    let error = ToolError { kind: ToolErrorKind::Runtime, message: "no".to_owned() };
    slow.0.lock().unwrap().push(Ok(Err(error)));
    let outcome = python.run("echo(1)").unwrap();
    let type_name = "ToolRuntimeException".to_owned();
    assert_eq!(outcome.failure, Some(Failure::Exception { type_name }));
}

#[test]
fn a_call_without_an_answer_undoes_the_step() {
    let (mut python, slow) = slow(InterpreterState::Persistent);
    slow.0.lock().unwrap().push(Ok(Ok(json!(1))));
    assert!(python.run("x = echo(1)\nnumbers = iter(range(9)); next(numbers)").unwrap().success);
    slow.0.lock().unwrap().extend([Err("nobody"), Ok(Ok(json!(2)))]);
    let code = "x = echo(2); next(numbers)\ntry:\n    echo(3)\nexcept BaseException:\n    x = 'caught'";
    let Err(Error::Fault(fault)) = python.run(code) else { panic!("it has an outcome") };
    assert_eq!(fault.0.to_string(), "nobody");
    assert_eq!(python.run("print(x, next(numbers))").unwrap().output, "1 1\n");
}
