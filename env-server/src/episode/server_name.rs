//! The name of a server, with which the ids of its episodes begin.

use std::fmt;
use std::str::FromStr;

use super::spec;
use crate::error::{Error, Violation};

/// The longest name, in bytes.
const MAX_BYTES: usize = 32;

/// The name of a server among several: 1 to 32 of `[a-z0-9-]`. The ids of its episodes are `NAME.REST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerName(String);

impl ServerName {
    /// The id of a new episode: `asked`, or a random one if that is empty. `field` is where the request holds it.
    ///
    /// # Errors
    /// An id of another server, or a violation if no server can have it.
    pub fn new_id(&self, field: &str, asked: &str) -> Result<String, Error> {
        if asked.is_empty() {
            return Ok(format!("{self}.{}", uuid::Uuid::new_v4()));
        }
        self.check(asked)?;
        let id = spec::episode_id(asked).map_err(|rule| Violation::new(field, rule.description))?;
        let has_form = id.split_once('.').is_some_and(|(server, rest)| server == self.0 && !rest.is_empty());
        if !has_form {
            let rule =
                format!("must be `{self}.REST`: the name of this server, a full stop, and the caller's part");
            return Err(Violation::new(field, rule).into());
        }
        Ok(id)
    }

    /// Whether an episode of this id may be here. An id that begins with no server's name may.
    ///
    /// # Errors
    /// [`Error::WrongServer`] if the id names another server.
    pub fn check(&self, id: &str) -> Result<(), Error> {
        match id.split_once('.').map(|(server, _)| server.parse()) {
            Some(Ok(server)) if server != *self => {
                let Self(server) = server;
                Err(Error::WrongServer { server, this_server: self.0.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for ServerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > MAX_BYTES || !text.bytes().all(allowed) {
            return Err(format!("must be 1 to {MAX_BYTES} of [a-z0-9-]"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> ServerName {
        "one".parse().unwrap()
    }

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "env-7", "0", &"x".repeat(32)] {
            assert_eq!(good.parse::<ServerName>().unwrap().to_string(), good);
        }
        for bad in ["", "One", "a.b", "a_b", "a b", "é", &"x".repeat(33)] {
            assert!(bad.parse::<ServerName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn new_ids_begin_with_the_name() {
        let chosen = name().new_id("id", "").unwrap();
        assert!(chosen.starts_with("one.") && chosen.len() > 30, "{chosen}");
        assert_ne!(chosen, name().new_id("id", "").unwrap());
        for good in ["one.x", "one.two.three", "one.."] {
            assert_eq!(name().new_id("id", good).unwrap(), good);
        }
        for bad in ["x", "one", "one.", ".x", "One.x", "one.a/b", &format!("one.{}", "x".repeat(125))] {
            let Err(Error::Invalid(violation)) = name().new_id("ids[2]", bad) else { panic!("{bad}") };
            assert_eq!(violation.field, "ids[2]", "{bad}");
        }
    }

    #[test]
    fn an_id_of_another_server_names_both() {
        for id in ["two.x", "two.", "two.one.x"] {
            let Err(Error::WrongServer { server, this_server }) = name().check(id) else { panic!("{id}") };
            assert_eq!((&*server, &*this_server), ("two", "one"));
            assert!(matches!(name().new_id("id", id), Err(Error::WrongServer { .. })));
        }
        for id in ["one.x", "x", "", ".x", "No_Server.x"] {
            assert!(name().check(id).is_ok(), "{id}");
        }
    }
}
