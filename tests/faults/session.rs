//! A session plays script after script on the disturbed server, and compares every answer.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use client::{EnvClient, connect, is_unreachable, reason};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};

use crate::answer::Answer;
use crate::draw::Draw;
use crate::known::Known;
use crate::player::Player;
use crate::script::{Call, STREAMS, script};
use crate::world::{Expected, World};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(60);
/// How long a call may take with all its attempts. The server may be kept away from it for a while.
const PATIENCE: Duration = Duration::from_secs(240);
/// The most letters of a call or an answer that are told.
const MOST_TOLD: usize = 1500;
/// The wait between two attempts.
const PAUSE: Duration = Duration::from_millis(15);

/// Plays until the world ends.
pub async fn play(world: Arc<World>, number: u64) {
    while !world.is_ending() {
        let known = Arc::new(Mutex::new(Vec::new()));
        world.sessions.lock().expect("no thread panics with it").insert(number, known.clone());
        let (play, script) = world.next();
        if let Err(error) = play_one(&world, known, play, script).await {
            world.tally.lose(format!("seed {}, script {script}, play {play}: {error:#}", world.seed));
            sleep(Duration::from_millis(100)).await;
        }
    }
    world.sessions.lock().expect("no thread panics with it").remove(&number);
}

/// One play of a script.
struct Session<'a> {
    world: &'a World,
    client: EnvClient,
    player: Player,
    random: Draw,
    /// Which start of the server was seen last.
    seen: u64,
    /// Names the play in what is told.
    name: String,
}

async fn play_one(world: &World, known: Arc<Mutex<Vec<Known>>>, play: u64, number: u64) -> Result<()> {
    let calls = script(world.seed, number);
    let expected = world.expected(number);
    let expected = expected.get_or_try_init(|| undisturbed(world, &calls, number)).await?.clone();
    let seen = served(world).await?;
    let mut session = Session {
        world,
        client: reach(&world.disturbed).await?,
        player: Player::new(format!("d{play}"), known),
        random: Draw::new(world.seed, STREAMS + play),
        seen,
        name: format!("seed {}, script {number}, play {play}", world.seed),
    };
    for (at, (call, expected)) in calls.iter().zip(&*expected).enumerate() {
        session.player.announce(call, expected);
        let before = session.player.answered_before(call);
        let answer = session.answer(call).await.with_context(|| format!("call {at}, {call:?}"))?;
        let name = &session.name;
        let told = |expected: &str| {
            let (call, texts) = (format!("{call:?}"), apart(expected, answer.comparable()));
            format!("{name}, call {at}, {}\n  expected: {}\n  found:    {}", cut(&call), texts[0], texts[1])
        };
        let (expected_bytes, found) = (expected.as_bytes(), answer.comparable().as_bytes());
        let mut is_same = world.tally.compare(expected_bytes, found, || told(expected));
        if let (Some(before), Answer::Done { exact, .. }) = (before, &answer) {
            let what = || format!("{}\n  (another answer than the first time)", told(expected));
            is_same &= world.tally.compare(&before, exact, what);
        }
        if !is_same {
            if is_gone(&answer) {
                world.tally.lose(format!("{name}: an episode or step is gone"));
            }
            // What follows would differ, too.
            break;
        }
        session.player.note(call, &answer);
    }
    Ok(())
}

/// A text that is not too long to read.
fn cut(text: &str) -> String {
    text.chars().take(MOST_TOLD).collect()
}

/// Two texts from a little before their first difference.
fn apart(expected: &str, found: &str) -> [String; 2] {
    let same = expected.chars().zip(found.chars()).take_while(|(expected, found)| expected == found).count();
    [expected, found].map(|text| text.chars().skip(same.saturating_sub(200)).take(MOST_TOLD).collect())
}

/// Whether the server does not know what it knew.
fn is_gone(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused(why) if why.starts_with("NotFound") || why.contains("STEP_GAP"))
}

/// The answers of the undisturbed server.
async fn undisturbed(world: &World, calls: &[Call], number: u64) -> Result<Expected> {
    let mut client = reach(&world.undisturbed).await?;
    let mut player = Player::new(format!("u{number}"), Arc::default());
    let mut answers = Vec::with_capacity(calls.len());
    for call in calls {
        player.announce(call, "");
        let ids: Vec<String> = player.known().iter().map(|known| known.id.clone()).collect();
        let answer = match player.make(&mut client, call).await {
            Err(status) if is_unreachable(&status) || status.code() == Code::Internal => {
                bail!("the undisturbed server: {status}, at {call:?}")
            }
            made => made.unwrap_or_else(|status| Answer::of_refusal(&status, &ids)),
        };
        if let (Call::Create(_), Answer::Refused(why)) = (call, &answer) {
            bail!("script {number} makes no sense: {why}");
        }
        player.note(call, &answer);
        answers.push(answer.comparable().to_owned());
    }
    Ok(Arc::new(answers))
}

async fn reach(url: &str) -> Result<EnvClient> {
    let began = Instant::now();
    loop {
        match connect(url).await {
            Err(_) if began.elapsed() < PATIENCE => sleep(PAUSE).await,
            client => return Ok(client?),
        }
    }
}

/// Waits until the server serves; returns the number of its start.
async fn served(world: &World) -> Result<u64> {
    let mut serving = world.serving.subscribe();
    let number = timeout(PATIENCE, serving.wait_for(|start| *start > 0)).await;
    Ok(*number.context("the server does not serve")??)
}

impl Session<'_> {
    /// Makes a call until it is answered.
    async fn answer(&mut self, call: &Call) -> Result<Answer> {
        self.look_after().await?;
        let began = Instant::now();
        loop {
            let mut client = self.client.clone();
            let limit = self.limit();
            let made = timeout(limit, self.player.make(&mut client, call)).await;
            match made {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(status)) if !self.may_come_back(&status, call) => {
                    let ids: Vec<String> = self.player.known().iter().map(|known| known.id.clone()).collect();
                    return Ok(Answer::of_refusal(&status, &ids));
                }
                Ok(Err(status)) if began.elapsed() > PATIENCE => bail!("no answer but {status}"),
                Err(_) if began.elapsed() > PATIENCE => bail!("no answer in {PATIENCE:?}"),
                Ok(Err(_)) => sleep(PAUSE).await,
                // The call is dropped, and made again.
                Err(_) => (),
            }
            self.look_after().await?;
        }
    }

    /// How long to wait for an answer. In a while of dropped calls some wait for a moment only.
    fn limit(&mut self) -> Duration {
        match self.world.dropped.load(Ordering::Relaxed) {
            odds if odds > 0 && self.random.one_in(odds) => Duration::from_micros(self.random.below(20_000)),
            _ => ATTEMPT,
        }
    }

    /// Whether a call that failed so is made again.
    fn may_come_back(&self, status: &Status, call: &Call) -> bool {
        let is_full = reason(status).as_deref() == Some("STORAGE_FULL");
        if is_full && !matches!(call, Call::Get(_) | Call::Close(_) | Call::Repeat(..)) {
            self.world.tally.refusal();
            return true;
        }
        is_unreachable(status)
    }

    /// If the server has started again: what was answered before must be answered so again.
    async fn look_after(&mut self) -> Result<()> {
        loop {
            let start = served(self.world).await?;
            if start == self.seen {
                return Ok(());
            }
            if self.ask_again().await? {
                self.seen = start;
            }
        }
    }

    /// Sends steps again that were answered. Returns whether all were answered again.
    async fn ask_again(&mut self) -> Result<bool> {
        let episodes: Vec<Known> =
            self.player.known().iter().filter(|episode| episode.is_open).cloned().collect();
        for episode in episodes {
            let taken = episode.steps.len();
            let mut indexes = vec![taken.saturating_sub(1)];
            if taken > 1 {
                indexes.push(self.random.below(taken as u64 - 1) as usize);
            }
            for index in indexes {
                let Some((request, answer)) = episode.again(index) else { continue };
                let mut client = self.client.clone();
                let Ok(made) = timeout(ATTEMPT, client.step(request.clone())).await else { return Ok(false) };
                match made {
                    Ok(again) => {
                        let Answer::Done { exact, comparable } = Answer::of_step(again.into_inner()) else {
                            continue;
                        };
                        let what = || {
                            format!(
                                "{}, {request:?} once more\n  found: {comparable}\n  bytes before: {answer:02x?}\n  bytes now:    {exact:02x?}",
                                self.name
                            )
                        };
                        self.world.tally.compare(answer, &exact, what);
                    }
                    Err(status) if is_unreachable(&status) => {
                        sleep(PAUSE).await;
                        return Ok(false);
                    }
                    Err(status) => bail!("{request:?} was answered before, and is now refused: {status}"),
                }
            }
            self.world.tally.episode();
        }
        Ok(true)
    }
}
