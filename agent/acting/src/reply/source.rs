//! Python as text: where strings and comments are, indent, and prompts of an interactive session.

/// Where Python is at the end of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Not in a string.
    #[default]
    Code,
    /// In a string that goes on, begun by these three quotes.
    Text(&'static str),
}

/// Where a character is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Neither in a string nor in a comment.
    Code,
    /// In a comment.
    Comment,
    /// In a string that ends with its line.
    String,
    /// In a string with these three quotes.
    Text(&'static str),
}

impl Place {
    /// Walks a line that begins here up to the first character that `is_end` accepts by its position and index. Returns
    /// where the line ends, and that character's index.
    pub fn walk(self, line: &str, mut is_end: impl FnMut(Position, usize) -> bool) -> (Self, Option<usize>) {
        let mut position = match self {
            Self::Code => Position::Code,
            Self::Text(quotes) => Position::Text(quotes),
        };
        let mut quote = '"';
        let mut end = None;
        let mut index = 0;
        while let Some(c) = line[index..].chars().next() {
            if is_end(position, index) {
                end = Some(index);
                break;
            }
            let mut length = c.len_utf8();
            match (position, c) {
                (Position::Code, '#') => position = Position::Comment,
                (Position::Code, '"' | '\'') => {
                    let quotes = if c == '"' { "\"\"\"" } else { "'''" };
                    quote = c;
                    position = Position::String;
                    if line[index..].starts_with(quotes) {
                        (position, length) = (Position::Text(quotes), quotes.len());
                    }
                }
                (Position::String | Position::Text(_), '\\') => {
                    length += line[index + length..].chars().next().map_or(0, char::len_utf8);
                }
                (Position::String, c) if c == quote => position = Position::Code,
                (Position::Text(quotes), _) if line[index..].starts_with(quotes) => {
                    (position, length) = (Position::Code, quotes.len());
                }
                _ => {}
            }
            index += length;
        }
        match position {
            Position::Text(quotes) => (Self::Text(quotes), end),
            Position::Code | Position::Comment | Position::String => (Self::Code, end),
        }
    }
}

/// A line without at most `columns` of its indent.
pub fn without_indent(line: &str, columns: usize) -> &str {
    &line[indent(line).len().min(columns)..]
}

/// Code without the indent that all its lines share. Lines within a string are left as they are.
pub fn dedented(code: &str) -> String {
    let mut place = Place::Code;
    let lines: Vec<(Place, &str)> = code
        .split('\n')
        .map(|line| {
            let begins = place;
            (place, _) = place.walk(line, |_, _| false);
            (begins, line)
        })
        .collect();
    let indents = lines
        .iter()
        .filter(|(place, line)| *place == Place::Code && !line.trim().is_empty())
        .map(|(_, line)| indent(line));
    let common = indents.reduce(common).unwrap_or_default();
    let dedented = lines.iter().map(|(place, line)| match place {
        Place::Code => line.strip_prefix(common).unwrap_or_else(|| line.trim_start()),
        Place::Text(_) => line,
    });
    dedented.collect::<Vec<_>>().join("\n")
}

/// The white space at a line's beginning.
fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The beginning that two indents share.
fn common<'text>(one: &'text str, other: &str) -> &'text str {
    &one[..one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()]
}

/// The input of an interactive session, whose lines without a prompt are output; other code as it is.
pub fn without_prompts(code: &str) -> String {
    let first = code.lines().find(|line| !line.trim().is_empty());
    if first.and_then(input).is_none() {
        return code.to_owned();
    }
    code.lines().filter_map(input).collect::<Vec<_>>().join("\n")
}

/// What stands after a line's prompt: `>>>` or `...`, or IPython's `In [1]:` or `...:`.
fn input(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let numbered = || {
        let digits = line.strip_prefix("In [")?;
        digits.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("]:")
    };
    let rest =
        line.strip_prefix(">>>").or_else(|| line.strip_prefix("...:")).or_else(|| line.strip_prefix("..."));
    let rest = rest.or_else(numbered)?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_known() {
        let ends = |line: &str| Place::Code.walk(line, |_, _| false).0;
        for line in [
            "x = 1",
            "x = '\"\"\"'",
            "# '''",
            "x = 'it\\'s'",
            "'''a''' + \"\"\"b\"\"\"",
            "x = 'open",
            r"r'\'",
        ] {
            assert_eq!(ends(line), Place::Code, "{line}");
        }
        assert_eq!(ends("x = '''a"), Place::Text("'''"));
        assert_eq!(ends("'''a''' + f\"\"\"b ''' \\\"\"\""), Place::Text("\"\"\""));
        assert_eq!(Place::Text("'''").walk("a ''' # b", |_, _| false).0, Place::Code);
        let backtick = |line: &str| {
            Place::Code
                .walk(line, |position, index| position == Position::Code && line[index..].starts_with('`'))
        };
        assert_eq!(backtick("f('`') `").1, Some(7));
        assert_eq!(backtick("f('`') # `").1, None);
    }

    #[test]
    fn the_indent_of_code_is_removed_and_that_of_strings_kept() {
        let cases = [
            ("  a\n    b\n\n  c", "a\n  b\n\nc"),
            ("\ta\n\tb", "a\nb"),
            ("  s = '''\nx\n  y\n'''\n  z", "s = '''\nx\n  y\n'''\nz"),
            ("a\n  b", "a\n  b"),
            ("", ""),
        ];
        for (code, expected) in cases {
            assert_eq!(dedented(code), expected, "{code}");
        }
    }

    #[test]
    fn a_session_is_its_input() {
        let cases = [
            (">>> for x in a:\n...     x\n...\n1\n>>> y", "for x in a:\n    x\n\ny"),
            ("In [1]: for x in a:\n   ...:     x\nOut[1]: 1\nIn [12]: y", "for x in a:\n    x\ny"),
            ("x = 1\n>>> y", "x = 1\n>>> y"),
        ];
        for (code, expected) in cases {
            assert_eq!(without_prompts(code), expected, "{code}");
        }
    }
}
