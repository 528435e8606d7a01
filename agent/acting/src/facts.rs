//! What a model is shown of a task, however it acts. Nothing of it says how to solve the task.

use proto::conversation::ObservationFormat;
use proto::env::v1::{InitialObservation, Limits, Tool};
use proto::python_json;
use serde_json::Value;

use crate::prompts::{Facts, ToolFacts};
use crate::style::{SeveralBlocks, Style, ToolCalls};

/// The function that ends a task.
const FINISH: &str = "finish";

/// Public data as a brief prompt writes it: as Python's `json.dumps` does.
pub fn public_data(public: &Value) -> String {
    format!("Public data:\n{}", python_json::dumps(public))
}

/// The environment's functions, and the one that ends a task, if they lack it; then `true`.
pub fn with_finish(tools: &[Tool]) -> (Vec<Tool>, bool) {
    let mut tools = tools.to_vec();
    let is_added = !tools.iter().any(|tool| tool.name == FINISH);
    if is_added {
        tools.push(Tool {
            name: FINISH.to_owned(),
            description: "ends the task. Call it once you are done.".to_owned(),
            returns: "None".to_owned(),
            ..Tool::default()
        });
    }
    (tools, is_added)
}

/// What prompts can show of a task and of a style.
pub fn facts(observation: &InitialObservation, limits: &Limits, style: &Style) -> Facts {
    let (tools, is_added) = with_finish(&observation.tools);
    let last = tools.len();
    let tools = tools.iter().enumerate();
    // Public data that are not JSON are the server's fault; the model is shown them as they are.
    let public = serde_json::from_str::<Value>(&observation.public_json).ok();
    Facts {
        tools: tools.map(|(number, tool)| tool_facts(tool, is_added && number + 1 == last)).collect(),
        tool_calls_per_step: limits.tool_calls_per_step,
        max_turns: style.max_turns,
        semantics: style.semantics.name(),
        observation: match style.prompt.observation {
            ObservationFormat::Full => "full",
            ObservationFormat::Compact => "compact",
        },
        several_blocks: match style.several_blocks {
            SeveralBlocks::Refuse => "refuse",
            SeveralBlocks::First => "first",
        },
        tool_calls: match style.tool_calls {
            ToolCalls::Native => "native",
            ToolCalls::Text => "text",
        },
        goal: observation.goal.trim().to_owned(),
        public: public.as_ref().map_or_else(|| observation.public_json.clone(), Value::to_string),
        public_python: public.as_ref().map_or_else(|| observation.public_json.clone(), python_json::dumps),
        ..Facts::default()
    }
}

fn tool_facts(tool: &Tool, is_added: bool) -> ToolFacts {
    let parameters = tool.parameters.iter();
    let typed: Vec<String> = parameters.clone().map(|one| format!("{}: {}", one.name, one.r#type)).collect();
    let names: Vec<&str> = parameters.map(|parameter| parameter.name.as_str()).collect();
    ToolFacts {
        name: tool.name.clone(),
        signature: format!("{}({}) -> {}", tool.name, typed.join(", "), tool.returns),
        call: format!("{}({})", tool.name, names.join(", ")),
        description: tool.description.trim().to_owned(),
        is_added,
    }
}

/// The model's answer was cut off, or there was none.
pub fn failed_call(reason: &str) -> String {
    format!("Your last turn could not be used, and nothing was run: {reason}")
}

#[cfg(test)]
mod tests {
    use proto::env::v1::ToolParameter;
    use proto::interpreter_state::InterpreterState;

    use super::*;
    use crate::prompts::{Prompts, Text};

    /// Models are trained on prompts with these words: another word is another prompt.
    #[test]
    fn our_texts_are_fixed() {
        let tools = vec![Tool {
            name: "look".into(),
            description: " Looks. ".into(),
            parameters: vec![ToolParameter { name: "item".into(), r#type: "str".into() }],
            returns: "str".into(),
        }];
        let observation = InitialObservation {
            goal: " Pack. ".into(),
            public_json: "{\"b\": 1,\"a\":[1, 2]}".into(),
            tools,
        };
        let limits = Limits { tool_calls_per_step: 25, ..Limits::default() };
        let prompts = Prompts::read(None).unwrap();
        let facts = facts(&observation, &limits, &Style::codeact(InterpreterState::Persistent));
        let say = |text, facts: &Facts| prompts.say(text, facts).unwrap();
        let full = "You solve a task by writing Python. In each turn, write a short reasoning and then at most one code block, fenced \
             with ```python and ```. The block is run as a script, and you are shown the result as JSON: success, output (what \
             the block printed) and error. Only what you print is shown; the value of a last expression is not. With more than \
             one block in a turn, none of them is run.\n\n\
             These functions can be called in your code, without an import:\n\
             - look(item: str) -> str: Looks.\n\
             - finish() -> None: ends the task. Call it once you are done.\n\n\
             The module json is imported already. One block can make at most 25 tool calls. You have 40 turns. Call finish() \
             when you are done; the task is judged by what was done until then.";
        assert_eq!(say(Text::CodeAct, &facts), full);
        let state = say(Text::StateReset, &facts);
        assert!(state.starts_with("The Python interpreter is reset after every block"), "{state}");
        assert_eq!(
            say(Text::CodeAct, &Facts { state: state.clone(), ..facts.clone() }),
            format!("{full}\n\n{state}")
        );
        let brief = "Solve the task in Python. In each turn, write one sentence and one ```python block. Functions: look(item). One block \
             can make at most 25 tool calls.";
        assert_eq!(say(Text::CodeActBrief, &facts), brief);
        assert_eq!(
            say(Text::CodeActBrief, &Facts { state, semantics: "notebook", ..facts.clone() }),
            format!(
                "{brief} The value of a block's last expression is shown.\n\n{}",
                say(Text::StateReset, &facts)
            )
        );
        assert_eq!(say(Text::Task, &facts), "Pack.\n\nPublic data:\n{\"b\":1,\"a\":[1,2]}");
        let public = serde_json::from_str(&observation.public_json).unwrap();
        assert_eq!(say(Text::TaskBrief, &facts), public_data(&public));
        assert_eq!(say(Text::Names, &facts), "Names defined in the interpreter: none");
        let names = Facts { names: vec!["a".into(), "b".into()], ..Facts::default() };
        assert_eq!(say(Text::Names, &names), "Names defined in the interpreter: a, b");
        let react = "You solve a task by calling tools. In each turn, write a short reasoning and then call one or several tools; \
             you are shown what each call answers.\n\
             One turn can make at most 25 tool calls. You have 40 turns. Call finish when you are done; the task is judged by \
             what was done until then.";
        assert_eq!(say(Text::ReAct, &facts).replace("\n\n", "\n"), react);
        let written = say(Text::ReAct, &Facts { tool_calls: "text", ..facts.clone() });
        assert!(
            written.contains("- finish() -> None: ends the task. Call it once you are done.\n\nOne turn can"),
            "{written}"
        );
        let written = say(Text::ReActBrief, &Facts { tool_calls: "text", ..facts });
        assert!(
            written.contains("Tools: look, finish. One turn can make at most 25 tool calls."),
            "{written}"
        );
    }
}
