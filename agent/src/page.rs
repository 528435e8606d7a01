//! A trace as one self-contained web page, for a person to read.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, syntax::SyntaxConfig, value::Serde};
use proto::{
    run::EpisodeResult,
    trace::{EventKind, Trace},
};

const TEMPLATE: &str = include_str!("../templates/trace.html");

/// Renders a trace and its result; works without scripts and without a network.
///
/// # Errors
/// What the template engine says; only a broken template can be the cause.
pub fn render(agent: &str, trace: &Trace, result: &EpisodeResult) -> Result<String, minijinja::Error> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.add_filter("reasoning", reasoning);
    let steps: Vec<_> = trace
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::StepEvent(step) => Some(step),
            _ => None,
        })
        .collect();
    let provenance = trace.provenance.clone().unwrap_or_default();
    engine.render_str(
        TEMPLATE,
        context! {
            agent,
            trace => Serde(trace),
            provenance => Serde(&provenance),
            result => Serde(result),
            steps => Serde(&steps),
        },
    )
}

/// What a model wrote, without the block that is shown beside it.
fn reasoning(text: &str, code: Option<String>) -> String {
    let Some(code) = code.filter(|code| !code.is_empty()) else { return text.to_owned() };
    match text.split_once(&code) {
        Some((before, after)) => {
            let before = before.trim_end();
            let before = before
                .rfind(['`', '~'])
                .map_or(before, |_| before.rsplit_once('\n').map_or("", |(lines, _)| lines));
            let after = after.trim_start().trim_start_matches(['`', '~']);
            format!("{}\n{}", before.trim(), after.trim()).trim().to_owned()
        }
        None => text.to_owned(), // indented or with carriage returns: all of it is shown
    }
}

#[cfg(test)]
mod tests {
    use proto::{
        run::{EpisodeResult, Status},
        trace::{Event, EventKind, InterpreterResult, Step, StepInfo, Summary, ToolCall, Trace},
    };

    use super::{reasoning, render};

    #[test]
    fn a_page_shows_every_turn_and_escapes_what_the_model_wrote() {
        let step = Step {
            assistant_text: "I look <script>.\n\n```python\nprint('<b>')\n```".into(),
            code: Some("print('<b>')".into()),
            interpreter_result: Some(InterpreterResult {
                output: "<b>\n".into(),
                error: Some("NameError: name 'x' is not defined".into()),
                ..InterpreterResult::default()
            }),
            info: Some(StepInfo {
                globals: vec!["ids".into()],
                tool_calls: vec![ToolCall { name: "inspect".into(), ..ToolCall::default() }],
                ..StepInfo::default()
            }),
            ..Step::default()
        };
        let kind = EventKind::StepEvent(Box::new(step));
        let trace = Trace {
            started_at: None,
            finished_at: None,
            provenance: None,
            summary: Summary { task: "Pick & pack".into(), ..Summary::default() },
            events: vec![Event { kind, timestamp: "2026-01-01T00:00:00Z".into() }],
        };
        let result = EpisodeResult {
            status: Status::Failed,
            error: Some("server gone".into()),
            result: None,
            finished_at: 1.0,
            started_at: 0.0,
        };
        let page = render("teacher", &trace, &result).unwrap();
        assert!(!page.contains("<script>") && !page.contains("<b>"), "{page}");
        for part in
            ["Pick &amp; pack", "I look &lt;script&gt;.", "NameError", "inspect", "ids", "server gone"]
        {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn reasoning_is_what_stands_around_the_block() {
        let code = || Some("x = 1".to_owned());
        assert_eq!(reasoning("Go.\n\n```python\nx = 1\n```\nSo.", code()), "Go.\nSo.");
        assert_eq!(reasoning("```python\nx = 1\n```", code()), "");
        assert_eq!(reasoning("Just words.", None), "Just words.");
    }
}
