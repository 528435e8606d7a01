//! `agent chat`.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lifecycle::interrupt::EXIT_CODE;
use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;

use super::run::read_config;
use super::watched::{spans, stopped};
use crate::chat::{self, Options, Person, Who};
use crate::config::RunConfig;

/// Plays one episode in the terminal, or shows how a model plays it.
///
/// Without --config you play: type blocks of Python, each ended by an empty line, and see what they print, their errors,
/// the names in the interpreter and what is left of the task's budgets. finish() ends the episode; Ctrl-D ends it as it is.
/// Blocks may come through a pipe, too. With --config an agent plays, and each turn is shown when it has ended.
///
/// The exit status is 0 if the episode has an evaluation, 1 otherwise, and 130 if it was stopped.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  Play the first task of a folder yourself, with an interpreter that keeps its state, or one that is reset:
    agent chat --tasks-root tasks/easy
    agent chat --tasks-root tasks/easy --family knapsack --reset

  Play a certain task on a running server, and keep the trace and its page:
    agent chat --env http://127.0.0.1:50051 --task knapsack-0000000003 --out runs/mine

  Watch an agent of a config:
    agent chat --config agent_configs/teachers/pair.yaml --agent persistent --tasks-root tasks/easy

  Play through a pipe:
    printf 'print(list_items())\\n\\nfinish()\\n' | agent chat --tasks-root tasks/easy")]
pub struct ChatArgs {
    /// A task folder: its manifest names the task set. Needed without --env.
    #[arg(long, value_name = "DIR")]
    tasks_root: Option<PathBuf>,
    /// A running environment server, such as http://127.0.0.1:50051, in place of the config's `env`. Without one, the command
    /// starts its own. May be repeated: the episode is played on one of them.
    #[arg(long, value_name = "URL")]
    env: Vec<String>,
    /// The task family; the first task's, or the config's first, if not given.
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// The task's id; the first task if not given.
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Every block starts in a new interpreter. Without it, the interpreter keeps its state.
    #[arg(long, conflicts_with = "config")]
    reset: bool,
    /// How a block runs: as a script, or as a cell of a notebook, which shows the value of a last expression.
    #[arg(long, value_name = "NAME", default_value_t = Semantics::Script, value_parser = semantics_parser(), conflicts_with = "config")]
    semantics: Semantics,
    /// Turns after which the episode ends.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "config")]
    max_turns: u32,
    /// Watch an agent of this run config (YAML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The agent's name; needed if the config has several.
    #[arg(long, value_name = "NAME", requires = "config")]
    agent: Option<String>,
    /// The model's servers, in place of the config's `llm.url`; may be repeated.
    #[arg(long, value_name = "URL", requires = "config")]
    inference: Vec<String>,
    /// A folder with texts that the model is told, in place of the config's `prompts`.
    #[arg(long, value_name = "DIR", requires = "config")]
    prompts: Option<PathBuf>,
    /// Keep the trace, its page and the result in this folder, as a run does.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl ChatArgs {
    pub fn run(self) -> Result<u8, Box<dyn Error>> {
        let config = self.config.as_deref().map(read_config).transpose()?;
        let options = self.options(config);
        let _spans = spans()?;
        let stopped = stopped("the episode is closed")?;
        let played = tokio::runtime::Runtime::new()?.block_on(chat::play(&options, stopped))?;
        let Some(played) = played else { return Ok(EXIT_CODE) };
        if let Some(page) = &played.page {
            eprintln!("page: {}", page.display());
        }
        Ok(u8::from(played.result.result.is_none()))
    }

    /// What to play; `config` is what --config holds.
    fn options(self, config: Option<RunConfig>) -> Options {
        let who = match config {
            None => Who::Person(Person {
                state: InterpreterState::from_persistent(!self.reset),
                semantics: self.semantics,
                max_turns: self.max_turns,
            }),
            Some(mut config) => {
                if !self.inference.is_empty() {
                    config.set_inference(&self.inference);
                }
                config.prompts = self.prompts.or(config.prompts);
                Who::Agent { config: Box::new(config), agent: self.agent }
            }
        };
        Options {
            who,
            tasks_root: self.tasks_root,
            envs: self.env,
            family: self.family,
            task: self.task,
            out: self.out,
        }
    }
}

/// Reads the name of semantics.
fn semantics_parser() -> impl TypedValueParser<Value = Semantics> {
    PossibleValuesParser::new(Semantics::ALL.map(Semantics::name))
        .try_map(|name| Semantics::named(&name).ok_or("no such semantics"))
}
