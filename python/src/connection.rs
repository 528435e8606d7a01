//! The servers that calls go to.

use std::sync::{Arc, Mutex, PoisonError};

use client::{Credentials, Environments, Retry};
use tokio::sync::OnceCell;

use crate::errors::Failure;
use crate::of_process::OfProcess;

/// Environment servers, which are connected at the first call, and again in a process that was forked. Clones share the connections.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    urls: Vec<String>,
    credentials: Credentials,
    retry: Retry,
    connected: Mutex<OfProcess<Arc<OnceCell<Environments>>>>,
}

impl Connection {
    /// Servers that are not connected yet.
    pub fn new(urls: Vec<String>, credentials: Credentials, retry: Retry) -> Self {
        let connected = Mutex::new(OfProcess::new(Arc::default()));
        Self(Arc::new(Shared { urls, credentials, retry, connected }))
    }

    /// The servers, connected.
    ///
    /// # Errors
    /// One can't be reached, or they can't be used together.
    pub async fn servers(&self) -> Result<Environments, Failure> {
        let Shared { urls, credentials, retry, .. } = &*self.0;
        let connect = || Environments::connect_as(urls, credentials, *retry);
        Ok(self.of_this_process().get_or_try_init(connect).await?.clone())
    }

    fn of_this_process(&self) -> Arc<OnceCell<Environments>> {
        let mut connected = self.0.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ours) = connected.get() {
            return ours.clone();
        }
        let ours = Arc::<OnceCell<_>>::default();
        *connected = OfProcess::new(ours.clone());
        ours
    }
}
