//! What serves the models of cells.

use std::path::{Path, PathBuf};

use proto::study::Cell;

use crate::programs::{Program, Programs};

/// The ranks that vLLM has kernels for.
const VLLM_RANKS: [u64; 9] = [1, 8, 16, 32, 64, 128, 256, 320, 512];

/// What serves the models of a cell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ModelServer {
    /// Servers that run already.
    Running(Running),
    /// A server that is started when it is needed.
    Started(Started),
}

/// Servers that run already.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Running {
    /// Their base URLs.
    pub urls: Vec<String>,
    /// Their name of the base; none: they are asked for it.
    pub model: Option<String>,
}

/// A server that is started when it is needed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Started {
    /// Which program it is.
    pub program: Serves,
    /// The base.
    pub model: PathBuf,
    /// The adapters that it has from the start.
    pub adapters: Vec<Adapter>,
    /// The file of its log.
    pub log: PathBuf,
}

/// A program that serves models.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Serves {
    /// `trainer serve`, with these options.
    Trainer {
        /// Its options beside models and addresses.
        options: Vec<String>,
    },
    /// vLLM, or what takes its arguments.
    Vllm {
        /// The words before `serve`; at least one.
        program: Vec<String>,
        /// Most tokens of a conversation; none: the model's own limit.
        context: Option<u64>,
        /// The highest rank of an adapter; none: no adapter is served.
        rank: Option<u64>,
        /// Most adapters in a batch.
        batch: usize,
        /// Arguments of the experiment.
        arguments: Vec<String>,
    },
}

/// An adapter that a server has from the start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Adapter {
    /// Its name in requests.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
}

impl Started {
    /// The program, and its arguments without an address.
    pub fn command(&self, programs: &Programs) -> (PathBuf, Vec<String>) {
        let model = self.model.to_string_lossy().into_owned();
        let adapters =
            self.adapters.iter().map(|Adapter { name, path }| format!("{name}={}", path.display()));
        match &self.program {
            Serves::Trainer { options } => {
                let mut arguments =
                    ["serve", "--model", &model, "--name", Cell::BASE].map(str::to_owned).to_vec();
                arguments.extend(options.iter().cloned());
                arguments.extend(adapters.flat_map(|adapter| ["--adapter".to_owned(), adapter]));
                (programs.path(Program::Trainer), arguments)
            }
            Serves::Vllm { program, context, rank, batch, arguments: more } => {
                let mut arguments: Vec<String> = program.iter().skip(1).cloned().collect();
                arguments.extend(["serve", &model, "--served-model-name", Cell::BASE].map(str::to_owned));
                let context =
                    context.iter().flat_map(|tokens| ["--max-model-len".to_owned(), tokens.to_string()]);
                arguments.extend(context);
                if let Some(rank) = rank {
                    let rank = VLLM_RANKS.into_iter().find(|known| known >= rank).unwrap_or(*rank);
                    arguments
                        .extend(["--enable-lora", "--max-lora-rank", &rank.to_string()].map(str::to_owned));
                    arguments.extend(["--max-loras".to_owned(), batch.to_string()]);
                }
                if !self.adapters.is_empty() {
                    arguments.push("--lora-modules".to_owned());
                    arguments.extend(adapters);
                }
                arguments.extend(more.iter().cloned());
                (program.first().map_or_else(PathBuf::new, PathBuf::from), arguments)
            }
        }
    }

    /// What is missing to start it, if that can be said without starting it.
    pub fn missing(&self) -> Option<String> {
        let Serves::Vllm { program, .. } = &self.program else { return None };
        let first = Path::new(program.first()?);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there = match first.parent() {
            Some(folder) if folder != Path::new("") => first.is_file(),
            _ => std::env::split_paths(&path).any(|folder| folder.join(first).is_file()),
        };
        (!is_there).then(|| {
            format!(
                "`evaluation.server.program`: there is no program {}; install it, or name another",
                first.display()
            )
        })
    }
}

impl ModelServer {
    /// Whether it is `trainer serve`, started by the study.
    pub fn is_trainer(&self) -> bool {
        matches!(self, Self::Started(Started { program: Serves::Trainer { .. }, .. }))
    }

    /// Leaves out the adapters that are not in one of these folders.
    pub fn keep_adapters(&mut self, folders: &[PathBuf]) {
        if let Self::Started(started) = self {
            started.adapters.retain(|adapter| folders.contains(&adapter.path));
        }
    }
}
