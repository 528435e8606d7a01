//! A trace as one self-contained web page, for a person to read.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use proto::run::EpisodeResult;
use proto::trace::Trace;

use crate::reply;

const TEMPLATE: &str = include_str!("../templates/trace.html");

/// Renders a trace and its result as a page that needs neither scripts nor a network.
///
/// # Errors
/// What the template engine reports; only a broken template can cause an error.
pub fn render(agent: &str, trace: &Trace, result: &EpisodeResult) -> Result<String, minijinja::Error> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.add_filter("reasoning", reasoning);
    let steps: Vec<_> = trace.steps().collect();
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

/// The model's text without its code block, if that is shown separately, and otherwise the whole text.
fn reasoning(text: &str, code: Option<String>) -> String {
    if code.is_some() { reply::prose(text) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use proto::run::{EpisodeResult, Status};
    use proto::semantics::Semantics;
    use proto::trace::{
        Event, EventKind, InterpreterResult, Provenance, Step, StepInfo, Summary, ToolCall, Trace, Versions,
    };

    use super::render;

    #[test]
    fn a_page_shows_every_turn_and_escapes_what_the_model_wrote() {
        let step = Step {
            // The prose quotes the code, too; only the fenced block is left out.
            assistant_text: "I look <script> with print('<b>').\n\n```python\nprint('<b>')\n```".into(),
            code: Some("print('<b>')".into()),
            kept_text: Some("I look [...]".into()),
            interpreter_result: Some(InterpreterResult {
                output: "<b>\n".into(),
                error_output: "warned <b>\n".into(),
                error: Some("NameError: name 'x' is not defined".into()),
                ..InterpreterResult::default()
            }),
            info: Some(StepInfo {
                globals: vec!["ids".into()],
                tool_calls: vec![ToolCall { name: "inspect".into(), ..ToolCall::default() }],
                state_lost: true,
                ..StepInfo::default()
            }),
            ..Step::default()
        };
        let kind = EventKind::StepEvent(Box::new(step));
        let trace = Trace {
            started_at: None,
            finished_at: None,
            provenance: Some(Provenance {
                limits: serde_json::json!({"max_steps": 40, "wall_clock_per_step_s": 60.0}),
                state_loss: 0.3,
                semantics: Semantics::Notebook,
                versions: Versions { interpreter_sha256: "0123456789abcdef".into(), ..Versions::default() },
                ..Provenance::default()
            }),
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
        let parts = [
            "Pick &amp; pack",
            "I look &lt;script&gt; with print(",
            "NameError",
            "inspect",
            "ids",
            "state was lost before this step",
            "lost before a step with chance 0.3",
            "server gone",
            "warned &lt;b&gt;",
            "I look [...]",
            "as cells of a notebook",
            ">episode 0, model 0<",
            "max_steps 40, wall_clock_per_step_s 60",
            "interpreter 0123456789ab<",
        ];
        for part in parts {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("```"), "{page}");
    }
}
