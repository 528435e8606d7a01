//! Commands as text.

use std::path::Path;

/// A command as a person would type it in a shell.
pub fn command_line(program: &Path, arguments: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    let quoted = |word: &str| match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    let words = [program.to_string_lossy().into_owned()].into_iter().chain(arguments.iter().cloned());
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn commands_are_quoted_for_a_shell() {
        let line =
            super::command_line(Path::new("bin/trainer"), &["init".into(), "a b".into(), "it's".into()]);
        assert_eq!(line, r"bin/trainer init 'a b' 'it'\''s'");
    }
}
