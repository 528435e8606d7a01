//! The data that models learn from: conversations and texts, read from traces, chat files and text files.
//!
//! | file           | what it holds                                              |
//! |----------------|------------------------------------------------------------|
//! | `traces`       | traces of episodes, and which of them are excluded         |
//! | `recorded`     | the token ids in a trace                                   |
//! | `lines`        | chat files (a conversation per line) and texts (documents) |
//! | `files`        | the JSON files of a folder or an archive                   |
//! | `python_json`  | NaN and infinities, which Python writes into JSON          |
//!
//! This module knows no tokens.

mod files;
mod lines;
mod python_json;
mod recorded;
mod traces;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proto::conversation::Message;
use proto::dataset::{Source, SourceKind, TraceOptions};
use serde_json::Value;

use crate::{Error, Result};

pub use recorded::Call;

/// The sources to read, and which traces of them to take.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Folders or `.tar.gz` files with `.trace.json` files at any depth.
    pub traces: Vec<PathBuf>,
    /// Files with one `{"messages": [{"role": .., "content": ..}, ..]}` per line.
    pub chats: Vec<PathBuf>,
    /// Files of one document each; `.jsonl` files have one `{"text": ..}` per line.
    pub texts: Vec<PathBuf>,
    /// Which traces are taken, and how they become conversations.
    pub options: TraceOptions,
    /// Whether a malformed trace or line is skipped instead of being an error.
    pub skip_bad: bool,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Corpus {
    /// In the order of the sources, within each by file name or line.
    pub items: Vec<Item>,
    /// The sources that were read, in order.
    pub read: Vec<Source>,
    /// Number of excluded traces, by reason.
    pub left_out: BTreeMap<String, usize>,
    /// An error text for each malformed item that was skipped.
    pub bad: Vec<String>,
}

/// A conversation or document.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The file, and the line in it.
    pub origin: String,
    /// Its content.
    pub content: Content,
}

/// The content of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A conversation, in which the model learns to answer.
    Conversation {
        /// In order.
        messages: Vec<Message>,
        /// The functions that the model could call itself, in OpenAI's form.
        tools: Vec<Value>,
        /// The trace's own tokens of each model call; empty if it has none, or they are not of this conversation.
        recorded: Vec<Call>,
        /// What the agent of the trace passed to the chat template as `enable_thinking`; `None`: unknown.
        enable_thinking: Option<bool>,
    },
    /// A document, which the model learns to continue.
    Text(String),
}

/// Reads all sources.
///
/// # Errors
/// If a source cannot be read or is empty; for the first malformed item, unless malformed items are skipped.
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

/// Collects the items of a corpus while sources are read.
struct Reader<'a> {
    corpus: &'a mut Corpus,
    skip_bad: bool,
}

impl Reader<'_> {
    /// Adds an item, or handles the error of a malformed one.
    fn take(&mut self, origin: String, content: Result<Content>) -> Result<()> {
        match content {
            Ok(content) => self.corpus.items.push(Item { origin, content }),
            Err(error) if self.skip_bad => self.corpus.bad.push(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Counts an item that is excluded.
    fn exclude(&mut self, reason: &str) {
        *self.corpus.left_out.entry(reason.to_owned()).or_default() += 1;
    }
}

/// The content of a UTF-8 file.
fn read_utf8(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(Error::file(path))
}
