use proto::run::{EpisodeResult, Evaluation, Status};
use proto::semantics::Semantics;
use proto::tool_call::ToolCall as Call;
use proto::trace::{
    Definition, Event, EventKind, InterpreterResult, ModelResponse, Provenance, Step, StepInfo, Summary,
    ToolCall, ToolOutput, Trace, Versions,
};

use super::render;

fn event(kind: EventKind) -> Event {
    Event { kind, timestamp: "2026-01-01T00:00:00Z".into() }
}

fn trace(provenance: Provenance, steps: Vec<Step>) -> Trace {
    Trace {
        started_at: None,
        finished_at: None,
        provenance: Some(provenance),
        summary: Summary { task: "Pick & pack".into(), ..Summary::default() },
        events: steps.into_iter().map(|step| event(EventKind::StepEvent(Box::new(step)))).collect(),
    }
}

fn result() -> EpisodeResult {
    let evaluation = Evaluation { is_solved: false, score: 0.25, metrics: Default::default() };
    EpisodeResult {
        status: Status::Completed,
        error: None,
        result: Some(evaluation),
        finished_at: 1.0,
        started_at: 0.0,
    }
}

fn failed(error: &str, kind: &str) -> (Option<InterpreterResult>, Option<StepInfo>) {
    let result = InterpreterResult { error: Some(error.into()), ..InterpreterResult::default() };
    let info = StepInfo { exception_type: Some(kind.into()), ..StepInfo::default() };
    (Some(result), Some(info))
}

fn check(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[test]
fn a_page_shows_every_turn_and_escapes_what_the_model_wrote() {
    let step = Step {
        // The prose quotes the code, too; only the fenced block is left out.
        assistant_text:
            "<think>So <b>?</think>I look <script> with print('<b>').\n\n```python\nprint('<b>')\n```".into(),
        code: Some("print('<b>')".into()),
        kept_text: Some("I look [...]".into()),
        interpreter_result: Some(InterpreterResult {
            output: "<b>\n".into(),
            error_output: "warned <b>\n".into(),
            error: Some("NameError: name '<b>' is not defined".into()),
            ..InterpreterResult::default()
        }),
        info: Some(StepInfo {
            globals: vec!["<b>".into()],
            tool_calls: vec![ToolCall { name: "inspect<b>".into(), ..ToolCall::default() }],
            state_lost: true,
            budget_left: [("inspect".to_owned(), 12)].into(),
            ..StepInfo::default()
        }),
        ..Step::default()
    };
    let provenance = Provenance {
        limits: serde_json::json!({"max_steps": 40, "wall_clock_per_step_s": 60.0}),
        interpreter_state: "persistent".into(),
        state_loss: 0.3,
        semantics: Semantics::Notebook,
        versions: Versions { interpreter_sha256: "0123456789abcdef".into(), ..Versions::default() },
        ..Provenance::default()
    };
    let failed = EpisodeResult {
        status: Status::Failed,
        error: Some("server gone <b>".into()),
        result: None,
        ..result()
    };
    let page = render("teacher", &trace(provenance, vec![step]), &failed).unwrap();
    let body = page.split("<body>").nth(1).unwrap();
    // The page's own bold numbers hold no text of the model.
    assert!(!page.contains("<script>") && !body.contains("<b>?") && !body.contains("('<b>')"), "{page}");
    check(
        &page,
        &[
            "Pick &amp; pack",
            "<details><summary>thoughts</summary><p class=\"words\">So &lt;b&gt;?</p>",
            "I look &lt;script&gt; with print(",
            "<span class=\"call\">print</span>(<span class=\"string\">&#x27;&lt;b&gt;&#x27;</span>)",
            "<strong>NameError: name &#x27;&lt;b&gt;&#x27; is not defined</strong>",
            "inspect&lt;b&gt;",
            "<li class=\"new\" title=\"new\">&lt;b&gt;</li>",
            "state lost before this step",
            "state lost before a step with chance 0.3",
            "server gone &lt;b&gt;",
            "warned &lt;b&gt;",
            "I look [...]",
            "notebook cells",
            "episode 0, model 0<",
            "max_steps 40, wall_clock_per_step_s 60",
            "interpreter 0123456789ab<",
            "<dt>inspect</dt>\n<dd>12 left",
            "1 of 40",
        ],
    );
}

#[test]
fn a_page_says_what_a_reset_took_away() {
    let definition = |name: &str| Definition { name: name.into(), digest: "1".into() };
    let info = StepInfo { definitions: vec![definition("known")], ..StepInfo::default() };
    let result_of = InterpreterResult { success: true, ..InterpreterResult::default() };
    let first = Step {
        code: Some("known = 1".into()),
        interpreter_result: Some(result_of),
        info: Some(info),
        ..Step::default()
    };
    let (interpreter_result, info) = failed(
        "Traceback:\n  File \"<string>\", line 2, in <module>\nNameError: name 'known' is not defined",
        "NameError",
    );
    let second =
        Step { code: Some("\nprint(known)".into()), interpreter_result, info, turn: 1, ..Step::default() };
    let provenance = Provenance { interpreter_state: "reset".into(), ..Provenance::default() };
    let page = render("teacher", &trace(provenance, vec![first, second]), &result()).unwrap();
    check(
        &page,
        &[
            "The reset after this step takes it away.",
            "<code>known</code> was bound in <a href=\"#turn-1\">turn 1</a>; the reset after that step took it away.",
            "<span class=\"line at\"><span class=\"call\">print</span>(known)</span>",
            "<a href=\"#turn-2\" class=\"failed\">2</a>",
            "score 25.0 %",
            "1 error",
        ],
    );
}

#[test]
fn a_page_shows_calls_beside_their_answers() {
    let call =
        |name: &str, arguments: &str| Call { id: "1".into(), name: name.into(), arguments: arguments.into() };
    let output = |output: &str| ToolOutput { tool: "look".into(), output: output.into() };
    let step = Step {
        assistant_text: "I look.".into(),
        calls: vec![call("look", "{\"item\": \"<i>\"}"), call("look", "{\"item\":")],
        results: Some(vec![output("a <i>"), output("Error: the arguments are not JSON")]),
        ..Step::default()
    };
    let mut trace = trace(Provenance::default(), vec![step]);
    let answered = ModelResponse { reasoning: "First <i>.".into(), cached: true, ..ModelResponse::default() };
    trace.events.insert(0, event(EventKind::ModelResponseEvent(answered)));
    let page = render("caller", &trace, &result()).unwrap();
    check(
        &page,
        &[
            "<tr><td class=\"call\">look</td><td>item=&quot;&lt;i&gt;&quot;</td><td>a &lt;i&gt;</td></tr>",
            "<tr class=\"failed\"><td class=\"call\">look</td><td>{&quot;item&quot;:</td>",
            "<p class=\"words\">First &lt;i&gt;.</p>",
            "answer from the cache",
        ],
    );
}

/// The paper's own traces record neither times nor names.
#[test]
fn a_trace_of_another_writer_has_a_page_too() {
    let steps = r#"{"summary": {"task": "t"}, "events": [
        {"type": "StepEvent", "timestamp": "", "data": {"turn": 0, "assistant_text": "x", "code": "x", "interpreter_result": {"success": true, "output": "1"}}},
        {"type": "StepEvent", "timestamp": "", "data": {"turn": 1, "results": [{"tool": "look", "output": "a"}]}},
        {"type": "StepEvent", "timestamp": "", "data": {"turn": 2, "assistant_text": "no code", "error": "Write one block."}}]}"#;
    let trace: Trace = serde_json::from_str(steps).unwrap();
    let page = render("paper", &trace, &result()).unwrap();
    check(&page, &["id=\"turn-3\"", "<td>a</td>", "<strong>Write one block.</strong>", "not run"]);
}
