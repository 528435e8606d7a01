//! The whole report: its sections in order.

use super::document::{Block, Section};
use super::{ablations, cells, figures, group, learning, provenance, words};
use crate::results::file::Results;
use crate::two_by_two::options::Options;

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The study's title.
    pub title: String,
    /// The sections, in order.
    pub sections: Vec<Section>,
}

impl Report {
    /// The report of a study, with other studies beside it.
    ///
    /// # Errors
    /// If another study does not have the same tasks.
    pub fn of(
        results: &Results,
        others: &[(String, Results)],
        options: &Options,
        warnings: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let groups = group::groups(results, options, warnings)?;
        let mut sections = vec![Section::new("summary", "In short", Vec::new())];
        let several = groups.len() > 1;
        for group in &groups {
            let heading = several.then(|| Block::Heading { text: group.title() });
            let mut add = |name: &'static str, title: &str, mut blocks: Vec<Block>| {
                if blocks.is_empty() {
                    return;
                }
                for block in &mut blocks {
                    if let Block::Table { name: Some(name), .. } = block {
                        *name = group.file(name, several);
                    }
                }
                let section = match sections.iter_mut().find(|section| section.name == name) {
                    Some(section) => section,
                    None => {
                        sections.push(Section::new(name, title, Vec::new()));
                        let last = sections.len() - 1;
                        &mut sections[last]
                    }
                };
                section.blocks.extend(heading.clone());
                section.blocks.extend(blocks);
            };
            add("summary", "", cells::in_short(group, options));
            add("aims", "Aims", words::aims(group));
            add("main", "The cells", cells::main(group, options));
            add("seeds", "Seed by seed", cells::seeds(group));
            add("figures", "Figures", figures::of_group(group, several));
            add("tests", "Tests in words", words::tests(group));
            add("statistics", "Every test", words::statistics(group));
            add("example", "One task under the four cells", figures::example(results, group));
        }
        if !others.is_empty() {
            let blocks = ablations::blocks(&groups, others, options, warnings)?;
            sections.push(Section::new("ablations", "Ablations", blocks));
        }
        sections.push(Section::new("learning", "Learning from episodes", learning::blocks(results)));
        let training = figures::training(results);
        sections.push(Section::new("training", "Training", training));
        sections.push(Section::new("durations", "Where the time went", provenance::durations(results)));
        sections.push(Section::new("provenance", "Provenance", provenance::blocks(results)));
        sections.retain(|section| !section.blocks.is_empty());
        Ok(Self { title: results.study.title.clone(), sections })
    }
}
