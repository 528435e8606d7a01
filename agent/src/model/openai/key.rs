//! API keys: read from the environment or from `.env`, and never shown.

use std::fmt;
use std::path::Path;

use reqwest::header::HeaderValue;

use crate::model::Error;

/// The file beside which a run is started, with lines `NAME=value`.
const FILE: &str = ".env";

/// A key. Its text is in no log and no error.
#[derive(Clone)]
pub struct Key {
    /// The environment variable that holds it.
    variable: String,
    text: String,
}

impl Key {
    /// The key in an environment variable or, if it is not set, in the file `.env` of the working folder.
    ///
    /// # Errors
    /// [`Error::NoKey`] if it is in neither; [`Error::BadKey`] if it can't be sent.
    pub fn read(variable: &str) -> Result<Self, Error> {
        let found = std::env::var(variable).ok().or_else(|| in_file(Path::new(FILE), variable));
        let text = found.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| Error::NoKey { variable: variable.to_owned() })?;
        let key = Self { variable: variable.to_owned(), text };
        key.header().map(|_| key.clone()).map_err(|_| Error::BadKey { variable: key.variable })
    }

    /// The value of the `Authorization` header.
    pub fn header(&self) -> Result<HeaderValue, reqwest::header::InvalidHeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.text))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The environment variable that holds it.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// A text without the key, which some servers repeat in their errors.
    pub fn removed_from(&self, text: &str) -> String {
        text.replace(&self.text, &format!("<${}>", self.variable))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<${}>", self.variable)
    }
}

fn in_file(path: &Path, variable: &str) -> Option<String> {
    let lines = dotenvy::from_path_iter(path).ok()?;
    lines.flatten().find_map(|(name, value)| (name == variable).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_a_file_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "# keys\nOTHER=a\nexport MY_KEY=\"sk-secret\"\n").unwrap();
        assert_eq!(in_file(&path, "MY_KEY").as_deref(), Some("sk-secret"));
        assert_eq!(in_file(&path, "NONE"), None);
        assert_eq!(in_file(&folder.path().join("none"), "MY_KEY"), None);
        let key = Key { variable: "MY_KEY".to_owned(), text: "sk-secret".to_owned() };
        let shown = format!("{key:?} {:?} {}", key.header(), key.removed_from("bad key sk-secret"));
        assert!(!shown.contains("secret") && shown.contains("bad key <$MY_KEY>"), "{shown}");
    }

    #[test]
    fn a_missing_key_is_named() {
        let error = Key::read("RUNTIME_GYM_NO_SUCH_KEY").unwrap_err().to_string();
        assert!(error.contains("RUNTIME_GYM_NO_SUCH_KEY") && error.contains(".env"), "{error}");
    }
}
