//! The tools of an episode: one after the other, a session may play many.

use axum::http::request::Parts;
use lifecycle::Caller;
use proto::env::v1;
use proto::env::v1::step_request::Action;
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, Extensions, Tool};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::tools::{self, RUN, Tools};
use crate::gateway::client::Calls;
use crate::gateway::json::{Beginning, Evaluation, Facts};
use crate::gateway::place::Place;
use crate::gateway::player::Player;
use crate::gateway::tasks::Choice;

/// The tool that begins an episode.
const START: &str = "start_episode";
/// The tool that closes it.
const CLOSE: &str = "close_episode";

const BESIDE: &str =
    " The task's functions, which start_episode tells, can be called in it; finish() ends the episode.";
const NONE: &str = "There is no episode: start_episode begins one.";
const ENDED: &str = "The episode has ended: start_episode begins another one.";

/// The episodes of a session.
pub struct Episodes {
    calls: Calls,
    /// What is played for whom; `None` if the requests say it.
    fixed: Option<(Place, Caller)>,
    playing: Mutex<Option<Playing>>,
}

struct Playing {
    player: Player,
    /// Who has begun the episode.
    caller: Caller,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Start {
    task_id: Option<String>,
    task_index: Option<u64>,
    seed: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {}

impl Episodes {
    /// Those of a session over HTTP, whose requests say where they are and who sends them.
    pub fn over_http(calls: Calls) -> Self {
        Self { calls, fixed: None, playing: Mutex::default() }
    }

    /// Those of the one session of a process.
    pub fn of(calls: Calls, place: Place, caller: Caller) -> Self {
        Self { calls, fixed: Some((place, caller)), playing: Mutex::default() }
    }

    fn place(&self, from: &Extensions) -> Result<(Place, Caller), ErrorData> {
        let told = || {
            let parts = from.get::<Parts>()?;
            Some((parts.extensions.get()?, parts.extensions.get()?))
        };
        let found = self.fixed.clone().or_else(|| {
            let (place, caller): (&Place, &Caller) = told()?;
            Some((place.clone(), caller.clone()))
        });
        found.ok_or_else(|| ErrorData::internal_error("nobody has said who calls", None))
    }

    async fn start(&self, start: Start, from: &Extensions) -> Result<CallToolResult, ErrorData> {
        let (place, caller) = self.place(from)?;
        let choice = Choice::of(start.task_id, start.task_index, start.seed);
        let task =
            place.tasks.choose(self.calls.catalog(), choice).map_err(|status| tools::failure(&status))?;
        let request = v1::CreateEpisodeRequest {
            task: Some(v1::create_episode_request::Task::TaskRef(task)),
            interpreter_state: v1::InterpreterState::from(place.state).into(),
            seed: start.seed,
            ..v1::CreateEpisodeRequest::default()
        };
        let mut playing = self.playing(&caller).await?;
        if let Some(former) = playing.take() {
            // One that has gone already is as good as closed.
            let _ = former.player.close().await;
        }
        let created = Player::create(self.calls.of(caller.clone()), request).await;
        let (player, created) = created.map_err(|status| tools::failure(&status))?;
        *playing = Some(Playing { player, caller });
        let (opening, beginning) = Beginning::new(created, 0);
        Ok(tools::told(opening.text(), json!(opening), Some(&beginning)))
    }

    async fn run(&self, code: String, from: &Extensions) -> Result<CallToolResult, ErrorData> {
        let (_, caller) = self.place(from)?;
        let mut playing = self.playing(&caller).await?;
        let Some(Playing { player, .. }) = &mut *playing else { return Ok(tools::mistake(NONE)) };
        if player.has_ended() {
            return Ok(tools::mistake(ENDED));
        }
        let stepped = player.step(Action::Code(v1::CodeAction { code }), None).await;
        let stepped = stepped.map_err(|status| tools::failure(&status))?;
        let reward = stepped.reward;
        let done = stepped.terminated || stepped.truncated;
        let (observation, facts) = Facts::new(stepped);
        Ok(tools::observed(&observation, Some(&json!({ "reward": reward, "done": done, "step": facts }))))
    }

    async fn close(&self, from: &Extensions) -> Result<CallToolResult, ErrorData> {
        let (_, caller) = self.place(from)?;
        let Some(Playing { player, .. }) = self.playing(&caller).await?.take() else {
            return Ok(tools::mistake(NONE));
        };
        let closed = player.close().await.map_err(|status| tools::failure(&status))?;
        let evaluation = closed.evaluation.map(Evaluation::from);
        let parts = json!({ "steps": closed.steps });
        Ok(tools::told(
            "The episode is closed.".to_owned(),
            parts,
            Some(&json!({ "evaluation": evaluation })),
        ))
    }

    /// What is played, once calls before this one have ended.
    async fn playing(
        &self,
        caller: &Caller,
    ) -> Result<tokio::sync::MutexGuard<'_, Option<Playing>>, ErrorData> {
        let playing = self.playing.lock().await;
        if playing.as_ref().is_some_and(|playing| playing.caller.tenant != caller.tenant) {
            return Err(ErrorData::invalid_request("the session is another tenant's", None));
        }
        Ok(playing)
    }
}

impl Tools for Episodes {
    fn list(&self, from: &Extensions) -> Result<Vec<Tool>, ErrorData> {
        let (place, _) = self.place(from)?;
        let count = place.tasks.count();
        let start = format!(
            "Begins an episode of one of the {count} tasks of `{}`, and closes the one before. Answers the goal, the task's data \
             and the functions that code can call. Without arguments, the tasks come in turn.",
            place.tasks.name()
        );
        let number =
            |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
        let parameters = json!({
            "task_id": { "type": "string", "description": "The task of this id." },
            "task_index": number("The task of this number, from 0."),
            "seed": number("Seeds what is random; without another choice, also chooses the task."),
        });
        let close = "Closes the episode before its end.".to_owned();
        Ok(vec![
            tools::tool(START, start, &parameters, &[]),
            tools::run_tool(place.state, BESIDE),
            tools::tool(CLOSE, close, &json!({}), &[]),
        ])
    }

    async fn call(
        &self,
        name: &str,
        arguments: Value,
        from: &Extensions,
    ) -> Result<CallToolResult, ErrorData> {
        match name {
            START => self.start(tools::arguments(arguments)?, from).await,
            RUN => {
                let Run { code } = tools::arguments(arguments)?;
                self.run(code, from).await
            }
            CLOSE => {
                let Close {} = tools::arguments(arguments)?;
                self.close(from).await
            }
            _ => Err(tools::unknown(name)),
        }
    }
}
