//! Writes the report's files.

use std::path::Path;

use anyhow::Context as _;

use super::document::Block;
use super::page;
use super::whole::Report;
use crate::figure::{Figure, png};

impl Report {
    /// Writes `index.html`, `summary.md`, `figures/` and `tables/` into a folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        files::write_text(&folder.join("index.html"), &page::render(self)?)?;
        files::write_text(&folder.join("summary.md"), &self.markdown())?;
        for figure in self.figures() {
            let file = folder.join("figures").join(&figure.name);
            let svg = figure.file();
            files::write_text(&file.with_extension("svg"), &svg)?;
            let png = file.with_extension("png");
            std::fs::write(&png, png::draw(&svg)?).with_context(|| format!("writing {}", png.display()))?;
        }
        let blocks =
            self.sections.iter().flat_map(|section| section.blocks.iter().map(move |block| (section, block)));
        for (section, block) in blocks {
            if let Block::Table { name: Some(name), caption, table } = block {
                let caption = format!("{}. {}: {caption}", self.title, section.title);
                let file = folder.join("tables").join(format!("{name}.tex"));
                files::write_text(&file, &table.latex(caption.trim_end_matches([':', ' ']), name))?;
            }
        }
        Ok(())
    }

    /// The report as Markdown; its figures are in the folder `figures`.
    pub fn markdown(&self) -> String {
        let sections = self
            .sections
            .iter()
            .map(|section| format!("\n## {}\n\n{}", section.title, section.markdown("figures")));
        format!("# {}\n{}", self.title, sections.collect::<String>())
    }

    /// The figures, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        })
    }
}
