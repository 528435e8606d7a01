//! `trainer serve`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tracing_subscriber::EnvFilter;
use trainer::generate::{Engine, Options, default_batch};
use trainer::serve::{Identity, SamplingDefaults, Server, Serving};
use trainer::tokenizer::Tokenizer;
use trainer::{Error, Result, digest};

use super::loading::Loading;

/// Serve a model and adapters for it, over gRPC (`runtime_gym.inference.v1`, health, reflection) and HTTP
/// (`/v1/chat/completions`, `/v1/models`, `/health`) on one port. The first line on standard output is
/// `listening on http://ADDRESS`; the log goes to standard error.
#[derive(Args)]
#[command(after_help = "\
Examples:
  trainer serve --model models/base
  trainer serve --model models/base --adapter persistent=runs/a --adapter reset=runs/b --listen 127.0.0.1:0
  RUNTIME_GYM_LOG=trainer=debug trainer serve --model models/base        (spans of calls)

Requests over HTTP that do not say how to sample get the model's generation_config.json, and where that says nothing
temperature 1; over gRPC they are greedy.")]
pub struct Arguments {
    #[command(flatten)]
    loading: Loading,

    /// An adapter to load at the start (a PEFT folder); may be given several times.
    #[arg(long = "adapter", value_name = "NAME=DIR", value_parser = named)]
    adapters: Vec<(String, PathBuf)>,

    /// Address to listen on; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50052")]
    listen: SocketAddr,

    /// What requests call the base model. [default: its folder's name]
    #[arg(long)]
    name: Option<String>,

    /// Most answers under way at the same time. [default: 32, or what half of the free memory holds]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    max_batch: Option<u16>,

    /// Most requests that wait for a place in the batch; more are refused.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    queue: u16,

    /// Shut down when standard input closes: for a parent process that wants its server to end with it.
    #[arg(long)]
    until_stdin_closes: bool,
}

/// `NAME=DIR`.
fn named(text: &str) -> std::result::Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => Ok((name.into(), folder.into())),
        _ => Err("must be NAME=DIR".to_owned()),
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let filter = EnvFilter::try_from_env("RUNTIME_GYM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Serve(format!("cannot start the runtime: {error}")))?;
    let served = runtime.block_on(serve(arguments));
    runtime.shutdown_background();
    served
}

async fn serve(arguments: &Arguments) -> Result<()> {
    // Before anything is loaded: a taken port should fail at once.
    let listener = lifecycle::bind(arguments.listen, "server").await.map_err(Error::Serve)?;
    let folder = arguments.loading.model.clone();
    let sha256 = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || digest::weights(&folder)
    });
    let model = arguments.loading.model()?;
    let context = arguments.loading.context(&model)?;
    let options = Options {
        max_batch: arguments.max_batch.map_or_else(|| default_batch(&model, context), usize::from),
        context,
        queue: arguments.queue.into(),
    };
    let engine = Engine::start(model, Arc::new(Tokenizer::read(&folder)?), options)?;
    let sha256 = sha256.await.map_err(|error| Error::Serve(format!("hashing failed: {error}")))??;
    let name = arguments.name.clone().unwrap_or_else(|| {
        let full = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        full.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
    });
    let serving = Serving {
        engine: engine.handle().clone(),
        model: Identity { name, path: folder.clone(), sha256 },
        defaults: SamplingDefaults::read(&folder)?,
    };
    for (name, path) in &arguments.adapters {
        let loaded = serving.load(name, path, false);
        loaded.map_err(|error| Error::Serve(format!("--adapter {name}={}: {error}", path.display())))?;
    }

    let address = lifecycle::announce(&listener)
        .map_err(|error| Error::Serve(format!("cannot say where it listens: {error}")))?;
    tracing::info!(%address, model = serving.model.name, context = options.context, options.max_batch, "serving");
    let served = Server::new(serving).run(listener, lifecycle::shutdown(arguments.until_stdin_closes)).await;
    served.map_err(|error| Error::Serve(format!("serving failed: {error}")))
}
