//! Stages of the episodes of every model in every runtime, and the report.

use anyhow::Result;
use proto::interpreter_state::InterpreterState;
use proto::study::Cell;
use serde_json::json;

use super::agent_run::{AgentRun, measured, play};
use super::models::Base;
use super::planner::{Call, Draft, Planner, text};
use crate::experiment::{Settings, merged};
use crate::kind::Kind;
use crate::model_server::ModelServer;
use crate::programs::Program;
use crate::stage::{Artifact, Stage, Work};

impl Planner<'_> {
    /// All cells of a repeat.
    pub fn cells(&mut self, seed: u64, base: &Base) -> Result<()> {
        let evaluation = &self.experiment.evaluation;
        // All task sets come first, so that one server lasts for all cells.
        for tasks in &evaluation.tasks {
            self.tasks(tasks)?;
        }
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

    /// How a model is called by name, with further settings of the experiment.
    fn llm(&self, backend: &str, model: &str, more: &Settings) -> Settings {
        let evaluation = &self.experiment.evaluation;
        let own = Settings::from_iter([
            ("backend".to_owned(), json!(backend)),
            ("model".to_owned(), json!(model)),
            ("temperature".to_owned(), json!(evaluation.temperature)),
            ("max_tokens".to_owned(), json!(evaluation.max_tokens)),
            ("max_concurrent_requests".to_owned(), json!(evaluation.max_concurrent_runs)),
        ]);
        merged(&own, more)
    }

    /// One cell: a model in a runtime on a task set.
    fn cell(
        &mut self,
        seed: u64,
        tasks: &str,
        model: &str,
        runtime: InterpreterState,
        base: &Base,
        server: &ModelServer,
    ) -> Result<()> {
        let evaluation = &self.experiment.evaluation;
        let (set, generated) = (self.task_set(tasks)?, self.tasks(tasks)?);
        let run = format!("{model}_in_{}", runtime.name());
        let name = format!("seed{seed}/cells/{tasks}/{run}");
        let agent_run = AgentRun {
            name: &run,
            state: runtime,
            set: &set,
            agent: [&self.experiment.agent, &evaluation.agent],
            seed,
            concurrency: evaluation.max_concurrent_runs,
        };
        let adapter = self.planned(&format!("seed{seed}/adapters/{model}"));
        let backend = if server.is_trainer() { "inference" } else { "vllm" };
        let mut llm = self.llm(backend, model, &evaluation.llm);
        if let ModelServer::Running(running) = server {
            match &adapter {
                Some(adapter) => llm.insert("lora_path".to_owned(), json!(adapter.path)),
                None => llm.insert("model".to_owned(), json!(running.model.as_deref().unwrap_or(Cell::BASE))),
            };
        }
        let config = agent_run.config(&llm);
        let settings = agent_run.config(&self.llm(backend, model, &measured(&evaluation.llm)));
        let draft = Draft {
            name: name.clone(),
            kind: Kind::Evaluate,
            settings: json!({ "run": settings, "served": self.served() }),
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
