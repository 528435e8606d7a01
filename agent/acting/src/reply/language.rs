//! Names of Python, and how Python differs from words and from results.

/// What models call Python after a fence.
const NAMES: [&str; 14] = [
    "python",
    "py",
    "ipython",
    "cpython",
    "pypy",
    "repl",
    "pyrepl",
    "pycon",
    "tool_code",
    "toolcode",
    "code",
    "codeact",
    "execute",
    "jupyter",
];

/// The first word after a fence, such as `python` of `python:main.py` or `python title="a"`.
pub fn name(words: &str) -> &str {
    &words[..words.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(words.len())]
}

/// Whether the words after a fence name Python. A version or another ending does not matter (`python3.11`, `py_exec`), nor
/// do attributes (`{.python}`, `python,ignore`).
pub fn is_python(words: &str) -> bool {
    let word =
        name(words.trim()).trim_matches(['{', '}', '.', '<', '>', '|', '[', ']', '*']).to_ascii_lowercase();
    let prefixes = ["language-", "lang-", "text/x-", "application/x-", "x-"];
    let word = prefixes.iter().find_map(|prefix| word.strip_prefix(prefix)).unwrap_or(&word);
    let is_name = |end: usize| NAMES.contains(&&word[..end]);
    // The longest beginning without a version or attributes.
    let end = word.find(|c: char| !c.is_ascii_alphabetic() && c != '_').unwrap_or(word.len());
    let first = word.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(word.len());
    is_name(end) || matches!(&word[..first], "python" | "py" | "ipython")
}

/// Whether what stands after a language's name says something of the block: `title="a"`.
pub fn is_attributes(words: &str) -> bool {
    let name =
        words.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')).unwrap_or(words.len());
    words[name..].starts_with("=\"") || words[name..].starts_with("='")
}

/// Whether the words after a fence say that the block is the whole reply once more, as Markdown.
pub fn is_wrapper(words: &str) -> bool {
    ["markdown", "md", "text/markdown"].iter().any(|name| words.eq_ignore_ascii_case(name))
}

/// Whether the words after a fence are the name of a language, and not a sentence.
pub fn is_name(words: &str) -> bool {
    words.starts_with(|c: char| c.is_ascii_alphabetic() || c == '{')
        && (is_python(words) && !is_sentence(words)
            || !words.contains(char::is_whitespace) && !words.ends_with(['.', '!', '?', '>', ':']))
}

/// Whether the words after a fence are a sentence: the fence closes what was not seen to open.
pub fn is_sentence(words: &str) -> bool {
    let ends = words.ends_with(['.', '!', '?', ':', '>']);
    words.contains(' ') && (ends || words.starts_with(char::is_uppercase)) || words.starts_with('<')
}

/// Whether a text begins with Python rather than with words or a result: its first line that is no comment is a statement.
pub fn looks_like_python(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(is_statement)
}

fn is_statement(line: &str) -> bool {
    let word = &line[..line.find(|c: char| !is_part_of_name(c)).unwrap_or(line.len())];
    let after = line[word.len()..].trim();
    let names = |text: &str| {
        text.chars().all(|c| is_part_of_name(c) || matches!(c, '.' | ',' | ' ' | '*' | '(' | ')'))
    };
    match word {
        "import" => {
            !after.is_empty() && names(after) && !after.ends_with('.') && after.split(' ').count() <= 5
        }
        "from" => after.contains(" import "),
        "for" | "while" | "if" | "def" | "class" | "with" | "async" | "match" => {
            after.contains(':') && (after.ends_with(':') || after.contains("):") || after.contains("#"))
        }
        "try" => after == ":",
        "pass" | "break" | "continue" => after.is_empty(),
        "del" | "assert" | "raise" | "await" | "return" => {
            is_call(after) || !after.is_empty() && names(after) && !after.contains(' ')
        }
        _ => line.starts_with('@') || is_call(line) || is_assignment(line),
    }
}

/// Whether a line is a call or the beginning of one: a path of names, and a parenthesis right after it.
fn is_call(line: &str) -> bool {
    let end = line.find(|c: char| !is_part_of_name(c) && c != '.').unwrap_or(line.len());
    let code = line.split(" #").next().unwrap_or(line).trim_end();
    end > 0
        && !line.starts_with(|c: char| c.is_ascii_digit())
        && line[end..].starts_with(['(', '['])
        && code.ends_with([')', ']', ',', '(', '[', '{', ';', '\\', '"', '\''])
}

/// Whether a line assigns: its targets are names, with commas between them, attributes and elements.
fn is_assignment(line: &str) -> bool {
    let Some((left, right)) = line.split_once('=') else { return false };
    let target = left.trim_end_matches(['+', '-', '*', '/', '%', '|', '&', ':']).trim_end();
    let target = match target.split_once(": ") {
        Some((target, class)) if class.starts_with(char::is_alphabetic) => target,
        _ => target,
    };
    let is_name = |name: &str| {
        let name = name.trim();
        !name.contains(' ') && name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '(' | '*'))
    };
    let is_target = match target.split_once('[') {
        Some((name, _)) => target.ends_with(']') && is_name(name),
        None => target.split(',').all(is_name) && !target.contains(['"', '\'', '<', '>', '!']),
    };
    is_target && !right.starts_with('=') && !right.trim().is_empty()
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a text is plainly no code: a traceback, numbers, or sentences.
pub fn is_result(text: &str) -> bool {
    let is_number = |word: &str| word.trim_end_matches(',').parse::<f64>().is_ok();
    let is_plain = |c: char| c.is_alphabetic() || c.is_whitespace() || ".,;:!?'".contains(c);
    let is_value = |line: &str| {
        line.split_whitespace().all(is_number) || line.trim().contains(' ') && line.chars().all(is_plain)
    };
    is_traceback(text) || !looks_like_python(text) && text.lines().all(is_value)
}

/// Whether a text is a traceback or the line of an error.
fn is_traceback(text: &str) -> bool {
    let text = text.trim();
    let last = text.lines().last().unwrap_or_default().trim();
    let class = last.split(':').next().unwrap_or_default();
    let is_class = class.chars().all(|c| is_part_of_name(c) || c == '.')
        && ["Error", "Exception", "Interrupt"].iter().any(|end| class.ends_with(end));
    text.starts_with("Traceback (most recent call last)") || is_class && last.len() > class.len()
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
            "python-exec",
            "python_code",
            "language-python",
            "python3 -i",
            "text/x-python",
        ];
        for name in names {
            assert!(is_python(name), "{name}");
        }
        for name in
            ["", "pythonic", "json", "text", "output", "pyramid", "bash", "codes", "coded", "3", "c++"]
        {
            assert!(!is_python(name), "{name}");
        }
    }

    #[test]
    fn code_differs_from_words_and_results() {
        let code = [
            "x = 1",
            "print(x)",
            "for a in b:\n    c",
            "import json",
            "items.append(3)",
            "a, b = f()",
            "x[0] += 1",
            "# The items.\nx = 1",
            "x: int = 3",
            "from json import loads",
            "print(",
            "finish()",
            "if x: print(x)  # so",
            "d['a'] = {}",
            "@cache\ndef f(): ...",
            "del x",
            "x=inspect('a'); print(x)",
        ];
        for text in code {
            assert!(looks_like_python(text), "{text}");
        }
        let words = [
            "",
            "Now I wait for the result.",
            "hello",
            "12\n13",
            "So (as said) it is.",
            "from here on I wait.",
            "The answer = 5",
            "# only a comment",
            "['a', 'b']",
            "{'a': 1}",
            "item_1: 5",
            "x == 1",
            "if so, I wait.",
            "import this and that and so on and on.",
            "Total: 12 = 5 + 7",
            "1.5(a)",
        ];
        for text in words {
            assert!(!looks_like_python(text), "{text}");
        }
    }

    #[test]
    fn tracebacks_are_known() {
        for text in [
            "Traceback (most recent call last):\n  File",
            "NameError: name 'x' is not defined",
            "a.BError: c",
        ] {
            assert!(is_traceback(text), "{text}");
        }
        for text in ["5", "12\n13.5", "1, 2, 3", "I am done.", "The capacity is reached, so I stop here"] {
            assert!(is_result(text), "{text}");
        }
        for text in ["x", "x + 1", "'a'.join(b)", "import json", "x = 1", "1 + 1", "print (1)", "f(x)"] {
            assert!(!is_result(text), "{text}");
        }
        for text in ["x = 1", "class BError: pass", "Error handling: x", "ValueError"] {
            assert!(!is_traceback(text), "{text}");
        }
    }
}
