//! The generated parts of a document. Each is between `<!-- generated: NAME -->` and `<!-- end -->`.

use std::fmt::Write as _;

use crate::modules;
use crate::survey::Survey;

const BEGIN: &str = "<!-- generated: ";
const CLOSE: &str = " -->";
const END: &str = "<!-- end -->";

/// The name and the text of each part.
pub fn parts(survey: &Survey) -> [(&'static str, String); 5] {
    [
        ("summary", summary(survey)),
        ("imports", imports(survey)),
        ("missing", missing(survey)),
        ("uses", uses(survey)),
        ("differences", differences(survey)),
    ]
}

/// The document with its parts regenerated.
///
/// # Errors
/// The missing marker of a part.
pub fn update(document: &str, survey: &Survey) -> Result<String, String> {
    let mut text = document.to_owned();
    for (name, part) in parts(survey) {
        let begin = format!("{BEGIN}{name}{CLOSE}\n");
        let start = text.find(&begin).ok_or(format!("no line `{}`", begin.trim_end()))? + begin.len();
        let length = text[start..].find(END).ok_or(format!("the part `{name}` does not end: `{END}`"))?;
        text.replace_range(start..start + length, &format!("\n{part}\n"));
    }
    Ok(text)
}

fn summary(survey: &Survey) -> String {
    let count = |dotted: bool, works: bool| {
        survey
            .modules
            .iter()
            .filter(|(name, error)| name.contains('.') == dotted && error.is_none() == works)
            .count()
    };
    let all = count(false, true) + count(false, false);
    format!(
        "In CPython {}, {} of {all} public modules can be imported, and {} submodules.\n",
        survey.python,
        count(false, true),
        count(true, true)
    )
}

/// The modules without submodules, and a table row for each module with submodules.
fn imports(survey: &Survey) -> String {
    let works = || survey.modules.iter().filter(|(_, error)| error.is_none()).map(|(name, _)| name.as_str());
    let (mut alone, mut table) = (Vec::new(), "| Module | Below it |\n|---|---|\n".to_owned());
    for module in works().filter(|name| !name.contains('.')) {
        let below: Vec<String> =
            works().filter_map(|name| Some(code(name.strip_prefix(module)?.strip_prefix('.')?))).collect();
        if below.is_empty() {
            alone.push(code(module));
        } else {
            let _ = writeln!(table, "| {} | {} |", code(module), below.join(", "));
        }
    }
    format!("{}\n\n{table}", alone.join(", "))
}

fn missing(survey: &Survey) -> String {
    let mut table = "| Module | What `import` raises | Why |\n|---|---|---|\n".to_owned();
    for (name, error) in &survey.modules {
        let Some(error) = error else { continue };
        let why = modules::reason(name).unwrap_or("unknown");
        let _ = writeln!(table, "| {} | {} | {why} |", code(name), code(error));
    }
    table
}

fn uses(survey: &Survey) -> String {
    let mut table = "| Module | Tried | What it raises | Why |\n|---|---|---|---|\n".to_owned();
    for (tried, error) in &survey.uses {
        let raised = error.as_deref().map_or("nothing".to_owned(), code);
        let _ = writeln!(
            table,
            "| {} | {} | {raised} | {} |",
            code(tried.module),
            code(tried.expression),
            tried.why
        );
    }
    table
}

fn differences(survey: &Survey) -> String {
    let mut table = "| Expression | On 64-bit Linux | Here | Why |\n|---|---|---|---|\n".to_owned();
    for (difference, here) in &survey.differences {
        let (expression, elsewhere) = (code(difference.expression), code(difference.elsewhere));
        let _ = writeln!(table, "| {expression} | {elsewhere} | {} | {} |", code(here), difference.why);
    }
    table
}

/// Code in a table cell.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
