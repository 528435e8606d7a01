//! The task of a hosted family, as episodes play it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use proto::run::Evaluation;
use proto::task::{Beginning, TaskFile, TaskState, ToolSpec};
use sandbox::{Fault, Stop, ToolAnswer, ToolCall, ToolError};
use serde_json::{Map, Value};

use super::asker::Asker;
use super::call::{Answer, Question, Request};
use super::contract::Contract;
use crate::error::Error;
use crate::family::{Environment, FINISH};
use crate::tool::{self, Bound};

/// A task whose rules are in a tool host.
pub struct Hosted {
    hosts: Asker,
    task: Arc<Task>,
    /// Set when a call is answered. Copies have their own.
    state: Arc<Mutex<Arc<TaskState>>>,
    /// Stops the running step.
    stop: Stop,
}

/// What does not change with the steps. Copies share it.
struct Task {
    contract: Arc<Contract>,
    /// As hosts are told it.
    json: Arc<str>,
    goal: String,
    public: Map<String, Value>,
}

impl Hosted {
    /// A task that has begun so.
    pub fn new(hosts: Asker, task: &TaskFile, beginning: &Beginning) -> Self {
        let tools = task.tools.clone().unwrap_or_default();
        let told = TaskFile { beginning: None, tools: None, ..task.clone() };
        Self {
            hosts,
            task: Arc::new(Task {
                contract: Arc::new(Contract::new(&task.family, &beginning.version, tools)),
                json: serde_json::to_string(&told).unwrap_or_default().into(),
                goal: task.nl.instructions.clone(),
                public: task.public.clone(),
            }),
            state: Arc::new(Mutex::new(Arc::new(beginning.state.clone()))),
            stop: Stop::default(),
        }
    }

    /// The state now.
    fn now(&self) -> Arc<TaskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A call whose arguments are bound to its tool's parameters.
    fn request(&self, tool: &ToolSpec, arguments: Vec<Bound>) -> Request {
        let names = tool.parameters.iter().map(|parameter| parameter.name.clone());
        let arguments: Map<String, Value> = names.zip(arguments.into_iter().map(Value::from)).collect();
        let arguments_json = Value::Object(arguments).to_string();
        let question = Question::Tool { state: self.now(), tool: tool.name.clone(), arguments_json };
        Request { family: self.task.contract.family.clone(), task_json: self.task.json.clone(), question }
    }
}

impl Environment for Hosted {
    fn tools(&self) -> &[ToolSpec] {
        &self.task.contract.tools
    }

    fn goal(&self) -> String {
        self.task.goal.clone()
    }

    fn public(&self) -> &Map<String, Value> {
        &self.task.public
    }

    /// Answers what needs no host.
    fn call(&mut self, tool: &str, _arguments: &[Bound]) -> Result<Value, ToolError> {
        if tool == FINISH { Ok(Value::Null) } else { Err(tool::unknown_tool(tool)) }
    }

    fn evaluate(&self) -> Evaluation {
        self.now().evaluation.clone()
    }

    fn budget_left(&self) -> BTreeMap<String, i64> {
        self.now().budget_left.clone()
    }

    fn fork(&self) -> Box<dyn Environment> {
        Box::new(Self {
            hosts: self.hosts.clone(),
            task: self.task.clone(),
            state: Arc::new(Mutex::new(self.now())),
            stop: self.stop.clone(),
        })
    }

    fn ask(&mut self, call: &ToolCall) -> ToolAnswer {
        let tool = self.tools().iter().find(|tool| tool.name == call.name && tool.name != FINISH);
        let Some(tool) = tool else { return ToolAnswer::Now(self.invoke(call)) };
        let arguments = match tool::bind(tool, call) {
            Ok(arguments) => arguments,
            Err(error) => return ToolAnswer::Now(Err(error)),
        };
        let (contract, request) = (self.task.contract.clone(), self.request(tool, arguments));
        let family = contract.family.clone();
        let answer = self.hosts.ask(contract, request, &self.stop);
        let state = self.state.clone();
        ToolAnswer::Later(Box::pin(async move {
            match answer.await.map_err(fault)? {
                Answer::Result { result, state: after } => {
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    if **state != after {
                        *state = Arc::new(after);
                    }
                    Ok(Ok(result))
                }
                Answer::Refusal(words) => Ok(Err(tool::runtime_error(words))),
                answer => Err(fault(answer.unfit(&family))),
            }
        }))
    }

    fn begin_step(&mut self, stop: &Stop) {
        self.stop = stop.clone();
    }

    fn state(&self) -> Option<Arc<TaskState>> {
        Some(self.now())
    }

    fn restore(&mut self, state: &Arc<TaskState>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state.clone();
    }
}

fn fault(error: Error) -> Fault {
    Fault(Box::new(error))
}
