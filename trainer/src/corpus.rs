//! What models learn from: conversations and texts, read from traces, chat files and text files.
//!
//! Traces become conversations by [`Observations`]; a chat file has a conversation a line; a text is a document.
//! Nothing here knows of tokens.

mod files;
mod lines;
mod traces;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chat::Message;
use crate::{Error, Result};

pub use traces::{Observations, conversation};

/// Where to read, and what of it to take.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Folders or `.tar.gz` files with `.trace.json` files anywhere in them.
    pub traces: Vec<PathBuf>,
    /// Files with `{"messages": [{"role": .., "content": ..}, ..]}` a line.
    pub chats: Vec<PathBuf>,
    /// Files that are one document each, or, where they are named `.jsonl`, have `{"text": ..}` a line.
    pub texts: Vec<PathBuf>,
    /// What traces are taken, and how they become conversations.
    pub options: TraceOptions,
    /// Whether a trace or line that cannot be understood is left out, not an error.
    pub skip_bad: bool,
}

/// What traces are taken, and how they become conversations.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TraceOptions {
    /// How observations are written; none: for each trace as [`Observations::of`] says.
    pub observations: Option<Observations>,
    /// Only of episodes whose result says that the task was solved.
    pub only_solved: bool,
    /// Only of episodes whose result has at least this score.
    pub min_score: Option<f64>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Corpus {
    /// In the order of the sources, and in each of file name or line.
    pub items: Vec<Item>,
    /// What was read for it.
    pub read: Vec<Source>,
    /// Traces that were left out, by reason.
    pub left_out: BTreeMap<String, usize>,
    /// What was skipped because it could not be understood: what is wrong with it, and where.
    pub bad: Vec<String>,
}

/// One thing to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The file, and the line in it.
    pub origin: String,
    /// What it says.
    pub content: Content,
}

/// What there is to learn.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// To answer.
    Conversation(Vec<Message>),
    /// To write on.
    Text(String),
}

/// A source, as a record names it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// Where it was.
    pub path: PathBuf,
    /// Conversations or documents taken from it.
    pub items: usize,
    /// Of a file, the hash of its bytes; of a folder, of the names and bytes of the traces and results in it.
    pub sha256: String,
}

/// What a source is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Traces of episodes.
    Traces,
    /// Conversations.
    Chat,
    /// Documents.
    Text,
}

/// Reads all sources.
///
/// # Errors
/// If a source cannot be read or has nothing in it; and for the first thing in it that cannot be understood, unless
/// such are skipped.
pub fn read(sources: &Sources) -> Result<Corpus> {
    let mut corpus = Corpus::default();
    let lists = [
        (SourceKind::Traces, &sources.traces),
        (SourceKind::Chat, &sources.chats),
        (SourceKind::Text, &sources.texts),
    ];
    for (kind, paths) in lists {
        for path in paths {
            let before = corpus.items.len();
            let mut reader = Reader { corpus: &mut corpus, skip_bad: sources.skip_bad };
            let sha256 = match kind {
                SourceKind::Traces => traces::read(path, &sources.options, &mut reader)?,
                SourceKind::Chat => lines::read_chat(path, &mut reader)?,
                SourceKind::Text => lines::read_text(path, &mut reader)?,
            };
            let items = corpus.items.len() - before;
            corpus.read.push(Source { kind, path: path.clone(), items, sha256 });
        }
    }
    Ok(corpus)
}

/// Takes what is read, one at a time.
struct Reader<'a> {
    corpus: &'a mut Corpus,
    skip_bad: bool,
}

impl Reader<'_> {
    /// Something that was understood, or not.
    fn take(&mut self, origin: String, content: Result<Content>) -> Result<()> {
        match content {
            Ok(content) => self.corpus.items.push(Item { origin, content }),
            Err(error) if self.skip_bad => self.corpus.bad.push(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Something that is not wanted.
    fn leave_out(&mut self, reason: &str) {
        *self.corpus.left_out.entry(reason.to_owned()).or_default() += 1;
    }
}

/// A text file's content.
fn read_utf8(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(Error::file(path))
}
