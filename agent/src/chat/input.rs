//! Blocks of Python that a person types at a terminal, or that come through a pipe.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use tokio::sync::oneshot;

/// What a line can say in place of code, at a block's beginning.
const COMMANDS: &str = "\
An empty line ends a block, and it is run. At a block's beginning:
  :help   shows this, the functions and the rules
  :quit   ends the episode as it is, as Ctrl-D does
Ctrl-C drops the block that is being typed; while a block runs, it stops the program.";

/// A request for the next block.
#[derive(Debug)]
pub struct Ask {
    /// What `:help` shows.
    pub help: String,
    /// Gets the block, or `None` if there are no more.
    pub answer: oneshot::Sender<Option<String>>,
}

/// Answers requests on a thread of its own, which may wait for the person for ever.
pub fn start() -> mpsc::Sender<Ask> {
    let (asks, asked) = mpsc::channel::<Ask>();
    std::thread::spawn(move || {
        let mut lines = Lines::open();
        for Ask { help, answer } in asked {
            let block = block(&mut |first, indent| lines.next(first, indent), &mut |command| {
                say(&match command {
                    "help" => format!("{COMMANDS}\n\n{help}"),
                    other => format!("there is no `:{other}`; :help says what there is"),
                });
            });
            if answer.send(block).is_err() {
                return;
            }
        }
    });
    asks
}

/// What came of asking for a line.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// A line, or several that were pasted.
    Typed(String),
    /// The block is dropped.
    Dropped,
    /// There are no more.
    End,
}

/// Where lines come from.
enum Lines {
    Terminal(Box<DefaultEditor>),
    Pipe(io::Lines<io::StdinLock<'static>>),
}

impl Lines {
    fn open() -> Self {
        let editor = io::stdin().is_terminal().then(DefaultEditor::new).and_then(Result::ok);
        editor.map_or_else(|| Self::Pipe(io::stdin().lines()), |editor| Self::Terminal(Box::new(editor)))
    }

    /// The next line; `first` of its block, or with an indent to begin with.
    fn next(&mut self, first: bool, indent: &str) -> Line {
        match self {
            Self::Terminal(editor) => {
                let prompt = if first { ">>> " } else { "... " };
                match editor.readline_with_initial(prompt, (indent, "")) {
                    Ok(line) => {
                        // A line that the history does not take is lost to the history only.
                        let _ = editor.add_history_entry(line.trim_end());
                        Line::Typed(line)
                    }
                    Err(ReadlineError::Interrupted) => Line::Dropped,
                    Err(_) => Line::End,
                }
            }
            Self::Pipe(lines) => match lines.next() {
                Some(Ok(line)) => Line::Typed(line),
                Some(Err(_)) | None => Line::End,
            },
        }
    }
}

/// The next block: the lines up to an empty one, or to the end. `None` if there is none, or the person quits. `next` gets
/// whether it is asked for a block's first line, and the indent that the line begins with; `command` gets other commands.
fn block(next: &mut dyn FnMut(bool, &str) -> Line, command: &mut dyn FnMut(&str)) -> Option<String> {
    let mut code = String::new();
    loop {
        match next(code.is_empty(), &indent(&code)) {
            Line::Dropped => code.clear(),
            Line::End => return Some(code).filter(|code| !code.is_empty()),
            Line::Typed(line) if line.trim().is_empty() => {
                if !code.is_empty() {
                    return Some(code);
                }
            }
            Line::Typed(line) => match line.trim().strip_prefix(':').filter(|_| code.is_empty()) {
                Some("quit") => return None,
                Some(other) => command(other),
                None => {
                    code.push_str(&line);
                    code.push('\n');
                }
            },
        }
    }
}

/// The indent of the line that follows.
fn indent(code: &str) -> String {
    let Some(last) = code.lines().last() else { return String::new() };
    let own = &last[..last.len() - last.trim_start().len()];
    if last.trim_end().ends_with(':') { format!("{own}    ") } else { own.to_owned() }
}

fn say(text: &str) {
    // Without someone who reads there is nobody to tell.
    let _ = writeln!(anstream::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_at_empty_lines_and_at_the_end() {
        let typed = |text: &str| Line::Typed(text.to_owned());
        let lines = vec![
            typed(""),
            typed(":help"),
            typed(":what now"),
            typed("if x:"),
            typed("    y"),
            typed(" "),
            typed("dropped"),
            Line::Dropped,
            typed("z"),
            Line::End,
            Line::End,
        ];
        let mut lines = lines.into_iter();
        let (mut said, mut indents) = (Vec::new(), Vec::new());
        let mut next = |first: bool, indent: &str| {
            indents.push((first, indent.to_owned()));
            lines.next().unwrap()
        };
        let mut read = || block(&mut next, &mut |command| said.push(command.to_owned()));
        assert_eq!(read().as_deref(), Some("if x:\n    y\n"));
        assert_eq!(read().as_deref(), Some("z\n"), "what is there at the end is a block, too");
        assert_eq!(read(), None);
        assert_eq!(said, ["help", "what now"]);
        let expected = [(true, ""), (true, ""), (true, ""), (true, ""), (false, "    "), (false, "    ")];
        let indents: Vec<(bool, &str)> =
            indents.iter().map(|(first, text)| (*first, text.as_str())).collect();
        assert_eq!(indents[..6], expected);
    }

    #[test]
    fn a_person_can_quit() {
        assert_eq!(block(&mut |_, _| Line::Typed(":quit".to_owned()), &mut |_| ()), None);
    }
}
