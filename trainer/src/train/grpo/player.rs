//! The agent that plays the episodes: a child, which is spoken to as [`proto::rollout`] says.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use proto::rollout::{Answer, Ask, FromAgent, Group, Offer, Played, SCHEMA_VERSION, ToAgent};

use crate::train::config::Rollout;
use crate::{Error, Result};

/// How long an agent may take to end when its input has.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has the agent check its config, and plays nothing. False if there is no such program.
///
/// # Errors
/// What the agent says of the config, or why the agent can't be started.
pub fn check(agent: &Path, settings: &Rollout) -> Result<bool> {
    let mut command = Command::new(agent);
    command.args(["rollouts", "--check", "--config"]).arg(&settings.config);
    match command.output() {
        Err(reason) if reason.kind() == ErrorKind::NotFound => Ok(false),
        Err(reason) => Err(Error::file(agent)(reason)),
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Error::Agent(format!("`rollout.config`: {}", said.trim().trim_start_matches("error: "))))
        }
    }
}

/// An agent that plays episodes.
pub struct Player {
    child: Child,
    says: Option<ChildStdin>,
    hears: BufReader<ChildStdout>,
    offer: Offer,
}

impl Player {
    /// Starts the agent and hears what it offers. What it prints besides goes to standard error. It has its own process group,
    /// so Ctrl-C at the terminal reaches only this program. `folder` gets the log of the environment server that it may start.
    ///
    /// # Errors
    /// If it can't be started, or ends.
    pub fn start(agent: &Path, settings: &Rollout, folder: &Path) -> Result<Self> {
        let mut command = Command::new(agent);
        command.arg("rollouts").arg("--config").arg(&settings.config).arg("--output-dir").arg(folder);
        if let Some(tasks) = &settings.tasks_root {
            command.arg("--tasks-root").arg(tasks);
        }
        settings.env.iter().for_each(|url| {
            command.arg("--env").arg(url);
        });
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn();
        let mut child = started.map_err(Error::file(agent))?;
        let says = child.stdin.take();
        let hears = child.stdout.take().ok_or_else(|| Error::Agent("the agent has no output".to_owned()))?;
        let mut player = Self { child, says, hears: BufReader::new(hears), offer: Offer::default() };
        match player.hear()? {
            FromAgent::Offer(offer) if offer.schema_version == SCHEMA_VERSION => player.offer = offer,
            FromAgent::Offer(offer) => {
                let (theirs, ours) = (offer.schema_version, SCHEMA_VERSION);
                return Err(Error::Agent(format!("the agent speaks {theirs}, this trainer {ours}")));
            }
            _ => return Err(out_of_turn()),
        }
        Ok(player)
    }

    /// What can be played.
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Plays groups. `answer` answers the questions of each round, in their order.
    ///
    /// # Errors
    /// If the agent ends, or `answer` fails.
    pub fn play(
        &mut self,
        groups: Vec<Group>,
        mut answer: impl FnMut(Vec<Ask>) -> Result<Vec<Answer>>,
    ) -> Result<Played> {
        self.say(&ToAgent::Play(groups))?;
        loop {
            match self.hear()? {
                FromAgent::Ask(asks) => {
                    let answers = answer(asks)?;
                    self.say(&ToAgent::Answers(answers))?;
                }
                FromAgent::Played(played) => return Ok(played),
                FromAgent::Offer(_) => return Err(out_of_turn()),
            }
        }
    }

    fn say(&mut self, message: &ToAgent) -> Result<()> {
        let mut line = serde_json::to_vec(message).map_err(|error| Error::Agent(error.to_string()))?;
        line.push(b'\n');
        let written = match &mut self.says {
            Some(pipe) => pipe.write_all(&line).and_then(|()| pipe.flush()),
            None => Ok(()),
        };
        written.map_err(|_| self.ended())
    }

    fn hear(&mut self) -> Result<FromAgent> {
        let mut line = String::new();
        match self.hears.read_line(&mut line) {
            Ok(0) | Err(_) => Err(self.ended()),
            Ok(_) => serde_json::from_str(&line)
                .map_err(|error| Error::Agent(format!("the agent said what is no message: {error}"))),
        }
    }

    /// The error of an agent that no longer speaks.
    fn ended(&mut self) -> Error {
        let status = self.end().map_or_else(|| "it does not end".to_owned(), |status| status.to_string());
        Error::Agent(format!(
            "the agent that plays the episodes has ended ({status}); its last message is above"
        ))
    }

    /// Ends the agent, by the end of its input or by force.
    fn end(&mut self) -> Option<std::process::ExitStatus> {
        self.says = None;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                ended => return ended.ok().flatten(),
            }
        }
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.end();
    }
}

fn out_of_turn() -> Error {
    Error::Agent("the agent said something out of turn".to_owned())
}
