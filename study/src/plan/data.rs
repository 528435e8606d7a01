//! Tasks, traces, drills, and samples of them.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::task_set::TaskSet;
use super::{Call, Draft, Planner, text, yaml};
use crate::experiment::{Settings, State, Teacher, Traces, merged};
use crate::programs::Program;
use crate::stage::{Kind, Made, Work};

/// Teachers need little but interpreters.
const TEACHERS_AT_ONCE: u64 = 4;

/// A run config: one agent on all tasks of a set.
pub struct Run<'a> {
    pub name: &'a str,
    pub state: State,
    pub set: &'a TaskSet,
    /// Keys of the agent, in the order in which they are laid over each other.
    pub agent: [&'a Settings; 2],
    pub llm: Value,
    pub seed: u64,
    pub at_once: u64,
}

impl Run<'_> {
    /// The config but for where results go.
    pub fn config(&self) -> Value {
        let ours = Settings::from_iter([
            ("agent_type".to_owned(), json!("codeact")),
            ("llm".to_owned(), self.llm.clone()),
        ]);
        let mut agent = merged(&merged(&ours, self.agent[0]), self.agent[1]);
        agent.insert("name".to_owned(), json!(self.name));
        agent.insert("persistent_state".to_owned(), json!(self.state == State::Persistent));
        json!({
            "run_name": self.name,
            "seed_start": self.seed,
            "max_concurrent_runs": self.at_once,
            "task_families": self.set.families,
            "agents": [agent],
        })
    }
}

/// The call that plays a run; its results go to the stage's folder.
pub fn play(folder: &Path, config: &Value, tasks: &Made) -> Result<Call> {
    let mut config = config.clone();
    config["output_dir"] = json!(folder);
    let arguments =
        ["run", "--config", &text(&folder.join("config.yaml")), "--tasks-root", &text(&tasks.path)];
    Ok(Call::new(Program::Agent, arguments).with_file("config.yaml", yaml(&config)?))
}

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

    /// Tasks of a set.
    pub fn tasks(&mut self, name: &str) -> Result<Made> {
        let stage = format!("tasks/{name}");
        if let Some(made) = self.planned(&stage) {
            return Ok(made);
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

    /// No task that a model is evaluated on may be one that it learnt from.
    pub fn keep_apart(&self) -> Result<()> {
        let evaluated = |name: &String| self.experiment.evaluation.tasks.contains(name);
        for (held_out, set) in self.task_sets.iter().filter(|(name, _)| evaluated(name)) {
            for teacher in self.experiment.traces.values() {
                let Traces::Played(Teacher { tasks, .. }) = teacher else { continue };
                let learnt = self.task_sets.iter().find(|(name, _)| name == tasks);
                let shared = learnt.is_some_and(|(_, learnt)| learnt.overlaps(set));
                ensure!(
                    !shared,
                    "`tasks.{held_out}` is for evaluation, and shares seeds with `tasks.{tasks}`, which traces are \
                     played on; give one of them another `seed_start`"
                );
            }
        }
        Ok(())
    }

    /// Traces or drills of this name, and how `trainer` is told to read them.
    pub fn source(&mut self, name: &str) -> Result<(Made, Vec<String>)> {
        if self.experiment.drills.contains_key(name) {
            let made = self.drills(name)?;
            let path = text(&made.path);
            return Ok((made, vec!["--chat".to_owned(), path]));
        }
        let traces = &self.experiment.traces[name];
        let made = match traces {
            Traces::Played(teacher) => self.traces(name, teacher)?,
            Traces::Ready(recorded) => self.outside(&recorded.folder, &format!("`traces.{name}.folder`")),
        };
        let mut arguments = vec!["--traces".to_owned(), text(&made.path)];
        if traces.only_solved() {
            arguments.push("--only-solved".to_owned());
        }
        Ok((made, arguments))
    }

    fn traces(&mut self, name: &str, teacher: &Teacher) -> Result<Made> {
        let stage = format!("traces/{name}");
        if let Some(made) = self.planned(&stage) {
            return Ok(made);
        }
        let (set, tasks) = (self.task_set(&teacher.tasks)?, self.tasks(&teacher.tasks)?);
        let run = Run {
            name,
            state: teacher.state,
            set: &set,
            agent: [&self.experiment.agent, &teacher.agent],
            llm: json!({ "backend": "scripted", "model": teacher.policy }),
            seed: 0,
            at_once: TEACHERS_AT_ONCE,
        };
        let config = run.config();
        let amount = set.episodes(teacher.count);
        let draft = Draft {
            name: stage,
            kind: Kind::Traces,
            settings: json!({ "run": config, "count": teacher.count }),
            inputs: vec![tasks.clone()],
            output: name.into(),
            work: Some(Work { amount, unit: "episodes".to_owned(), like: teacher.policy.clone() }),
        };
        self.add(draft, |folder| {
            let mut call = play(folder, &config, &tasks)?;
            if let Some(count) = teacher.count {
                call.arguments.extend(["--max-examples".to_owned(), count.to_string()]);
            }
            Ok(call)
        })
    }

    fn drills(&mut self, name: &str) -> Result<Made> {
        let stage = format!("drills/{name}");
        if let Some(made) = self.planned(&stage) {
            return Ok(made);
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

    /// Samples of the first so many of a source. Only the model's tokenizer matters to them, so repeats share them.
    pub fn samples(&mut self, name: &str, count: u64, model: &Made, tokenizer: &str) -> Result<Made> {
        let stage = format!("data/{name}-{count}");
        if let Some(made) = self.planned(&stage) {
            return Ok(made);
        }
        let (source, reading) = self.source(name)?;
        if let Some(Traces::Played(teacher)) = self.experiment.traces.get(name) {
            let there = self.task_set(&teacher.tasks)?.episodes(teacher.count);
            if count > there {
                bail!("{count} traces of `{name}` are to be learnt from, and only {there} are played");
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
                Made { name: model.name.clone(), key: tokenizer.to_owned(), path: model.path.clone() },
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
