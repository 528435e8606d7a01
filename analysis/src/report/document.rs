//! Sections of blocks: what a report says, before it is Markdown or a page.

use crate::figure::Figure;
use crate::results::example::Example;
use crate::table::Table;

/// A part of the report with a title.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name, by which a document asks for it.
    pub name: &'static str,
    /// Its title.
    pub title: String,
    /// In order.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// The title of a part of the section.
    Heading {
        /// What it says.
        text: String,
    },
    /// Words.
    Paragraph {
        /// What they are about; may be empty.
        lead: String,
        /// What is said of it.
        text: String,
    },
    /// Points, one below the other.
    List {
        /// What they are about.
        lead: String,
        /// What is said of it.
        items: Vec<String>,
    },
    /// Small print.
    Note {
        /// What it says.
        text: String,
    },
    /// The four cells as a square.
    Square(Vec<Tile>),
    /// A table.
    Table {
        /// Its file's name; none for a table that has no file.
        name: Option<String>,
        /// What it shows.
        caption: String,
        /// Its cells.
        table: Table,
    },
    /// A figure.
    Figure(Figure),
    /// Episodes side by side.
    Example(Example),
    /// A file's text, folded in the page.
    Code {
        /// What it is.
        title: String,
        /// Its language.
        language: &'static str,
        /// Its text.
        text: String,
    },
}

/// A cell in the square.
#[derive(Clone, Debug)]
pub struct Tile {
    /// Its name.
    pub label: String,
    /// Its colour.
    pub colour: &'static str,
    /// What is said large.
    pub headline: String,
    /// What is said below it.
    pub lines: Vec<String>,
}

impl Section {
    /// A section.
    pub fn new(name: &'static str, title: &str, blocks: Vec<Block>) -> Self {
        Self { name, title: title.to_owned(), blocks }
    }

    /// Its blocks as Markdown; figures lie in this folder.
    pub fn markdown(&self, figures: &str) -> String {
        let blocks = self.blocks.iter().filter_map(|block| block.markdown(figures));
        blocks.collect::<Vec<String>>().join("\n")
    }
}

impl Block {
    /// None for what only the page shows.
    fn markdown(&self, figures: &str) -> Option<String> {
        Some(match self {
            Self::Heading { text } => format!("### {text}\n"),
            Self::Paragraph { lead, text } if lead.is_empty() => format!("{text}\n"),
            Self::Paragraph { lead, text } => format!("**{lead}** {text}\n"),
            Self::List { lead, items } => {
                let items: String = items.iter().map(|item| format!("- {item}\n")).collect();
                format!("**{lead}**\n\n{items}")
            }
            Self::Note { text } => format!("{text}\n"),
            Self::Table { caption, table, .. } if caption.is_empty() => table.markdown(),
            Self::Table { caption, table, .. } => format!("{caption}\n\n{}", table.markdown()),
            Self::Figure(figure) => {
                format!("![{}]({figures}/{}.svg)\n\n{}\n", alt(&figure.caption), figure.name, figure.caption)
            }
            Self::Example(example) => format!(
                "Task {} of {} under the four cells, turn by turn, is in the page.\n",
                example.task_id, example.tasks
            ),
            Self::Code { title, language, text } => {
                format!("{title}\n\n```{language}\n{}\n```\n", text.trim_end())
            }
            Self::Square(_) => return None,
        })
    }
}

/// A caption's first sentence.
fn alt(caption: &str) -> &str {
    caption.split_once(". ").map_or(caption, |(first, _)| first).trim_end_matches('.')
}
