//! `trainer serve`.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::HeaderValue;
use clap::Args;
use lifecycle::telemetry;
use trainer::generate::{Engine, Options, default_batch};
use trainer::serve::{self, Identity, SamplingDefaults, Server, Serving};
use trainer::tokenizer::Tokenizer;
use trainer::{Error, Result, digest};

use super::model;

/// Serve a model and its adapters over gRPC (`runtime_gym.inference.v1`, health, reflection) and HTTP
/// (`/v1/chat/completions`, `/v1/completions`, `/v1/models`, `/tokenize`, `/health`) on one port. The first line on standard output is
/// `listening on http://ADDRESS`; the log goes to standard error.
#[derive(Args)]
#[command(after_help = "\
Examples:
  trainer serve --model models/base
  trainer serve --model models/base --adapter persistent=runs/a --adapter reset=runs/b --listen 127.0.0.1:0
  RUNTIME_GYM_LOG=trainer=debug trainer serve --model models/base        (spans of calls, generations)

HTTP requests that do not specify the sampling use the model's generation_config.json, otherwise temperature 1; gRPC
requests are greedy.")]
pub struct Arguments {
    #[command(flatten)]
    model: model::Arguments,

    /// An adapter (a PEFT folder) to load at the start; may be repeated.
    #[arg(long = "adapter", value_name = "NAME=DIR", value_parser = named)]
    adapters: Vec<(String, PathBuf)>,

    /// Passed to the chat template as `enable_thinking` where a request does not say; undefined there by default.
    #[arg(long, value_name = "BOOL")]
    enable_thinking: Option<bool>,

    /// Serve /v1/load_lora_adapter and /v1/unload_lora_adapter too: callers may then have any folder of this machine
    /// opened as an adapter.
    #[arg(long)]
    allow_runtime_lora_updating: bool,

    /// An origin, such as http://localhost:3000, whose pages a browser lets call the server (CORS); `*` is any; may be
    /// repeated.
    #[arg(long = "allowed-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<HeaderValue>,

    /// Address to listen on, a name or an IP address with a port; port 0 takes any free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50052")]
    listen: String,

    /// The base model's name in requests. [default: its folder's name]
    #[arg(long)]
    name: Option<String>,

    /// Most generations at the same time. [default: 32, or fewer if half of the free memory holds fewer]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    max_batch: Option<u16>,

    /// Most requests that wait for a place in the batch; further ones are refused.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    queue: u16,

    /// Shut down when standard input closes: for a parent process that wants its server to end with it.
    #[arg(long)]
    until_stdin_closes: bool,

    /// The log's format.
    #[arg(long, value_enum, default_value_t = telemetry::Format::Text)]
    log_format: telemetry::Format,
}

/// `NAME=DIR`.
fn named(text: &str) -> std::result::Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => Ok((name.into(), folder.into())),
        _ => Err("must be NAME=DIR".to_owned()),
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    telemetry::init(arguments.log_format);
    let program = telemetry::Program::server("trainer", env!("CARGO_PKG_VERSION"));
    let _spans = program.send_spans().map_err(Error::Serve)?;
    lifecycle::run_to_end(start(arguments)).map_err(|error| Error::Serve(error.to_string()))
}

async fn start(arguments: &Arguments) -> std::result::Result<(), lifecycle::Error> {
    // Before anything is loaded: a taken port should fail at once.
    let listener = lifecycle::bind(&arguments.listen, "server").await?;
    let folder = arguments.model.folder.clone();
    let sha256 = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || digest::weights(&folder)
    });
    let model = arguments.model.load()?;
    let context = arguments.model.context(&model)?;
    let options = Options {
        max_batch: arguments.max_batch.map_or_else(|| default_batch(&model, context), usize::from),
        context,
        queue: arguments.queue.into(),
    };
    let engine = Engine::start(model, Arc::new(Tokenizer::read(&folder)?), options)?;
    let sha256 = sha256.await.map_err(|error| format!("hashing failed: {error}"))??;
    let name = arguments.name.clone().unwrap_or_else(|| {
        let full = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        full.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
    });
    let serving = Serving {
        engine: engine.handle().clone(),
        model: Identity { name, path: folder.clone(), sha256 },
        defaults: SamplingDefaults::read(&folder)?,
        enable_thinking: arguments.enable_thinking,
    };
    for (name, path) in &arguments.adapters {
        let loaded = serving.load(name, path, false);
        loaded.map_err(|error| format!("--adapter {name}={}: {error}", path.display()))?;
    }

    lifecycle::announce(&listener, "http")
        .map_err(|error| format!("cannot say where it listens: {error}"))?;
    tracing::info!(address = %listener, model = serving.model.name, context = options.context, options.max_batch, "serving");
    let http = serve::Options {
        adapters: arguments.allow_runtime_lora_updating,
        origins: arguments.allowed_origins.clone(),
    };
    let served =
        Server::new(serving, http).run(listener, lifecycle::shutdown(arguments.until_stdin_closes)).await;
    served.map_err(|error| format!("serving failed: {error}").into())
}
