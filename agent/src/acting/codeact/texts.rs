//! What a model that writes Python is told.

use proto::conversation::ObservationFormat;
use proto::env::v1::{Limits, Tool};
use proto::semantics::Semantics;

use crate::config::{RuntimePrompt, SeveralBlocks};
use crate::prompt::tool_line;

/// What a model is told of its turns.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How a block runs.
    pub semantics: Semantics,
    /// What happens if there are several.
    pub several_blocks: SeveralBlocks,
    /// How many turns there are.
    pub max_turns: u32,
    /// How a result is written.
    pub observation: ObservationFormat,
}

/// How to act, in full.
pub fn acting(tools: &[Tool], limits: &Limits, rules: &Rules) -> String {
    let Rules { semantics, several_blocks, max_turns, observation } = *rules;
    let shown = shown(observation);
    let (runs_as, also_shown) = match semantics {
        Semantics::Script => {
            ("a script", "Only what you print is shown; the value of a last expression is not.")
        }
        Semantics::Notebook => (
            "a cell of a notebook",
            "What you print is shown, and so is the value of a last expression. `await` works outside of functions.",
        ),
    };
    let run = match several_blocks {
        SeveralBlocks::Refuse => "none of them",
        SeveralBlocks::First => "only the first one",
    };
    let mut prompt = format!(
        "You solve a task by writing Python. In each turn, write a short reasoning and then at most one code \
         block, fenced with ```python and ```. The block is run as {runs_as}, and you are shown the result as \
         JSON: {shown}. {also_shown} With more than one block in a turn, {run} is run.\n\n\
         These functions can be called in your code, without an import:\n",
    );
    for tool in tools {
        prompt.push_str(&tool_line(tool));
    }
    if !tools.iter().any(|tool| tool.name == "finish") {
        prompt.push_str("- finish() -> None: ends the task. Call it once you are done.\n");
    }
    prompt.push_str(&format!(
        "\nThe module json is imported already. One block can make at most {} tool calls. You have {max_turns} \
         turns. Call finish() when you are done; the task is judged by what was done until then.",
        limits.tool_calls_per_step,
    ));
    prompt
}

/// How to act, in brief.
pub fn acting_in_brief(tools: &[Tool], limits: &Limits, semantics: Semantics) -> String {
    let signature = |tool: &Tool| {
        let names: Vec<&str> = tool.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        format!("{}({})", tool.name, names.join(", "))
    };
    let shown = match semantics {
        Semantics::Script => "",
        Semantics::Notebook => " The value of a block's last expression is shown.",
    };
    format!(
        "Solve the task in Python. In each turn, write one sentence and one ```python block. Functions: {}. One \
         block can make at most {} tool calls.{shown}",
        tools.iter().map(signature).collect::<Vec<_>>().join(", "),
        limits.tool_calls_per_step,
    )
}

fn shown(format: ObservationFormat) -> &'static str {
    match format {
        ObservationFormat::Full => "success, output (what the block printed) and error",
        ObservationFormat::Compact => "error if there is one, or else output (what the block printed)",
    }
}

/// What is said about the interpreter state; `None` if it is hidden. Only this text differs between the two
/// states.
pub fn interpreter_state(said: RuntimePrompt, persistent: bool) -> Option<String> {
    let claimed = match said {
        RuntimePrompt::Stated => persistent,
        RuntimePrompt::Misstated => !persistent,
        RuntimePrompt::Hidden => return None,
    };
    let text = if claimed {
        "The Python interpreter keeps its state: variables, functions and imports of one block are there in all \
         later blocks."
    } else {
        "The Python interpreter is reset after every block: variables, functions and imports of one block are \
         gone in the next. What a later block needs, it has to define itself."
    };
    Some(text.to_owned())
}

/// The names in a persistent interpreter.
pub fn globals(names: &[String]) -> String {
    if names.is_empty() {
        "Names defined in the interpreter: none".to_owned()
    } else {
        format!("Names defined in the interpreter: {}", names.join(", "))
    }
}

/// The answer holds more than one code block.
pub fn several_blocks(count: usize) -> String {
    format!(
        "Your answer holds {count} code blocks; none was run. Write exactly one ```python block in a turn."
    )
}

/// The answer calls a tool by JSON or tags, as if tools were called directly.
pub const TOOL_CALL: &str = "Your answer holds a tool call, but functions are called in Python; nothing was run. Write the call in \
     one ```python block.";

/// The answer holds an observation, as if the model were the environment.
pub const OBSERVATION: &str = "Your answer holds a result as JSON, but results come from the interpreter; nothing was run. \
     To act, write one ```python block.";

#[cfg(test)]
mod tests {
    use super::*;

    /// Models are trained on prompts with these words: another word is another prompt.
    #[test]
    fn the_rules_of_scripts_are_fixed() {
        let tools = [Tool {
            name: "look".into(),
            description: " Looks. ".into(),
            returns: "str".into(),
            ..Tool::default()
        }];
        let limits = Limits { tool_calls_per_step: 25, ..Limits::default() };
        let rules = Rules {
            semantics: Semantics::Script,
            several_blocks: SeveralBlocks::Refuse,
            max_turns: 40,
            observation: ObservationFormat::Full,
        };
        assert_eq!(
            acting(&tools, &limits, &rules),
            "You solve a task by writing Python. In each turn, write a short reasoning and then at most one code block, fenced \
             with ```python and ```. The block is run as a script, and you are shown the result as JSON: success, output (what \
             the block printed) and error. Only what you print is shown; the value of a last expression is not. With more than \
             one block in a turn, none of them is run.\n\n\
             These functions can be called in your code, without an import:\n\
             - look() -> str: Looks.\n\
             - finish() -> None: ends the task. Call it once you are done.\n\n\
             The module json is imported already. One block can make at most 25 tool calls. You have 40 turns. Call finish() \
             when you are done; the task is judged by what was done until then."
        );
        assert_eq!(
            acting_in_brief(&tools, &limits, Semantics::Script),
            "Solve the task in Python. In each turn, write one sentence and one ```python block. Functions: look(). One block \
             can make at most 25 tool calls."
        );
    }
}
