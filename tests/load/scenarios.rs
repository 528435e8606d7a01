//! Loads that are played in turn, and what follows from them.
//!
//! | file     | what it holds                                             |
//! |----------|-----------------------------------------------------------|
//! | `beside` | 64, 500 and 1,000 sessions, beside OpenEnv                |
//! | `gateway`| 64 and 1,000 sessions in OpenEnv's protocol, beside it    |
//! | `many`   | 10,000 episodes that step, 100,000 that are open          |
//! | `guests` | endless, abandoned and cancelled neighbours               |
//! | `stored` | episodes that are stored, beside those that are not       |
//! | `again`  | a server that begins again, copies, moves                 |

mod again;
mod beside;
mod gateway;
mod guests;
mod many;
mod stored;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::measure::{Load, Measured, measure};
use crate::pace::Pace;
use crate::player::Script;
use crate::report::{Finding, Report};
use crate::servers::Place;

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// 64 sessions, unary and batched, beside OpenEnv.
    Few,
    /// 500 and 1,000 sessions, beside OpenEnv.
    Hundreds,
    /// 64 and 1,000 sessions of OpenEnv's protocol, on our gateway and on OpenEnv.
    Gateway,
    /// 10,000 live episodes.
    Many,
    /// 100,000 open episodes, most of which hibernate.
    Asleep,
    /// Short steps beside endless ones.
    Guests,
    /// Episodes that are created and never closed.
    Abandoned,
    /// Calls that are cancelled.
    Cancelled,
    /// Steps that are stored, beside steps that are not.
    Stored,
    /// A killed server with 100,000 open episodes begins again.
    Restart,
    /// 1,000 copies of an episode; 1,000 episodes that move to another server.
    Moves,
}

/// How the scenarios are played.
#[derive(Args, Debug)]
pub struct Terms {
    /// A Python that has OpenEnv. [default: the peer is left out]
    #[arg(long, value_name = "PYTHON")]
    openenv: Option<PathBuf>,
    /// Only these, with commas between them. [default: all]
    #[arg(long, value_name = "SCENARIOS", value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Few sessions and little time: whether everything works, not how fast.
    #[arg(long)]
    short: bool,
    /// Rounds of the scenarios with a peer: all of them take turns.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Seconds that each load is measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 8)]
    seconds: u64,
    /// Further arguments of `env-server serve`.
    #[arg(last = true, value_name = "ARGUMENTS")]
    server: Vec<String>,
}

/// Plays the scenarios, one after the other.
pub async fn run(terms: &Terms, report: &mut Report) -> Result<()> {
    for scenario in Scenario::value_variants() {
        if !terms.only.is_empty() && !terms.only.contains(scenario) {
            continue;
        }
        match scenario {
            Scenario::Few => beside::few(terms, report).await?,
            Scenario::Hundreds => beside::hundreds(terms, report).await?,
            Scenario::Gateway => gateway::gateway(terms, report).await?,
            Scenario::Many => many::awake(terms, report).await?,
            Scenario::Asleep => many::asleep(terms, report).await?,
            Scenario::Guests => guests::endless(terms, report).await?,
            Scenario::Abandoned => guests::abandoned(terms, report).await?,
            Scenario::Cancelled => guests::cancelled(terms, report).await?,
            Scenario::Stored => stored::stored(terms, report).await?,
            Scenario::Restart => again::restart(terms, report).await?,
            Scenario::Moves => again::moves(terms, report).await?,
        }
    }
    Ok(())
}

impl Terms {
    /// A number, and a smaller one for the short form.
    fn size(&self, whole: usize, short: usize) -> usize {
        if self.short { short } else { whole }
    }

    /// A closed loop of this many sessions.
    fn load(&self, what: impl Into<String>, sessions: usize) -> Load {
        Load {
            what: what.into(),
            sessions,
            batch: None,
            pace: Pace::Closed,
            warm_up: if self.short { Duration::from_millis(200) } else { Duration::from_secs(2) },
            length: if self.short { Duration::from_secs(1) } else { Duration::from_secs(self.seconds) },
            connections: None,
            script: Script { code: None, episode_steps: 500, timeout: Duration::from_secs(60) },
            guests: crate::guests::Guests::default(),
        }
    }

    /// Arguments of a server with room for this many episodes, all of them awake.
    fn room(&self, episodes: usize) -> Vec<String> {
        self.room_of(episodes, episodes)
    }

    /// Arguments of a server with room for this many episodes, and this many that are awake.
    fn room_of(&self, episodes: usize, awake: usize) -> Vec<String> {
        let (episodes, awake) = (episodes.to_string(), awake.to_string());
        let room = ["--max-episodes", &episodes, "--max-awake", &awake].map(str::to_owned);
        [&room[..], &self.server].concat()
    }
}

impl Report {
    /// Plays a load and keeps what was measured.
    async fn play(&mut self, place: &Place, load: &Load) -> Result<Measured> {
        let measured = measure(place, load).await?;
        self.loads.push(measured.clone());
        Ok(measured)
    }

    /// Adds the median of the rounds' ratios.
    fn ratio(&mut self, what: &str, ours: &[f64], others: &[f64], aim: f64) {
        let mut ratios: Vec<f64> = ours.iter().zip(others).map(|(ours, other)| ours / other).collect();
        ratios.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (ratios.first(), ratios.last()) else { return };
        let median = ratios[ratios.len() / 2];
        let value = format!("{median:.2}x ({least:.2} to {most:.2})");
        self.find(what, value, format!(">= {aim}x"), median >= aim);
    }

    /// Adds a finding whose aim is speed.
    fn find(&mut self, what: impl Into<String>, value: String, aim: String, is_met: bool) {
        self.findings.push(Finding { what: what.into(), value, aim, is_met, is_required: false });
    }

    /// Adds a finding that must be as its aim says.
    fn require(&mut self, what: impl Into<String>, value: String, aim: String, is_met: bool) {
        self.findings.push(Finding { what: what.into(), value, aim, is_met, is_required: true });
    }
}
