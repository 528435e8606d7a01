//! Stages of tasks, traces, drills, and the samples made of them.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::agent_run::{AgentRun, measured, play};
use super::planner::{Call, Draft, Planner, text};
use super::task_set::TaskSet;
use crate::experiment::{Player, Settings, Teacher, Traces};
use crate::kind::Kind;
use crate::programs::Program;
use crate::stage::{Artifact, Work};

/// Episodes of a scripted teacher that are played concurrently. It needs little but an interpreter.
const TEACHER_CONCURRENCY: u64 = 4;
/// The same of a model, unless its `max_concurrent_requests` says otherwise.
const MODEL_CONCURRENCY: u64 = 8;
/// The key of a model that says how many calls are made at once.
const REQUESTS: &str = "max_concurrent_requests";

impl Planner<'_> {
    /// A task set, read once.
    pub fn task_set(&mut self, name: &str) -> Result<TaskSet> {
        if let Some((_, set)) = self.task_sets.iter().find(|(known, _)| known == name) {
            return Ok(set.clone());
        }
        let set = TaskSet::read(name, &self.experiment.tasks[name])
            .with_context(|| format!("`tasks.{name}.config`"))?;
        self.task_sets.push((name.to_owned(), set.clone()));
        Ok(set)
    }

    /// The stage that generates a task set.
    pub fn tasks(&mut self, name: &str) -> Result<Artifact> {
        let stage = format!("tasks/{name}");
        if let Some(artifact) = self.planned(&stage) {
            return Ok(artifact);
        }
        let set = self.task_set(name)?;
        let amount = set.episodes(None);
        let draft = Draft {
            name: stage,
            kind: Kind::Tasks,
            settings: set.config.clone(),
            inputs: vec![],
            output: "tasks".into(),
            work: Some(Work { amount, unit: "tasks".to_owned(), like: set.families.join(", ") }),
        };
        self.add(draft, |folder| {
            let (config, out) = (text(&folder.join("config.json")), text(&folder.join("tasks")));
            Ok(Call::new(Program::EnvServer, ["generate", "--config", &config, "--out", &out])
                .with_file("config.json", format!("{:#}\n", set.config)))
        })
    }

    /// Refuses task sets that share tasks where one is for evaluation and traces of the other are learnt
    /// from.
    pub fn refuse_shared_tasks(&self) -> Result<()> {
        let evaluated = |name: &String| self.experiment.evaluation.tasks.contains(name);
        for (held_out, set) in self.task_sets.iter().filter(|(name, _)| evaluated(name)) {
            let of_traces = self.experiment.traces.values().filter_map(|traces| match traces {
                Traces::Played(Teacher { tasks, .. }) => Some(tasks),
                Traces::Ready(_) => None,
            });
            let adapters = self.experiment.adapters.values();
            let of_episodes = adapters.filter_map(|adapter| Some(&adapter.episodes.as_ref()?.tasks));
            for tasks in of_traces.chain(of_episodes) {
                let learnt = self.task_sets.iter().find(|(name, _)| name == tasks);
                let shared = learnt.is_some_and(|(_, learnt)| learnt.overlaps(set));
                ensure!(
                    !shared,
                    "`tasks.{held_out}` is for evaluation, and shares seeds with `tasks.{tasks}`, which is learnt \
                     from; give one of them another `seed_start`"
                );
            }
        }
        Ok(())
    }

    /// The traces or drills of this name, and the arguments with which `trainer` reads them.
    pub fn source(&mut self, name: &str) -> Result<(Artifact, Vec<String>)> {
        if self.experiment.drills.contains_key(name) {
            let drills = self.drills(name)?;
            let path = text(&drills.path);
            return Ok((drills, vec!["--chat".to_owned(), path]));
        }
        let traces = &self.experiment.traces[name];
        let artifact = match traces {
            Traces::Played(teacher) => self.traces(name, teacher)?,
            Traces::Ready(recorded) => self.external(&recorded.folder, &format!("`traces.{name}.folder`")),
        };
        let mut arguments = vec!["--traces".to_owned(), text(&artifact.path)];
        if traces.only_solved() {
            arguments.push("--only-solved".to_owned());
        }
        Ok((artifact, arguments))
    }

    /// The stage that plays a teacher's episodes.
    fn traces(&mut self, name: &str, teacher: &Teacher) -> Result<Artifact> {
        let stage = format!("traces/{name}");
        if let Some(artifact) = self.planned(&stage) {
            return Ok(artifact);
        }
        let (set, tasks) = (self.task_set(&teacher.tasks)?, self.tasks(&teacher.tasks)?);
        let run = AgentRun {
            name,
            state: teacher.state,
            set: &set,
            agent: [&self.experiment.agent, &teacher.agent],
            seed: 0,
            concurrency: match &teacher.player {
                Player::Policy(_) => TEACHER_CONCURRENCY,
                Player::Llm(llm) => llm.get(REQUESTS).and_then(Value::as_u64).unwrap_or(MODEL_CONCURRENCY),
            },
        };
        let llm = match &teacher.player {
            Player::Policy(policy) => Settings::from_iter([
                ("backend".to_owned(), json!("scripted")),
                ("model".to_owned(), json!(policy)),
            ]),
            Player::Llm(llm) => llm.clone(),
        };
        let (config, mut settings) = (run.config(&llm), run.config(&measured(&llm)));
        if let (Player::Llm(_), Some(settings)) = (&teacher.player, settings.as_object_mut()) {
            settings.shift_remove("max_concurrent_runs"); // follows from the model's, which does not matter
        }
        let amount = set.episodes(teacher.count);
        let draft = Draft {
            name: stage,
            kind: Kind::Traces,
            settings: json!({ "run": settings, "count": teacher.count }),
            inputs: vec![tasks.clone()],
            output: name.into(),
            work: Some(Work { amount, unit: "episodes".to_owned(), like: teacher.player.name().to_owned() }),
        };
        self.add(draft, |folder| {
            let mut call = play(folder, &config, &tasks)?;
            if let Some(count) = teacher.count {
                call.arguments.extend(["--max-examples".to_owned(), count.to_string()]);
            }
            Ok(call)
        })
    }

    /// The stage that writes drills.
    fn drills(&mut self, name: &str) -> Result<Artifact> {
        let stage = format!("drills/{name}");
        if let Some(artifact) = self.planned(&stage) {
            return Ok(artifact);
        }
        let drills = &self.experiment.drills[name];
        let draft = Draft {
            name: stage,
            kind: Kind::Drills,
            settings: json!(drills),
            inputs: vec![],
            output: "drills.jsonl".into(),
            work: Some(Work {
                amount: drills.count,
                unit: "documents".to_owned(),
                like: drills.kind.clone(),
            }),
        };
        self.add(draft, |folder| {
            let (count, seed) = (drills.count.to_string(), drills.seed.to_string());
            let out = text(&folder.join("drills.jsonl"));
            let options = ["--kind", &drills.kind, "--count", &count, "--seed", &seed, "--out", &out];
            Ok(Call::new(Program::Agent, ["drills"].into_iter().chain(options)))
        })
    }

    /// The stage that makes samples of the first `count` documents of a source. They depend on the model's
    /// tokenizer only, so repeats share them.
    pub fn samples(&mut self, name: &str, count: u64, model: &Artifact, tokenizer: &str) -> Result<Artifact> {
        let stage = format!("data/{name}-{count}");
        if let Some(artifact) = self.planned(&stage) {
            return Ok(artifact);
        }
        let (source, reading) = self.source(name)?;
        if let Some(Traces::Played(teacher)) = self.experiment.traces.get(name) {
            let played = self.task_set(&teacher.tasks)?.episodes(teacher.count);
            if count > played {
                bail!("{count} traces of `{name}` are to be learnt from, and only {played} are played");
            }
        }
        let (length, limit) = (self.experiment.sequence_len.to_string(), count.to_string());
        let filters: Vec<&String> = reading.iter().skip(2).collect();
        let draft = Draft {
            name: stage,
            kind: Kind::Prepare,
            settings: json!({ "sequence_len": self.experiment.sequence_len, "limit": count, "filters": filters }),
            inputs: vec![
                source,
                Artifact { name: model.name.clone(), key: tokenizer.to_owned(), path: model.path.clone() },
            ],
            output: "data".into(),
            work: Some(Work { amount: count, unit: "documents".to_owned(), like: String::new() }),
        };
        self.add(draft, |folder| {
            let (model, out) = (text(&model.path), text(&folder.join("data")));
            let options = ["--sequence-len", &length, "--limit", &limit, "--out", &out];
            let own = ["prepare", "--model", &model].into_iter().chain(options).map(str::to_owned);
            Ok(Call::new(Program::Trainer, own.chain(reading.iter().cloned())))
        })
    }
}
