//! What a client shows to a server, and how it knows the server.

use std::path::PathBuf;
use std::{env, fs};

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Certificate, ClientTlsConfig};
use tonic::{Request, Status};

use crate::trace_context::add_trace_context;

/// The environment variable that holds the token for environment servers.
const TOKEN: &str = "RUNTIME_GYM_TOKEN";
/// The environment variable that names a file of roots, in PEM.
const ROOTS: &str = "RUNTIME_GYM_CA";

/// What a client shows to a server, and how it knows the server.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The token that tells an environment server who calls; `None` for servers that need none.
    pub token: Option<String>,
    /// A file of certificates, in PEM, that servers' certificates may be signed by, instead of the system's.
    pub roots: Option<PathBuf>,
}

impl Credentials {
    /// Those that the environment variables `RUNTIME_GYM_TOKEN` and `RUNTIME_GYM_CA` hold. An empty variable counts as unset.
    pub fn from_env() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            token: set(TOKEN).map(|token| token.to_string_lossy().trim().to_owned()),
            roots: set(ROOTS).map(PathBuf::from),
        }
    }

    /// What adds the token to calls.
    ///
    /// # Errors
    /// The rule that the token breaks.
    pub fn bearer(&self) -> Result<Bearer, String> {
        let Some(token) = &self.token else { return Ok(Bearer(None)) };
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}")
            .parse()
            .map_err(|_| format!("the token in {TOKEN} has characters that no token has"))?;
        value.set_sensitive(true);
        Ok(Bearer(Some(value)))
    }

    /// How the certificate of an https server is checked.
    ///
    /// # Errors
    /// If the file of roots can't be read.
    pub(crate) fn tls(&self) -> Result<ClientTlsConfig, String> {
        let tls = ClientTlsConfig::new();
        let Some(roots) = &self.roots else { return Ok(tls.with_native_roots()) };
        let pem = fs::read(roots)
            .map_err(|error| format!("cannot read {}, which {ROOTS} names: {error}", roots.display()))?;
        Ok(tls.ca_certificate(Certificate::from_pem(pem)))
    }
}

/// Adds a token to calls, and the caller's trace. Its `Debug` does not show the token.
#[derive(Clone, Debug, Default)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        add_trace_context(request.metadata_mut().as_mut());
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_and_not_shown() {
        let credentials = Credentials { token: Some("secret".to_owned()), roots: None };
        let mut bearer = credentials.bearer().unwrap();
        assert!(!format!("{bearer:?}").contains("secret"));
        let request = bearer.call(Request::new(())).unwrap();
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer secret");
        assert!(!format!("{request:?}").contains("secret"));
        let request = Credentials::default().bearer().unwrap().call(Request::new(())).unwrap();
        assert!(request.metadata().get("authorization").is_none());
    }

    #[test]
    fn a_wrong_credential_is_named() {
        let credentials =
            Credentials { token: Some("two\nlines".to_owned()), roots: Some("/no/such/file".into()) };
        assert!(credentials.bearer().unwrap_err().contains(TOKEN));
        let error = credentials.tls().unwrap_err();
        assert!(error.contains(ROOTS) && error.contains("/no/such/file"), "{error}");
    }
}
