//! The trainer, at the other end of standard input and output: a line of JSON for each message.

use proto::rollout::{Answer, Ask, FromAgent, ToAgent};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines, Stdin, Stdout, stdin, stdout};
use tokio::sync::Mutex;

/// The trainer.
#[derive(Debug)]
pub struct Pipe {
    ends: Mutex<Ends>,
}

#[derive(Debug)]
struct Ends {
    hears: Lines<BufReader<Stdin>>,
    says: Stdout,
}

/// Why the trainer can't be heard or understood.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Reading or writing failed.
    #[error("the trainer can't be reached: {0}")]
    Gone(#[from] std::io::Error),
    /// A line is no message.
    #[error("the trainer said what is not in `proto::rollout`: {0}")]
    Unknown(#[from] serde_json::Error),
    /// A message came when another one was expected.
    #[error("the trainer said something out of turn")]
    OutOfTurn,
}

impl Pipe {
    /// The trainer that started this program.
    pub fn new() -> Self {
        Self { ends: Mutex::new(Ends { hears: BufReader::new(stdin()).lines(), says: stdout() }) }
    }

    /// The trainer's next message; `None` once it has gone.
    ///
    /// # Errors
    /// If it can't be read or is not one.
    pub async fn hear(&self) -> Result<Option<ToAgent>, Lost> {
        self.ends.lock().await.hear().await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If it can't be written.
    pub async fn say(&self, message: &FromAgent) -> Result<(), Lost> {
        self.ends.lock().await.say(message).await
    }

    /// Asks what all episodes of a round ask; `None` if the trainer has gone.
    ///
    /// # Errors
    /// If it can't be reached, or does not answer every question.
    pub async fn ask(&self, asks: Vec<Ask>) -> Result<Option<Vec<Answer>>, Lost> {
        let count = asks.len();
        let mut ends = self.ends.lock().await;
        ends.say(&FromAgent::Ask(asks)).await?;
        match ends.hear().await? {
            Some(ToAgent::Answers(answers)) if answers.len() == count => Ok(Some(answers)),
            Some(_) => Err(Lost::OutOfTurn),
            None => Ok(None),
        }
    }
}

impl Ends {
    async fn hear(&mut self) -> Result<Option<ToAgent>, Lost> {
        let Some(line) = self.hears.next_line().await? else { return Ok(None) };
        Ok(Some(serde_json::from_str(&line)?))
    }

    async fn say(&mut self, message: &FromAgent) -> Result<(), Lost> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.says.write_all(&line).await?;
        Ok(self.says.flush().await?)
    }
}
