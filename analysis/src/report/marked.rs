//! Updates the generated parts of a document that people write: the text between `<!-- generated: NAME -->`
//! and `<!-- end -->`. In a document about several studies, NAME is the study's name, a colon, and the section's name.

use anyhow::{Context as _, bail};

use super::whole::Report;

const BEGIN: &str = "<!-- generated: ";
const CLOSE: &str = " -->";
const END: &str = "<!-- end -->";

/// The document with the generated parts of `study` replaced, and the names of those that changed. The parts of the study without a
/// name, the empty text, have only their section's name.
///
/// # Errors
/// If a part does not have the name of a section, a part does not end, or there is no part of this study.
pub fn update(
    document: &str,
    report: &Report,
    figures: &str,
    study: &str,
) -> anyhow::Result<(String, Vec<String>)> {
    let mut text = String::new();
    let mut changed = Vec::new();
    let mut parts = 0;
    let mut lines = document.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        text.push_str(line);
        text.push('\n');
        let Some(name) = line.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(CLOSE)) else {
            continue;
        };
        let mut old = String::new();
        loop {
            match lines.next() {
                Some((_, line)) if line.trim() == END => break,
                Some((other, line)) if line.trim().starts_with(BEGIN) => {
                    bail!("line {}: `{name}` has not ended (`{END}`) before line {}", number + 1, other + 1)
                }
                Some((_, line)) => old.push_str(&format!("{line}\n")),
                None => bail!("line {}: `{name}` does not end; add `{END}`", number + 1),
            }
        }
        let (of, part) = name.split_once(':').unwrap_or(("", name));
        if of != study {
            text.push_str(&format!("{old}{END}\n"));
            continue;
        }
        let section = report.sections.iter().find(|section| section.name == part);
        let section = section.with_context(|| {
            let known: Vec<&str> = report.sections.iter().map(|section| section.name).collect();
            format!("line {}: no part `{name}`; there are: {}", number + 1, known.join(", "))
        })?;
        let new = format!("\n{}\n", section.markdown(figures));
        if new != old {
            changed.push(name.to_owned());
        }
        text.push_str(&new);
        text.push_str(&format!("{END}\n"));
        parts += 1;
    }
    if parts == 0 {
        let of = if study.is_empty() { String::new() } else { format!(" of {study}") };
        bail!("no part{of} to generate; mark one with `{BEGIN}main{CLOSE}` and `{END}`, a line each");
    }
    Ok((text, changed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::{Block, Section};

    fn report() -> Report {
        let block = Block::Paragraph { lead: String::new(), text: "new".into() };
        Report { title: "t".into(), sections: vec![Section::new("main", "Main", vec![block])] }
    }

    #[test]
    fn only_what_is_marked_changes() {
        let document = "before\n<!-- generated: main -->\nold\n<!-- end -->\nafter\n";
        let (text, changed) = update(document, &report(), "study", "").unwrap();
        assert_eq!(text, "before\n<!-- generated: main -->\n\nnew\n\n<!-- end -->\nafter\n");
        assert_eq!(changed, ["main"]);
        assert_eq!(update(&text, &report(), "study", "").unwrap(), (text, Vec::new()));
    }

    #[test]
    fn the_parts_of_other_studies_stay() {
        let part = |name: &str, text: &str| format!("<!-- generated: {name} -->\n{text}<!-- end -->\n");
        let document = part("main", "old\n") + &part("second:main", "old\n") + &part("third:gone", "old\n");
        let (text, changed) = update(&document, &report(), "study", "second").unwrap();
        let expected =
            part("main", "old\n") + &part("second:main", "\nnew\n\n") + &part("third:gone", "old\n");
        assert_eq!((text.as_str(), changed.join(" ")), (expected.as_str(), "second:main".to_owned()));
        let problem = update(&document, &report(), "study", "fourth").unwrap_err().to_string();
        assert!(problem.contains("no part of fourth"), "{problem}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let problem = |document: &str| update(document, &report(), "study", "").unwrap_err().to_string();
        assert!(
            problem("a\n<!-- generated: mian -->\n<!-- end -->\n")
                .contains("line 2: no part `mian`; there are: main")
        );
        assert!(problem("<!-- generated: main -->\nold\n").contains("line 1: `main` does not end"));
        assert!(problem("<!-- generated: main -->\n<!-- generated: main -->\n").contains("before line 2"));
        assert!(problem("a\n").contains("no part to generate"));
    }
}
