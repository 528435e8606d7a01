//! Stages of adapters that learn from episodes that they play themselves, with `trainer grpo`.

use anyhow::Result;
use proto::study;
use serde_json::{Value, json};

use super::agent_run::{AgentRun, config_file};
use super::models::{Run, learnt};
use super::planner::{Call, Draft, Planner, text, yaml};
use crate::experiment::{Episodes, Settings};
use crate::kind::Kind;
use crate::programs::Program;
use crate::stage::{Artifact, Work};

/// The run config of the agent that plays, in the stage's folder.
const AGENT: &str = "agent.yaml";
/// The folder of the adapter, in the stage's folder.
const OUTPUT: &str = "adapter";
/// Rollouts of a group, unless the config says otherwise.
const GENERATIONS: f64 = 8.0;

impl Planner<'_> {
    /// The training of an adapter on episodes.
    pub fn practise(&mut self, run: Run<'_>, episodes: &Episodes, model: &str) -> Result<Artifact> {
        let Run { seed, name, settings, start, .. } = run;
        let (set, tasks) = (self.task_set(&episodes.tasks)?, self.tasks(&episodes.tasks)?);
        let agent = AgentRun {
            name: model,
            state: episodes.state,
            set: &set,
            agent: [&self.experiment.agent, &episodes.agent],
            seed,
            concurrency: 1, // the trainer says what is played together
        };
        let llm = [("backend", "inference"), ("model", "policy")];
        let llm = llm.map(|(key, value)| (key.to_owned(), json!(value)));
        let agent = agent.config(&Settings::from_iter(llm));
        let work = Work {
            amount: rollouts(&settings, set.episodes(None)),
            unit: "rollouts".to_owned(),
            like: self.like(episodes.state.name()),
        };
        let threads = self.experiment.threads;
        let mut config = Value::Object(settings);
        config["rl"] = json!("grpo");
        config["seed"] = json!(seed);
        config["sequence_len"] = json!(self.experiment.sequence_len);
        let draft = Draft {
            name: name.clone(),
            kind: Kind::Train,
            settings: json!({ "config": config, "agent": agent, "threads": threads }),
            inputs: vec![start.clone(), tasks.clone()],
            output: OUTPUT.into(),
            work: Some(work),
        };
        config["base_model"] = json!(start.path);
        config["rollout"]["tasks_root"] = json!(tasks.path);
        let made = self.add(draft, |folder| {
            config["output_dir"] = json!(folder.join(OUTPUT));
            config["rollout"]["config"] = json!(folder.join(AGENT));
            let path = text(&folder.join("config.yaml"));
            let threads = threads.iter().flat_map(|threads| ["--threads".to_owned(), threads.to_string()]);
            let arguments = ["grpo".to_owned(), "--config".to_owned(), path].into_iter().chain(threads);
            Ok(Call::new(Program::Trainer, arguments)
                .with_file("config.yaml", yaml(&config)?)
                .with_file(AGENT, config_file(folder, &agent)?))
        })?;
        let training =
            study::Training { seed, model: model.to_owned(), phase: String::new(), folder: name.into() };
        self.plan.training.push(training);
        Ok(made)
    }
}

/// Number of rollouts that a training plays, beside those of its evaluations.
fn rollouts(settings: &Settings, tasks: u64) -> u64 {
    let generations = settings.get("trl").and_then(|trl| trl.get("num_generations")?.as_f64());
    learnt(settings, tasks as f64 * generations.unwrap_or(GENERATIONS)) as u64
}
