//! Tags that models put around code in place of fences.

/// Tags that models put around Python.
const TAGS: [&str; 12] = [
    "execute",
    "execute_python",
    "execute_ipython",
    "execute_code",
    "python",
    "python_code",
    "ipython",
    "tool_code",
    "code",
    "code_block",
    "codeact",
    "pycode",
];

/// Tags that models put around an action, which may be Python.
const ACTION_TAGS: [&str; 2] = ["tool_call", "action"];

/// A token that begins Python, up to the turn's end.
const PYTHON_TOKEN: &str = "<|python_tag|>";

/// A tag that begins code.
#[derive(Debug)]
pub struct Tag<'text> {
    /// Its name, as it is written.
    pub name: &'text str,
    /// The length of the whole tag.
    pub length: usize,
    /// Whether it is around an action, which may be something else than Python.
    pub is_action: bool,
    /// The tag that ends it; `None` if the turn's end does.
    pub end: Option<String>,
}

impl<'text> Tag<'text> {
    /// The tag that a text begins with.
    pub fn of(text: &'text str) -> Option<Self> {
        if text.starts_with(PYTHON_TOKEN) {
            return Some(Self {
                name: PYTHON_TOKEN,
                length: PYTHON_TOKEN.len(),
                is_action: false,
                end: None,
            });
        }
        let (open, close, slash) = if text.starts_with('[') { ('[', ']', "[/") } else { ('<', '>', "</") };
        let inner = text.strip_prefix(open)?;
        let name = &inner[..name_length(inner)?];
        let is_action = ACTION_TAGS.contains(&name.to_ascii_lowercase().as_str());
        // Square brackets are code, too: only [PYTHON] and the like are tags.
        if open == '[' && name.chars().any(|c| c.is_ascii_lowercase()) {
            return None;
        }
        let attributes = inner[name.len()..].split_once(close)?.0;
        let is_tag = attributes.is_empty() || attributes.starts_with(' ') && attributes.contains('=');
        is_tag.then(|| Self {
            name,
            length: 1 + name.len() + attributes.len() + 1,
            is_action,
            end: Some(format!("{slash}{name}{close}")),
        })
    }
}

/// The length of the name of a tag around code that a text begins with.
fn name_length(text: &str) -> Option<usize> {
    let length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let name = text[..length].to_ascii_lowercase();
    TAGS.iter().chain(&ACTION_TAGS).any(|tag| *tag == name).then_some(length)
}

/// The length of a closing tag of code that a text begins with.
pub fn end(text: &str) -> Option<usize> {
    let name = text.strip_prefix("</").or_else(|| text.strip_prefix("[/"))?;
    let length = name_length(name)?;
    name[length..].starts_with(['>', ']']).then_some(length + 3)
}
