//! The texts that a model is told: templates in files, which `--prompts DIR` replaces.
//!
//! The templates are Jinja's, as minijinja runs them. `agent_configs/README.md` lists the files and what each can show.
//! All files of a folder are checked before a run: with examples of every kind, each must render, and show what the model
//! can't do without.

use std::fs;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

/// A text, by its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// How to act by writing Python.
    CodeAct,
    /// The same in brief.
    CodeActBrief,
    /// The interpreter keeps its state.
    StatePersistent,
    /// The interpreter is reset.
    StateReset,
    /// The names in a persistent interpreter.
    Names,
    /// How to act by calling tools.
    ReAct,
    /// The same in brief.
    ReActBrief,
    /// The task.
    Task,
    /// The task in brief.
    TaskBrief,
}

impl Text {
    const ALL: [Self; 9] = [
        Self::CodeAct,
        Self::CodeActBrief,
        Self::StatePersistent,
        Self::StateReset,
        Self::Names,
        Self::ReAct,
        Self::ReActBrief,
        Self::Task,
        Self::TaskBrief,
    ];

    /// The name of its file.
    fn file(self) -> &'static str {
        match self {
            Self::CodeAct => "codeact.txt",
            Self::CodeActBrief => "codeact_brief.txt",
            Self::StatePersistent => "state_persistent.txt",
            Self::StateReset => "state_reset.txt",
            Self::Names => "names.txt",
            Self::ReAct => "react.txt",
            Self::ReActBrief => "react_brief.txt",
            Self::Task => "task.txt",
            Self::TaskBrief => "task_brief.txt",
        }
    }

    fn ours(self) -> &'static str {
        match self {
            Self::CodeAct => include_str!("../prompts/codeact.txt"),
            Self::CodeActBrief => include_str!("../prompts/codeact_brief.txt"),
            Self::StatePersistent => include_str!("../prompts/state_persistent.txt"),
            Self::StateReset => include_str!("../prompts/state_reset.txt"),
            Self::Names => include_str!("../prompts/names.txt"),
            Self::ReAct => include_str!("../prompts/react.txt"),
            Self::ReActBrief => include_str!("../prompts/react_brief.txt"),
            Self::Task => include_str!("../prompts/task.txt"),
            Self::TaskBrief => include_str!("../prompts/task_brief.txt"),
        }
    }

    /// What it must show, as placeholders.
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::CodeAct | Self::CodeActBrief => &["tools", "state"],
            Self::ReAct | Self::ReActBrief => &["tools"],
            Self::Names => &["names"],
            Self::Task | Self::TaskBrief => &["public"],
            Self::StatePersistent | Self::StateReset => &[],
        }
    }
}

/// What texts can show. Each uses what it needs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// The functions of the task.
    pub tools: Vec<ToolFacts>,
    /// Tool calls allowed in a turn.
    pub tool_calls_per_step: u32,
    /// Turns of an episode.
    pub max_turns: u32,
    /// `script` or `notebook`.
    pub semantics: &'static str,
    /// `full` or `compact`.
    pub observation: &'static str,
    /// `refuse` or `first`.
    pub several_blocks: &'static str,
    /// `native` or `text`.
    pub tool_calls: &'static str,
    /// What is said about the interpreter's state; empty if that is hidden.
    pub state: String,
    /// The task in words.
    pub goal: String,
    /// The task's public data: one line of JSON.
    pub public: String,
    /// The same as Python's `json.dumps` writes it.
    pub public_python: String,
    /// Names in the interpreter.
    pub names: Vec<String>,
}

/// A function of the task.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ToolFacts {
    /// Its name.
    pub name: String,
    /// Name, parameters with types, and what it answers, such as `inspect(item_id: str) -> str`.
    pub signature: String,
    /// Name and parameters, such as `inspect(item_id)`.
    pub call: String,
    /// What it does.
    pub description: String,
    /// Whether the agent adds it to the environment's list: `finish`.
    pub is_added: bool,
}

/// Why a folder of prompts can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read.
    #[error("{}: {problem}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        problem: std::io::Error,
    },
    /// A file has no meaning.
    #[error("{}: is no prompt; there are {}", path.display(), Text::ALL.map(Text::file).join(", "))]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// A template is malformed, or names something that there is not.
    #[error("{}: {problem}", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// The reason, with the line.
        problem: String,
    },
    /// A template does not show what the model needs.
    #[error("{}: does not show {{{{ {placeholder} }}}}, without which a model can't act as it should", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What is missing.
        placeholder: &'static str,
    },
}

/// Texts that a model is told.
#[derive(Debug)]
pub struct Prompts {
    engine: Environment<'static>,
}

impl Prompts {
    /// The texts in a folder, and ours for those that it lacks; without a folder, ours.
    ///
    /// # Errors
    /// The first problem of a file.
    pub fn read(folder: Option<&Path>) -> Result<Self, Error> {
        let theirs = folder.map(files_of).transpose()?.unwrap_or_default();
        Self::checked(folder.unwrap_or(Path::new("prompts")), theirs)
    }

    /// Ours, with another source of one text.
    ///
    /// # Errors
    /// A problem of the source.
    pub fn with(text: Text, source: &str) -> Result<Self, Error> {
        Self::checked(Path::new("prompts"), vec![(text, source.to_owned())])
    }

    /// Texts of a folder, and ours for those that it lacks.
    fn checked(folder: &Path, theirs: Vec<(Text, String)>) -> Result<Self, Error> {
        let path_of = |text: Text| folder.join(text.file());
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        let template = |text: Text| {
            let path = path_of(text);
            move |error: minijinja::Error| {
                let line = error.line().map_or_else(String::new, |line| format!("line {line}: "));
                Error::Template { path, problem: format!("{line}{error}") }
            }
        };
        engine.set_syntax(syntax.map_err(template(Text::CodeAct))?);
        for text in Text::ALL {
            let source = theirs.iter().find(|(found, _)| *found == text).map(|(_, source)| source.clone());
            let source = source.unwrap_or_else(|| text.ours().to_owned());
            engine.add_template_owned(text.file(), source).map_err(template(text))?;
        }
        let prompts = Self { engine };
        for text in Text::ALL {
            for (facts, shown) in examples() {
                let said = prompts.say(text, &facts).map_err(template(text))?;
                let missing = text.required().iter().find(|placeholder| {
                    let example = shown.iter().find(|(name, _)| name == *placeholder);
                    example.is_some_and(|(_, example)| !said.contains(example))
                });
                if let Some(placeholder) = missing {
                    return Err(Error::Missing { path: path_of(text), placeholder });
                }
            }
        }
        Ok(prompts)
    }

    /// A text, with the facts that it shows, without white space at its end.
    ///
    /// # Errors
    /// What the template engine reports; a checked template gives none.
    pub fn say(&self, text: Text, facts: &Facts) -> Result<String, minijinja::Error> {
        let said = self.engine.get_template(text.file())?.render(Value::from(Serde(facts)))?;
        Ok(said.trim_end().to_owned())
    }
}

/// The texts in a folder. Files whose names begin with `.`, and those of other kinds than `.txt`, are passed over.
fn files_of(folder: &Path) -> Result<Vec<(Text, String)>, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |problem| Error::Read { path, problem }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with('.') || !name.ends_with(".txt") {
            continue;
        }
        let text = Text::ALL.into_iter().find(|text| text.file() == name);
        let text = text.ok_or_else(|| Error::Unknown { path: path.clone() })?;
        found.push((text, fs::read_to_string(&path).map_err(failed(&path))?));
    }
    Ok(found)
}

/// Facts of every kind, and what shows that a placeholder was used. Native tool calls need no tools in the text.
fn examples() -> Vec<(Facts, Vec<(&'static str, &'static str)>)> {
    let tool = |name: &str| ToolFacts {
        name: name.to_owned(),
        signature: format!("{name}(a: str) -> str"),
        call: format!("{name}(a)"),
        description: "Does it.".to_owned(),
        is_added: false,
    };
    let facts = Facts {
        tools: vec![tool("a_tool_of_the_task")],
        tool_calls_per_step: 25,
        max_turns: 40,
        semantics: "script",
        observation: "full",
        several_blocks: "refuse",
        tool_calls: "text",
        state: "what is said of the state".to_owned(),
        goal: "The goal.".to_owned(),
        public: "{\"public\":\"data\"}".to_owned(),
        public_python: "{\"public\": \"data\"}".to_owned(),
        names: vec!["a_name".to_owned()],
    };
    let shown = vec![
        ("tools", "a_tool_of_the_task"),
        ("state", "what is said of the state"),
        ("names", "a_name"),
        ("public", "\"public\""),
    ];
    let others = Facts {
        semantics: "notebook",
        observation: "compact",
        several_blocks: "first",
        tool_calls: "native",
        state: String::new(),
        names: Vec::new(),
        ..facts.clone()
    };
    vec![(facts, shown), (others, Vec::new())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(files: &[(&str, &str)]) -> Result<Prompts, Error> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Prompts::read(Some(folder.path()))
    }

    #[test]
    fn a_folder_replaces_some_texts() {
        let prompts =
            with(&[("task.txt", "Do: {{ goal }}\n{{ public }}\n\n"), ("README.md", "{{"), (".x.txt", "{{")]);
        let prompts = prompts.unwrap();
        let facts = Facts { goal: "pack & go".to_owned(), public: "{}".to_owned(), ..Facts::default() };
        assert_eq!(prompts.say(Text::Task, &facts).unwrap(), "Do: pack & go\n{}");
        assert_eq!(prompts.say(Text::TaskBrief, &facts).unwrap(), "Public data:");
    }

    #[test]
    fn what_is_wrong_with_a_prompt_is_said_before_a_run() {
        for (name, text, expected) in [
            ("task.txt", "{{ goal }}", "task.txt: does not show {{ public }}"),
            ("codeact.txt", "{{ tools }}", "codeact.txt: does not show {{ state }}"),
            ("react.txt", "Go.", "react.txt: does not show {{ tools }}"),
            ("names.txt", "x", "names.txt: does not show {{ names }}"),
            ("task.txt", "a\n{{ public }} {{ golas }}", "line 2"),
            ("task.txt", "{% if %}", "task.txt: line 1"),
            ("tusk.txt", "x", "tusk.txt: is no prompt; there are codeact.txt"),
        ] {
            let error = with(&[(name, text)]).unwrap_err().to_string();
            assert!(error.contains(expected), "{name} {text}: {error}");
        }
        let error = Prompts::read(Some(Path::new("/no/such/folder"))).unwrap_err().to_string();
        assert!(error.contains("/no/such/folder"), "{error}");
    }
}
