//! A client's WebSocket: messages, pings, and whether the client is still there.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

/// The longest interval of pings.
const BEAT: Duration = Duration::from_secs(20);
/// A client that has said nothing for so long has gone. Its program may be busy for a while, and answers no ping then.
const SILENCE: Duration = Duration::from_secs(40);
/// How long a client may leave an answer unread.
const SEND_LIMIT: Duration = Duration::from_secs(30);
/// How long the end of a socket may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// Messages that are taken from the socket while a step runs, and their bytes; beyond them the client waits.
const WAITING: usize = 16;
const WAITING_BYTES: usize = 1 << 20;
/// The longest reason of an end, in bytes, as the protocol has it.
const REASON_BYTES: usize = 123;

/// A client's socket.
pub struct Socket {
    socket: WebSocket,
    waiting: VecDeque<Utf8Bytes>,
    beat: Interval,
    /// When something came last.
    heard: Instant,
    /// Whether that was since the last ping.
    is_lively: bool,
    /// What was wrong with what came last.
    fault: Option<String>,
}

/// What happens on a socket.
pub enum Event {
    /// A message has come.
    Message(Utf8Bytes),
    /// The client has answered a ping, or said something else.
    Beat,
    /// It is no longer there.
    Gone,
}

impl Socket {
    /// A socket that was just opened.
    pub fn new(socket: WebSocket) -> Self {
        Self {
            socket,
            waiting: VecDeque::new(),
            beat: every(BEAT),
            heard: Instant::now(),
            is_lively: true,
            fault: None,
        }
    }

    /// Asks often enough for a lease of this length.
    pub fn keep(&mut self, lease: Duration) {
        let period = BEAT.min(lease / 2);
        if period != self.beat.period() {
            self.beat = every(period);
        }
    }

    /// What happens next.
    pub async fn next(&mut self) -> Event {
        match self.waiting.pop_front() {
            Some(message) => Event::Message(message),
            None => self.hear().await,
        }
    }

    /// Does some work, and listens meanwhile, so that pings are answered. `None` if the client goes before the work is done,
    /// which is then dropped.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let bytes: usize = self.waiting.iter().map(|message| message.len()).sum();
            let has_room = self.waiting.len() < WAITING && bytes < WAITING_BYTES;
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                event = self.hear(), if has_room => match event {
                    Event::Message(message) => self.waiting.push_back(message),
                    Event::Beat => {}
                    Event::Gone => return None,
                },
            }
        }
    }

    async fn hear(&mut self) -> Event {
        loop {
            let message = tokio::select! {
                // What has come counts, also if it is looked at late.
                biased;
                message = self.socket.recv() => message,
                _ = self.beat.tick() => {
                    let asked = self.put(Message::Ping(bytes::Bytes::new())).await;
                    if !asked || self.heard.elapsed() > SILENCE {
                        return Event::Gone;
                    }
                    if std::mem::take(&mut self.is_lively) {
                        return Event::Beat;
                    }
                    continue;
                }
            };
            (self.heard, self.is_lively) = (Instant::now(), true);
            match message {
                Some(Ok(Message::Text(text))) => return Event::Message(text),
                Some(Ok(Message::Binary(bytes))) => match Utf8Bytes::try_from(bytes) {
                    Ok(text) => return Event::Message(text),
                    Err(error) => {
                        self.fault = Some(error.to_string());
                        return Event::Gone;
                    }
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Event::Gone,
                Some(Err(error)) => {
                    self.fault = Some(error.to_string());
                    return Event::Gone;
                }
            }
        }
    }

    /// Sends a text. Returns whether the client takes it.
    pub async fn send(&mut self, text: String) -> bool {
        self.put(Message::Text(text.into())).await
    }

    async fn put(&mut self, message: Message) -> bool {
        matches!(timeout(SEND_LIMIT, self.socket.send(message)).await, Ok(Ok(())))
    }

    /// Ends the socket. Without a reason the client has done nothing wrong.
    pub async fn close(mut self, reason: Option<(u16, &str)>) {
        let fault = self.fault.take();
        let frame = match (reason, &fault) {
            (Some((code, reason)), _) => CloseFrame { code, reason: short(reason) },
            (None, Some(fault)) => {
                CloseFrame { code: axum::extract::ws::close_code::PROTOCOL, reason: short(fault) }
            }
            (None, None) => {
                CloseFrame { code: axum::extract::ws::close_code::NORMAL, reason: Utf8Bytes::default() }
            }
        };
        let end = async {
            // Fails if the client has closed it; then its own frame is answered.
            let _ = self.socket.send(Message::Close(Some(frame))).await;
            while let Some(Ok(_)) = self.socket.recv().await {}
        };
        let _ = timeout(CLOSE_LIMIT, end).await;
    }
}

fn every(period: Duration) -> Interval {
    let mut beat = interval_at(Instant::now() + period, period);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

fn short(reason: &str) -> Utf8Bytes {
    reason[..reason.floor_char_boundary(REASON_BYTES)].into()
}
