//! Ids of episodes name the server, if it has a name.

use super::Registry;
use crate::error::Error;

impl Registry {
    /// The id of a new episode, as the request has it in `field`. Of a server without a name it may still be empty, or wrong.
    ///
    /// # Errors
    /// An id of another server, or one that does not begin with this server's name.
    pub(super) fn new_id(&self, field: &str, asked: &str) -> Result<String, Error> {
        match &self.options.server_name {
            Some(name) => name.new_id(field, asked),
            None => Ok(asked.to_owned()),
        }
    }

    /// Whether an episode of this id may be on this server.
    ///
    /// # Errors
    /// [`Error::WrongServer`].
    pub(super) fn check_server(&self, id: &str) -> Result<(), Error> {
        self.options.server_name.as_ref().map_or(Ok(()), |name| name.check(id))
    }
}
