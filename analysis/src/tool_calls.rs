//! Tool calls of an episode: calls that happened, and tool names in code.

use proto::trace::{Step, ToolCall};

/// The call that ends an episode. It is not a tool of the task: it is not among the calls that happened, but among the names
/// in code, as the paper counts them.
const FINISH: &str = "finish";

/// The tools of each task family.
const TOOLS: [(&str, &[&str]); 3] = [
    ("knapsack", &["list_items", "inspect", "take_item"]),
    ("navigation", &["scan", "move"]),
    ("rule_diagnosis", &["test_input", "submit"]),
];

/// The calls that happened, in order, with arguments and answers. None if a step that ran
/// code does not record its calls (the paper's own traces).
pub fn recorded<'a>(steps: &[&'a Step]) -> Option<Vec<&'a ToolCall>> {
    let mut calls = Vec::new();
    for step in steps {
        match &step.info {
            Some(info) => calls.extend(info.tool_calls.iter().filter(|call| call.name != FINISH)),
            None if ran(step) => return None,
            None => {}
        }
    }
    Some(calls)
}

/// The number of calls that happened. Unlike [`recorded`], it is also known for a tool-calling agent, whose
/// steps list calls without arguments.
pub fn count(steps: &[&Step]) -> Option<u64> {
    let counts = steps.iter().map(|step| match (&step.info, &step.results) {
        (None, Some(results)) => Some(results.iter().filter(|output| output.tool != FINISH).count()),
        _ => recorded(&[step]).map(|calls| calls.len()),
    });
    counts.sum::<Option<usize>>().map(|count| count as u64)
}

/// The paper's count: how often the text of the code has one of the family's tools, or `finish`, before an opening
/// parenthesis. A call in a loop counts once, and a call that was not reached counts too. None for a family
/// whose tools are unknown here, and for an agent that calls tools without code.
pub fn count_in_code(family: &str, steps: &[&Step]) -> Option<u64> {
    if steps.iter().any(|step| step.results.is_some()) {
        return None;
    }
    let (_, tools) = TOOLS.iter().find(|(name, _)| *name == family)?;
    let names: Vec<&str> = tools.iter().copied().chain([FINISH]).collect();
    let calls = steps.iter().filter_map(|step| step.code.as_deref()).map(|code| count_names(code, &names));
    Some(calls.sum::<usize>() as u64)
}

/// Whether code or tools ran in this step.
fn ran(step: &Step) -> bool {
    step.interpreter_result.is_some() || step.results.is_some()
}

fn count_names(code: &str, names: &[&str]) -> usize {
    let is_part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    names
        .iter()
        .flat_map(|name| code.match_indices(name).map(move |(start, _)| (start, start + name.len())))
        .filter(|&(start, end)| {
            !code[..start].ends_with(is_part_of_name) && code[end..].trim_start().starts_with('(')
        })
        .count()
}

#[cfg(test)]
mod tests {
    use proto::trace::{InterpreterResult, StepInfo, ToolOutput};

    use super::*;

    fn call(name: &str) -> ToolCall {
        ToolCall { name: name.into(), ..ToolCall::default() }
    }

    fn ran_code(code: &str, info: Option<StepInfo>) -> Step {
        Step {
            code: Some(code.into()),
            interpreter_result: Some(InterpreterResult::default()),
            info,
            ..Step::default()
        }
    }

    #[test]
    fn names_in_code_are_whole_and_called() {
        let code = "x = inspect (a)\nreinspect(a)\ninspect_all(a)\nf = inspect\ntake_item(a); take_item(b)";
        assert_eq!(count_in_code("knapsack", &[&ran_code(code, None)]), Some(3));
        assert_eq!(count_in_code("navigation", &[&ran_code(code, None)]), Some(0));
        assert_eq!(count_in_code("chess", &[&ran_code(code, None)]), None);
    }

    #[test]
    fn finish_is_a_name_in_code_and_no_call_of_the_task() {
        let info = StepInfo { tool_calls: vec![call("finish")], ..StepInfo::default() };
        let step = ran_code("finish()", Some(info));
        assert_eq!((count(&[&step]), count_in_code("navigation", &[&step])), (Some(0), Some(1)));
    }

    #[test]
    fn calls_in_a_loop_count_each() {
        let tool_calls = vec![call("inspect"), call("inspect"), call("finish")];
        let step = ran_code("for i in ids: inspect(i)", Some(StepInfo { tool_calls, ..StepInfo::default() }));
        let nothing_ran = Step::default();
        assert_eq!(count(&[&step, &nothing_ran]), Some(2));
        assert_eq!(count_in_code("knapsack", &[&step]), Some(1));
    }

    #[test]
    fn a_step_that_ran_unrecorded_makes_the_count_unknown() {
        let recorded_step = ran_code("", Some(StepInfo::default()));
        assert_eq!(count(&[&recorded_step, &ran_code("", None)]), None);
        assert_eq!(recorded(&[&recorded_step, &ran_code("", None)]), None);
    }

    #[test]
    fn a_tool_calling_agents_calls_are_counted_from_their_answers() {
        let output = |tool: &str| ToolOutput { tool: tool.into(), output: String::new() };
        let step = Step { results: Some(vec![output("scan"), output("move")]), ..Step::default() };
        assert_eq!(count(&[&step]), Some(2));
        assert_eq!(recorded(&[&step]), None);
        assert_eq!(count_in_code("navigation", &[&step]), None);
    }
}
