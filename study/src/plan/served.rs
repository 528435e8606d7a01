//! What serves the models of cells, as the experiment describes it.

use anyhow::{Context as _, Result};
use proto::study::Cell;
use serde_json::{Value, json};

use super::agent_run::config_file;
use super::models::Base;
use super::planner::{Plan, Planner};
use crate::experiment::{self, Server};
use crate::kind::Kind;
use crate::model_server::{Adapter, ModelServer, Running, Serves, Started};

/// The model in a run config.
const MODEL: &str = "/agents/0/llm/model";

impl Planner<'_> {
    /// What serves the models of all cells of a repeat.
    pub fn server(&self, seed: u64, base: &Base) -> ModelServer {
        let evaluation = &self.experiment.evaluation;
        let log = self.place.study().join(format!("seed{seed}")).join("serve.log");
        let adapters: Vec<Adapter> = (evaluation.models.iter())
            .filter_map(|name| {
                let adapter = self.planned(&format!("seed{seed}/adapters/{name}"))?;
                Some(Adapter { name: name.clone(), path: adapter.path })
            })
            .collect();
        let program = match &evaluation.server {
            Some(Server::Running(experiment::Running { urls, model })) => {
                return ModelServer::Running(Running { urls: urls.clone(), model: model.clone() });
            }
            Some(Server::Started(vllm)) => Serves::Vllm {
                program: vllm.program.clone(),
                context: evaluation.context,
                rank: evaluation.models.iter().filter_map(|name| self.rank(name)).max(),
                batch: adapters.len(),
                arguments: vllm.arguments.clone(),
            },
            None => Serves::Trainer { options: self.trainer_options() },
        };
        ModelServer::Started(Started { program, model: base.model.path.clone(), adapters, log })
    }

    /// Options of `trainer serve` beside models and addresses.
    fn trainer_options(&self) -> Vec<String> {
        let (context, threads) = (self.experiment.evaluation.context, self.experiment.threads);
        let in_4bit = self.experiment.served_in_4bit().then(|| "--load-in-4bit".to_owned());
        let text = |number: u64| number.to_string();
        let dtype = self.experiment.evaluation.dtype.map(|dtype| dtype.name().to_owned());
        let values = [("--dtype", dtype), ("--context", context.map(text)), ("--threads", threads.map(text))];
        let values = values.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
        in_4bit.into_iter().chain(values.flatten()).collect()
    }

    /// The rank of an adapter; none of the base.
    fn rank(&self, model: &str) -> Option<u64> {
        let settings = self.experiment.adapter_settings(self.experiment.adapters.get(model)?);
        settings.get("lora_r")?.as_u64()
    }

    /// Everything of a server that may decide what its models answer.
    pub fn served(&self) -> Value {
        let evaluation = &self.experiment.evaluation;
        match &evaluation.server {
            None => {
                let mut served = json!({
                    "load_in_4bit": self.experiment.served_in_4bit(),
                    "context": evaluation.context,
                    "threads": self.experiment.threads,
                });
                if let Some(dtype) = evaluation.dtype {
                    served["dtype"] = json!(dtype);
                }
                served
            }
            Some(Server::Started(vllm)) => {
                json!({ "server": "vllm", "context": evaluation.context, "arguments": vllm.arguments })
            }
            // What it was started with is not known.
            Some(Server::Running(_)) => json!({ "server": "running" }),
        }
    }
}

impl Plan {
    /// The running servers that have to be asked for their name of the base, if there are any.
    pub fn unnamed_base(&self) -> Option<&Running> {
        self.stages.iter().find_map(|stage| match &stage.server {
            Some(ModelServer::Running(running)) if running.model.is_none() => Some(running),
            _ => None,
        })
    }

    /// Has the cells of the base ask for it by this name. Keys do not change: the model is the same.
    ///
    /// # Errors
    /// If a config can't be written as YAML.
    pub fn name_base(&mut self, name: &str) -> Result<()> {
        let of_base = |settings: &Value| settings.pointer(MODEL).is_some_and(|model| model == Cell::BASE);
        for stage in self.stages.iter_mut().filter(|stage| stage.kind == Kind::Evaluate) {
            if !of_base(&stage.settings["run"]) {
                continue;
            }
            let (_, text) = stage.files.first_mut().context("a cell has a config")?;
            let mut config = fields::from_yaml(text)?;
            if let Some(model) = config.pointer_mut(MODEL) {
                *model = json!(name);
            }
            *text = config_file(&stage.folder, &config)?;
        }
        Ok(())
    }
}
