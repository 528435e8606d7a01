//! TLS: certificates that may change while a server serves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::reload::Watch;

/// The protocols that a client may choose.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files of a server's TLS, all in PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// The server's certificate, and those between it and its root.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The roots of clients' certificates, if clients must have one.
    pub client_roots: Option<PathBuf>,
}

/// A server's TLS: new connections use what the files held when they were last read.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    watch: Watch,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong in it.
    pub fn load(files: Files) -> Result<Self, String> {
        let Files { certificate, key, client_roots } = files.clone();
        let watch = Watch::new([certificate, key].into_iter().chain(client_roots).collect());
        Ok(Self { config: RwLock::new(read(&files)?), watch, files })
    }

    /// Reads the files again when they change. Connections that are open keep what they have.
    pub async fn keep_current(&self) {
        self.watch.follow("the certificates", || self.reload()).await;
    }

    fn reload(&self) -> Result<(), String> {
        let config = read(&self.files)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// What makes the handshake of a new connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone().into()
    }
}

fn read(files: &Files) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let wrong = |file: &Path, problem: &dyn std::fmt::Display| format!("{}: {problem}", file.display());
    let chain = certificates(&files.certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &pem_problem(&error)))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let builder = match &files.client_roots {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| wrong(file, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| wrong(file, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| wrong(&files.certificate, &error))?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(Arc::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match found {
        Ok(found) if found.is_empty() => Err(format!("{} holds no certificate in PEM", file.display())),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{}: {}", file.display(), pem_problem(&error))),
    }
}

fn pem_problem(error: &tokio_rustls::rustls::pki_types::pem::Error) -> String {
    use tokio_rustls::rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => error.to_string(),
        Error::NoItemsFound => "holds no private key in PEM".to_owned(),
        other => format!("is not PEM: {other}"),
    }
}
