//! Which language a block is in.

/// Whether a fence's words name Python: the first word, without what may follow it (`python title="a"`, `{.python}`,
/// `python:main.py`).
pub fn is_python(words: &str) -> bool {
    let word = words.trim().trim_start_matches(['{', '.', '<', '|']);
    let word = word
        .split(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | ',' | ':' | '>' | '|' | '('))
        .next();
    let word = word.unwrap_or_default().to_ascii_lowercase();
    let named = [
        "python",
        "py",
        "ipython",
        "cpython",
        "python-repl",
        "pyrepl",
        "repl",
        "pycon",
        "tool_code",
        "toolcode",
        "code",
        "codeact",
        "execute",
        "python-exec",
        "jupyter",
    ];
    named.contains(&word.as_str()) || ["python", "py", "ipython"].iter().any(|name| is_version(&word, name))
}

/// Whether a word is a name with a version, such as `python3.11`.
fn is_version(word: &str, name: &str) -> bool {
    word.strip_prefix(name).is_some_and(|rest| {
        let rest = rest.trim_start_matches(['-', ' ']);
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Whether a fence's words say that the block is the whole reply once more, as Markdown.
pub fn is_wrapper(words: &str) -> bool {
    ["markdown", "md", "text/markdown"].iter().any(|name| words.trim().eq_ignore_ascii_case(name))
}

/// Whether words after a fence are the name of a language, and not a sentence.
pub fn is_name(words: &str) -> bool {
    let words = words.trim();
    let first = words.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '{');
    first
        && (is_python(words)
            || !words.contains(char::is_whitespace) && !words.ends_with(['.', '!', '?', '>']))
}

/// Whether a text has a line that is Python and not a sentence: a call, an assignment, or a statement's first word.
pub fn looks_like_python(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| {
        let first = line.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let after = line[first.len()..].trim_start();
        let call = !first.is_empty()
            && line[first.len()..].starts_with(['(', '.', '['])
            && line.ends_with([')', ']', ':']);
        let assignment = !first.is_empty() && after.starts_with('=') && !after.starts_with("==");
        let import =
            matches!(first, "import" | "from") && !line.ends_with('.') && line.split(' ').count() <= 8;
        let block =
            matches!(first, "for" | "while" | "if" | "def" | "class" | "with" | "try") && line.ends_with(':');
        call || assignment || import || block
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_has_many_names() {
        let names = [
            "python",
            "Python",
            "py",
            "py3",
            "python3",
            "python3.11",
            "ipython",
            "ipython3",
            "tool_code",
            "code",
            "repl",
            "pycon",
            "{python}",
            "{.python}",
            "python title=\"a\"",
            "python:main.py",
            "python,ignore",
        ];
        for name in names {
            assert!(is_python(name), "{name}");
        }
        for name in ["", "pythonic", "json", "text", "output", "pyramid", "bash", "codes"] {
            assert!(!is_python(name), "{name}");
        }
    }

    #[test]
    fn code_differs_from_sentences() {
        for text in ["x = 1", "print(x)", "for a in b:\n    c", "import json", "items.append(3)"] {
            assert!(looks_like_python(text), "{text}");
        }
        for text in
            ["Now I wait for the result.", "hello", "12\n13", "So (as said) it is.", "from here on I wait."]
        {
            assert!(!looks_like_python(text), "{text}");
        }
    }
}
