//! Updates the generated parts of a document that people write: the text between `<!-- generated: NAME -->`
//! and `<!-- end -->`.

use anyhow::{Context as _, bail};

use super::whole::Report;

const BEGIN: &str = "<!-- generated: ";
const CLOSE: &str = " -->";
const END: &str = "<!-- end -->";

/// The document with its generated parts replaced, and the names of the parts that changed.
///
/// # Errors
/// If a part does not have the name of a section, a part does not end, or there is no part.
pub fn update(document: &str, report: &Report, figures: &str) -> anyhow::Result<(String, Vec<String>)> {
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
        let section = report.sections.iter().find(|section| section.name == name);
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
        bail!("no part to generate; mark one with `{BEGIN}main{CLOSE}` and `{END}`, a line each");
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
        let (text, changed) = update(document, &report(), "study").unwrap();
        assert_eq!(text, "before\n<!-- generated: main -->\n\nnew\n\n<!-- end -->\nafter\n");
        assert_eq!(changed, ["main"]);
        assert_eq!(update(&text, &report(), "study").unwrap(), (text, Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let problem = |document: &str| update(document, &report(), "study").unwrap_err().to_string();
        assert!(
            problem("a\n<!-- generated: mian -->\n<!-- end -->\n")
                .contains("line 2: no part `mian`; there are: main")
        );
        assert!(problem("<!-- generated: main -->\nold\n").contains("line 1: `main` does not end"));
        assert!(problem("<!-- generated: main -->\n<!-- generated: main -->\n").contains("before line 2"));
        assert!(problem("a\n").contains("no part to generate"));
    }
}
