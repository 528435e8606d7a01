//! Who may call a server.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::listener::{Listener, Place};
use crate::tls::{Files, Tls};
use crate::tokens::Tokens;

/// Connections at a time, unless an option says otherwise.
const MAX_CONNECTIONS: u32 = 10_000;

/// Options of a server: who may call it.
#[derive(Args, Clone, Debug)]
pub struct AccessOptions {
    /// File of the tokens that are accepted, a line `HASH TENANT ROLE` for each,
    /// as `env-server token` makes them. It is read again when it changes, and at
    /// SIGHUP. Without it everybody who reaches the server may use it.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,

    /// The server's certificate chain, in PEM: clients connect with https. It and the
    /// files below are read again when they change, and at SIGHUP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Roots of the certificates that clients must have, in PEM. Without it clients
    /// need none.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,

    /// The most connections at a time; further ones are closed at once.
    #[arg(long, value_name = "N", default_value_t = MAX_CONNECTIONS, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,

    /// Who may connect to a Unix socket, as chmod's octal number: 660 lets its group, too.
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = mode)]
    socket_mode: u32,

    /// Listen on an address that other machines reach although there are no
    /// tokens, or tokens and code pass in plain text.
    #[arg(long)]
    insecure: bool,
}

/// The permissions that an octal number stands for.
fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| "must be an octal number, at most 777".to_owned())
}

impl AccessOptions {
    /// Reads the files that the options name.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong in it.
    pub fn load(&self) -> Result<Access, String> {
        let tokens = self.tokens.as_deref().map(Tokens::load).transpose()?;
        let tls = match (self.tls_cert.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => {
                Some(Tls::load(Files { certificate, key, client_roots: self.tls_client_ca.clone() })?)
            }
            _ => None,
        };
        Ok(Access {
            tokens: tokens.map(Arc::new),
            tls: tls.map(Arc::new),
            max_connections: self.max_connections,
            socket_mode: self.socket_mode,
            insecure: self.insecure,
        })
    }
}

/// Who may call a server. The default is everybody who reaches it on this machine.
#[derive(Clone, Debug)]
pub struct Access {
    tokens: Option<Arc<Tokens>>,
    tls: Option<Arc<Tls>>,
    max_connections: u32,
    /// Who may connect to a Unix socket.
    socket_mode: u32,
    insecure: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            tokens: None,
            tls: None,
            max_connections: MAX_CONNECTIONS,
            socket_mode: 0o600,
            insecure: false,
        }
    }
}

impl Access {
    /// Checks that a server may listen there, and lets those connect to a Unix socket who may.
    ///
    /// # Errors
    /// A sentence that says what to do, if other machines reach the address and may use the server.
    pub fn guard(&self, listener: &Listener) -> Result<(), String> {
        match listener.place() {
            Place::Tcp(address) => self.check(address.ip()),
            Place::Unix(_) if self.tls.is_some() => {
                Err("a Unix socket has no TLS: leave out --tls-cert and --tls-key".to_owned())
            }
            Place::Unix(file) => file
                .set_mode(self.socket_mode)
                .map_err(|error| format!("{}: --socket-mode: {error}", file.path().display())),
        }
    }

    fn check(&self, address: IpAddr) -> Result<(), String> {
        if address.to_canonical().is_loopback() || self.insecure {
            return Ok(());
        }
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "other machines reach {address}, and the server has no {}: give {}, listen on 127.0.0.1, or allow it \
             with --insecure",
            missing.iter().map(|(what, _)| *what).collect::<Vec<_>>().join(" and no "),
            missing.iter().map(|(_, option)| *option).collect::<Vec<_>>().join(" and "),
        ))
    }

    fn missing(&self) -> Vec<(&'static str, &'static str)> {
        let mut missing = Vec::new();
        if self.tls.is_none() {
            missing.push(("TLS", "--tls-cert and --tls-key"));
        }
        if self.tokens.is_none() {
            missing.push(("tokens", "--tokens"));
        }
        missing
    }

    /// Whether callers need tokens.
    pub fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// The tokens that are accepted.
    pub(crate) fn tokens(&self) -> Option<Arc<Tokens>> {
        self.tokens.clone()
    }

    /// The certificates, if connections are encrypted.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// The most connections at a time.
    pub fn max_connections(&self) -> usize {
        self.max_connections as usize
    }

    /// The scheme of the server's URL.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Reads the files again when they change.
    pub(crate) async fn keep_current(&self) {
        let tokens = async {
            if let Some(tokens) = &self.tokens {
                tokens.keep_current().await;
            }
        };
        let tls = async {
            if let Some(tls) = &self.tls {
                tls.keep_current().await;
            }
        };
        tokio::join!(tokens, tls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_alone_needs_nothing() {
        for address in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            Access::default().check(address.parse().unwrap()).unwrap();
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!((mode("660"), mode("0600"), mode("0")), (Ok(0o660), Ok(0o600), Ok(0)));
        for wrong in ["", "9", "1000", "rw", "-1"] {
            assert!(mode(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_an_open_address_lacks_is_named() {
        for address in ["0.0.0.0", "::", "192.168.1.1", "::ffff:10.0.0.1"] {
            let error = Access::default().check(address.parse().unwrap()).unwrap_err();
            for part in [address, "no TLS and no tokens", "--tls-cert", "--tokens", "--insecure"] {
                assert!(error.contains(part), "{error}");
            }
            Access { insecure: true, ..Access::default() }.check(address.parse().unwrap()).unwrap();
        }
    }
}
