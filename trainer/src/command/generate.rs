//! `trainer generate`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use proto::conversation::Message;
use serde_json::Value;
use trainer::chat::Rendering;
use trainer::generate::{Engine, Event, Options, Request, Sampling};
use trainer::message::{self, Origin};
use trainer::tokenizer::Tokenizer;
use trainer::{Error, Result};

use super::model;

/// Generate one answer without a server; it is streamed to standard output.
#[derive(Args)]
#[command(after_help = "\
Examples:
  trainer generate --model models/base --prompt 'Which item weighs least?'
  trainer generate --model models/base --adapter runs/adapter --messages conversation.json --temperature 0.7 --seed 1")]
pub struct Arguments {
    #[command(flatten)]
    model: model::Arguments,
    /// An adapter: a PEFT folder.
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    #[command(flatten)]
    input: Input,
    /// Sampling temperature; 0 is greedy.
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Seed of the sampling; the same seed gives the same answer.
    #[arg(long)]
    seed: Option<u64>,
    /// Passed to the chat template as `enable_thinking`; undefined there by default.
    #[arg(long, value_name = "BOOL")]
    enable_thinking: Option<bool>,
    /// Most tokens of the answer. [default: the rest of the context]
    #[arg(long)]
    max_tokens: Option<usize>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Input {
    /// The user's message.
    #[arg(long)]
    prompt: Option<String>,
    /// A conversation: a JSON file with an array of {"role", "content"}.
    #[arg(long, value_name = "FILE")]
    messages: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let messages: Vec<Message> = match (&arguments.input.messages, &arguments.input.prompt) {
        (Some(path), _) => {
            let text = std::fs::read(path).map_err(|reason| Error::File { path: path.clone(), reason })?;
            let values: Vec<Value> =
                serde_json::from_slice(&text).map_err(|reason| Error::Json { path: path.clone(), reason })?;
            message::read_all(&values, Origin::File).map_err(|(key, problem)| Error::Key {
                path: path.clone(),
                key,
                problem,
            })?
        }
        (None, prompt) => vec![Message::user(prompt.clone().unwrap_or_default())],
    };
    let model = arguments.model.load()?;
    let options = Options { max_batch: 1, context: arguments.model.context(&model)?, queue: 1 };
    let tokenizer = Arc::new(Tokenizer::read(&arguments.model.folder)?);
    let rendering =
        Rendering { add_generation_prompt: true, enable_thinking: arguments.enable_thinking, tools: &[] };
    let tokens = tokenizer.encode(&tokenizer.render(&messages, rendering)?)?;
    let engine = Engine::start(model, tokenizer, options)?;
    let refused = |error: trainer::generate::Error| Error::Serve(error.to_string());
    if let Some(path) = &arguments.adapter {
        engine.handle().load("adapter", path, false).map_err(refused)?;
    }
    let request = Request {
        tokens,
        adapter: arguments.adapter.is_some().then(|| "adapter".to_owned()),
        sampling: Sampling {
            temperature: arguments.temperature,
            seed: arguments.seed,
            ..Sampling::default()
        },
        max_tokens: arguments.max_tokens,
        ..Request::default()
    };
    let mut generation = engine.handle().generate(request).map_err(refused)?;
    let mut stdout = std::io::stdout();
    let unwritten = |reason| Error::File { path: "standard output".into(), reason };
    while let Event::Piece(piece) = generation.blocking_next().map_err(refused)? {
        write!(stdout, "{}", piece.text).and_then(|()| stdout.flush()).map_err(unwritten)?;
    }
    writeln!(stdout).map_err(unwritten)
}
