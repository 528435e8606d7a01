//! The options that there are, and what each accepts.

use std::env;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Arg, ArgAction, Command};

/// The option that names the file.
pub const CONFIG: &str = "config";
/// What the variables begin with.
pub const PREFIX: &str = "RUNTIME_GYM_";

/// An option.
pub struct Known {
    /// Its name in the parser.
    pub id: String,
    /// Its key in a file, such as `max_episodes`.
    pub key: String,
    /// Its variable, such as `RUNTIME_GYM_MAX_EPISODES`.
    pub variable: String,
    /// Its flag, such as `--max-episodes`.
    flag: String,
    pub kind: Kind,
}

/// How many values an option has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// None: it is there or not.
    Switch,
    One,
    Several,
}

/// All options of a command.
pub fn all(command: &Command) -> Vec<Known> {
    command.get_arguments().filter_map(Known::of).collect()
}

impl Known {
    /// An option of the parser; `None` for what is not one.
    pub fn of(option: &Arg) -> Option<Self> {
        let name = option.get_long()?;
        let key = name.replace('-', "_");
        let kind = match option.get_action() {
            ArgAction::SetTrue => Kind::Switch,
            ArgAction::Append => Kind::Several,
            ArgAction::Set => Kind::One,
            _ => return None,
        };
        Some(Self {
            id: option.get_id().to_string(),
            variable: format!("{PREFIX}{}", key.to_uppercase()),
            flag: format!("--{name}"),
            key,
            kind,
        })
    }

    /// The value of its variable, if that is set and not empty.
    pub fn variable_value(&self) -> Option<OsString> {
        env::var_os(&self.variable).filter(|value| !value.is_empty())
    }

    /// Whether its variable is set, and empty.
    pub fn is_set_empty(&self) -> bool {
        env::var_os(&self.variable).is_some_and(|value| value.is_empty())
    }

    /// The flags that give it these values.
    pub fn flags(&self, values: Vec<String>) -> Vec<OsString> {
        match self.kind {
            Kind::Switch => vec![self.flag.clone().into()],
            Kind::One | Kind::Several => values.iter().map(|value| self.with(value.as_ref())).collect(),
        }
    }

    fn with(&self, value: &OsStr) -> OsString {
        let mut flag = OsString::from(format!("{}=", self.flag));
        flag.push(value);
        flag
    }

    /// Checks a value.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self, command: &Command, value: &OsStr) -> Result<(), String> {
        if self.kind == Kind::Switch {
            return match value.to_str() {
                Some("true" | "false") => Ok(()),
                _ => Err(format!("`{}`: must be true or false", value.to_string_lossy())),
            };
        }
        let parsed = command.clone().try_get_matches_from([command.get_name().into(), self.with(value)]);
        match parsed {
            Ok(_) => Ok(()),
            // What else must be there is seen when all options are.
            Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => Ok(()),
            Err(error) => Err(rule(&error, value)),
        }
    }
}

/// The rule that a value breaks, without the flag, which nobody has written.
fn rule(error: &Error, value: &OsStr) -> String {
    let value = value.to_string_lossy();
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => match source.to_string() {
            rule if rule.starts_with(&*value) => rule,
            rule => format!("`{value}`: {rule}"),
        },
        _ if value.is_empty() => "must not be empty".to_owned(),
        (None, Some(ContextValue::Strings(words))) => format!("must be one of {}", words.join(", ")),
        _ => format!("`{value}`: {}", error.kind()),
    }
}
