//! Stages of the episodes of every model in every runtime, and the report.

use anyhow::Result;
use proto::interpreter_state::InterpreterState;
use proto::study::Cell;
use serde_json::json;

use super::agent_run::{AgentRun, play};
use super::models::Base;
use super::planner::{Call, Draft, Planner, text};
use crate::kind::Kind;
use crate::programs::Program;
use crate::stage::{Artifact, Server, Stage, Work};

impl Planner<'_> {
    /// All cells of a repeat.
    pub fn cells(&mut self, seed: u64, base: &Base) -> Result<()> {
        let evaluation = &self.experiment.evaluation;
        let server = self.server(seed, base);
        for tasks in &evaluation.tasks {
            for model in &evaluation.models {
                for runtime in &evaluation.runtimes {
                    self.cell(seed, tasks, model, *runtime, base, &server)?;
                }
            }
        }
        Ok(())
    }

    /// The server for all cells of a repeat.
    fn server(&self, seed: u64, base: &Base) -> Server {
        let evaluation = &self.experiment.evaluation;
        let mut arguments =
            ["serve", "--model", &text(&base.model.path), "--name", Cell::BASE].map(str::to_owned).to_vec();
        if self.experiment.served_in_4bit() {
            arguments.push("--load-in-4bit".to_owned());
        }
        for (flag, value) in [("--context", evaluation.context), ("--threads", self.experiment.threads)] {
            arguments.extend(value.iter().flat_map(|value| [flag.to_owned(), value.to_string()]));
        }
        for name in &evaluation.models {
            let adapter = self.planned(&format!("seed{seed}/adapters/{name}"));
            arguments.extend(
                adapter.iter().flat_map(|adapter| {
                    ["--adapter".to_owned(), format!("{name}={}", adapter.path.display())]
                }),
            );
        }
        Server { arguments, log: self.place.study().join(format!("seed{seed}")).join("serve.log") }
    }

    /// One cell: a model in a runtime on a task set.
    fn cell(
        &mut self,
        seed: u64,
        tasks: &str,
        model: &str,
        runtime: InterpreterState,
        base: &Base,
        server: &Server,
    ) -> Result<()> {
        let evaluation = &self.experiment.evaluation;
        let (set, generated) = (self.task_set(tasks)?, self.tasks(tasks)?);
        let run = format!("{model}_in_{}", runtime.name());
        let name = format!("seed{seed}/cells/{tasks}/{run}");
        let config = AgentRun {
            name: &run,
            state: runtime,
            set: &set,
            agent: [&self.experiment.agent, &evaluation.agent],
            llm: json!({
                "backend": "inference",
                "model": model,
                "temperature": evaluation.temperature,
                "max_tokens": evaluation.max_tokens,
                "max_concurrent_requests": evaluation.max_concurrent_runs,
            }),
            seed,
            concurrency: evaluation.max_concurrent_runs,
        }
        .config();
        let adapter = self.planned(&format!("seed{seed}/adapters/{model}"));
        let served = json!({
            "load_in_4bit": self.experiment.served_in_4bit(),
            "context": evaluation.context,
            "threads": self.experiment.threads,
        });
        let draft = Draft {
            name: name.clone(),
            kind: Kind::Evaluate,
            settings: json!({ "run": config, "served": served }),
            inputs: [Some(generated.clone()), Some(base.model.clone()), adapter]
                .into_iter()
                .flatten()
                .collect(),
            output: run.as_str().into(),
            work: Some(Work {
                amount: set.episodes(None),
                unit: "episodes".to_owned(),
                like: self.like(&run),
            }),
        };
        self.add(draft, |folder| {
            Ok(Call { server: Some(server.clone()), ..play(folder, &config, &generated)? })
        })?;
        let cell = Cell { seed, train: model.to_owned(), runtime, tasks: tasks.to_owned(), run: name.into() };
        self.plan.cells.push(cell);
        Ok(())
    }

    /// The report on all stages.
    pub fn report(&mut self, analysis: &str) -> Result<Artifact> {
        let inputs: Vec<Artifact> = self.plan.stages.iter().map(Stage::artifact).collect();
        let study = text(&self.place.study());
        let draft = Draft {
            name: "report".to_owned(),
            kind: Kind::Report,
            settings: json!({ "title": self.experiment.title, "name": self.place.name, "analysis": analysis }),
            inputs,
            output: "report".into(),
            work: Some(Work {
                amount: self.plan.cells.len() as u64,
                unit: "cells".to_owned(),
                like: String::new(),
            }),
        };
        self.add(draft, |folder| {
            let out = text(&folder.join("report"));
            Ok(Call::new(Program::Analysis, ["report", &study, "--out", &out]))
        })
    }
}
