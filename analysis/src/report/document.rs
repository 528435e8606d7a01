//! The content of a report, before it becomes Markdown or a page: sections of blocks.

use crate::figure::Figure;
use crate::results::example::Example;
use crate::table::Table;

/// A part of the report with a title.
#[derive(Clone, Debug)]
pub struct Section {
    /// The name by which documents refer to it.
    pub name: &'static str,
    /// The title.
    pub title: String,
    /// The blocks, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// The title of a part of the section.
    Heading {
        /// The text.
        text: String,
    },
    /// A paragraph.
    Paragraph {
        /// The bold beginning; may be empty.
        lead: String,
        /// The text.
        text: String,
    },
    /// A list.
    List {
        /// The line before the list.
        lead: String,
        /// The items.
        items: Vec<String>,
    },
    /// A note in small print.
    Note {
        /// The text.
        text: String,
    },
    /// The four cells as a square.
    Square(Vec<Tile>),
    /// A table.
    Table {
        /// The name of its file; none for a table without a file.
        name: Option<String>,
        /// The caption; may be empty.
        caption: String,
        /// The header and the rows.
        table: Table,
    },
    /// A figure.
    Figure(Figure),
    /// Episodes side by side.
    Example(Example),
    /// The text of a file; closed when the page opens.
    Code {
        /// The title.
        title: String,
        /// The language.
        language: &'static str,
        /// The text.
        text: String,
    },
}

/// A cell in the square.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The cell's name.
    pub label: String,
    /// The name of its colour.
    pub colour: &'static str,
    /// The large text.
    pub headline: String,
    /// The lines below it.
    pub lines: Vec<String>,
}

impl Section {
    /// Makes a section.
    pub fn new(name: &'static str, title: &str, blocks: Vec<Block>) -> Self {
        Self { name, title: title.to_owned(), blocks }
    }

    /// The blocks as Markdown; `figures` is the folder of the figures.
    pub fn markdown(&self, figures: &str) -> String {
        let blocks = self.blocks.iter().filter_map(|block| block.markdown(figures));
        blocks.collect::<Vec<String>>().join("\n")
    }
}

impl Block {
    /// The block as Markdown; none if only the page shows it.
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
