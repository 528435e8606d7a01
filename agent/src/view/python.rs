//! Python in pieces that are coloured. It need not be correct: what is no token of Python is plain.

use logos::{Lexer, Logos};
use serde::Serialize;

/// What a piece of code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `if`, `def`, `None`, ...
    Keyword,
    /// A name before an opening parenthesis.
    Call,
    /// Text, with its quotes and prefix.
    String,
    /// A number.
    Number,
    /// From `#` to the line's end.
    Comment,
    /// Anything else.
    Plain,
}

/// A piece of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

#[derive(Clone, Copy, Debug, Logos, PartialEq, Eq)]
enum Token {
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,
    #[regex(r#"[rRbBuUfFtT]{0,2}("""|''')"#, long_string)]
    #[regex(r#"[rRbBuUfFtT]{0,2}"([^"\\\n]|\\.|\\\n)*"?"#)]
    #[regex(r"[rRbBuUfFtT]{0,2}'([^'\\\n]|\\.|\\\n)*'?")]
    String,
    #[regex(r"\.?[0-9][0-9A-Za-z_.]*([eE][+-][0-9_]+[jJ]?)?")]
    Number,
    #[regex(r"[\p{XID_Start}_]\p{XID_Continue}*")]
    Word,
    #[regex(r"[ \t\r\f]+")]
    Space,
    #[token("\n")]
    Line,
}

/// Reads a string in triple quotes to its end, or to the end of the code.
fn long_string(lexer: &mut Lexer<'_, Token>) {
    let quotes = &lexer.slice()[lexer.slice().len() - 3..];
    let rest = lexer.remainder();
    let mut place = 0;
    while let Some(tail) = rest.get(place..) {
        if tail.starts_with(quotes) {
            return lexer.bump(place + 3);
        }
        let escaped = tail.starts_with('\\');
        let Some(length) =
            tail.chars().take(if escaped { 2 } else { 1 }).map(char::len_utf8).reduce(|a, b| a + b)
        else {
            break;
        };
        place += length;
    }
    lexer.bump(rest.len());
}

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The lines of a code, each in pieces; together they are the code, without its line ends.
pub fn lines(code: &str) -> Vec<Vec<Piece>> {
    let mut lines = vec![Vec::new()];
    for (token, range) in Token::lexer(code).spanned() {
        let text = &code[range.clone()];
        let kind = match token {
            Ok(Token::Comment) => Kind::Comment,
            Ok(Token::String) => Kind::String,
            Ok(Token::Number) => Kind::Number,
            Ok(Token::Word) if KEYWORDS.contains(&text) => Kind::Keyword,
            Ok(Token::Word) if code[range.end..].starts_with('(') => Kind::Call,
            Ok(Token::Word | Token::Space | Token::Line) | Err(()) => Kind::Plain,
        };
        for (number, part) in text.split('\n').enumerate() {
            if number > 0 {
                lines.push(Vec::new());
            }
            push(&mut lines, kind, part);
        }
    }
    lines
}

/// Adds a piece to the last line, or to its last piece if that is of the same kind.
fn push(lines: &mut [Vec<Piece>], kind: Kind, text: &str) {
    let Some(line) = lines.last_mut().filter(|_| !text.is_empty()) else { return };
    match line.last_mut() {
        Some(last) if last.kind == kind => last.text.push_str(text),
        _ => line.push(Piece { kind, text: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces that are not plain.
    fn coloured(code: &str) -> Vec<(Kind, String)> {
        let whole: Vec<String> =
            lines(code).iter().map(|line| line.iter().map(|piece| piece.text.as_str()).collect()).collect();
        assert_eq!(whole.join("\n"), code, "nothing is lost");
        let pieces = lines(code).into_iter().flatten();
        pieces.filter(|piece| piece.kind != Kind::Plain).map(|piece| (piece.kind, piece.text)).collect()
    }

    #[test]
    fn tokens_are_told_apart() {
        use Kind::{Call, Comment, Keyword, Number, String};
        let cases: [(&str, &[(Kind, &str)]); 9] = [
            (
                "def best(n=0): # the '#1'",
                &[(Keyword, "def"), (Call, "best"), (Number, "0"), (Comment, "# the '#1'")],
            ),
            ("x = 'a # b' + \"it's\\\"\"", &[(String, "'a # b'"), (String, "\"it's\\\"\"")]),
            ("s = rb'\\'' + f\"{n}\"", &[(String, "rb'\\''"), (String, "f\"{n}\"")]),
            ("'never ends\nif x", &[(String, "'never ends"), (Keyword, "if")]),
            (
                "'''a\n'b' \\'''#\n'''; 1",
                &[(String, "'''a"), (String, "'b' \\'''#"), (String, "'''"), (Number, "1")],
            ),
            ("\"\"\"a\nif", &[(String, "\"\"\"a"), (String, "if")]),
            (
                "1_000 0xFFl 1e-5 .5 3.14j é1",
                &[(Number, "1_000"), (Number, "0xFFl"), (Number, "1e-5"), (Number, ".5"), (Number, "3.14j")],
            ),
            ("iffy == notes.in_ (x)", &[]),
            ("$ ? \u{1f600} <b>\n\n", &[]),
        ];
        for (code, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect();
            assert_eq!(coloured(code), expected, "{code}");
        }
    }
}
