//! Which episodes are good enough to learn from.

use std::fmt;

use proto::run::Status;
use serde::Serialize;

use super::episode::Episode;

/// What an episode has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Filter {
    /// Solved exactly.
    pub only_solved: bool,
    /// Of at least this score, 0 to 1.
    pub min_score: f64,
    /// With a missing variable, too.
    pub allow_missing_variables: bool,
    /// Of at most this number of tokens, of prompts and answers over all turns.
    pub max_total_tokens: Option<u64>,
    /// Of at most this number of turns.
    pub max_turns: Option<u64>,
}

/// Why an episode is dropped.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It has no evaluation: a program or a connection failed.
    Failed,
    /// It has no trace, or the model never answered.
    NoAnswer,
    /// It is not solved.
    NotSolved,
    /// Its score is too low.
    Score,
    /// A name was missing.
    MissingVariable,
    /// It has too many tokens.
    Tokens,
    /// It has too many turns.
    Turns,
    /// Another agent's episode of the same task was dropped, or there is none.
    Partner,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Failed => "no evaluation",
            Self::NoAnswer => "no answer",
            Self::NotSolved => "not solved",
            Self::Score => "score too low",
            Self::MissingVariable => "a missing variable",
            Self::Tokens => "too many tokens",
            Self::Turns => "too many turns",
            Self::Partner => "another agent's episode of the task was dropped",
        })
    }
}

impl Filter {
    /// Checks an episode; the first reason counts.
    ///
    /// # Errors
    /// Why it is dropped.
    pub fn check(&self, episode: &Episode) -> Result<(), Reason> {
        let evaluation =
            episode.result.result.as_ref().filter(|_| episode.result.status == Status::Completed);
        let evaluation = evaluation.ok_or(Reason::Failed)?;
        let trace = episode.trace.as_ref().ok_or(Reason::NoAnswer)?;
        let turns = episode.steps().count() as u64;
        let within = |most: Option<u64>, number| most.is_none_or(|most| number <= most);
        let rules = [
            (turns > 0, Reason::NoAnswer),
            (evaluation.is_solved || !self.only_solved, Reason::NotSolved),
            (evaluation.score >= self.min_score, Reason::Score),
            (self.allow_missing_variables || !episode.misses_a_variable(), Reason::MissingVariable),
            (within(self.max_total_tokens, trace.summary.token_usage.total_tokens), Reason::Tokens),
            (within(self.max_turns, turns), Reason::Turns),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, reason)| Err(reason))
    }
}
