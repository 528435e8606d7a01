//! Asks a host, and waits for the answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sandbox::Stop;
use tokio::sync::oneshot;

use super::call::{Answer, Request};
use super::contract::Contract;
use super::table::{Call, Table};
use crate::error::Error;

/// How long a call waits for a host where none is connected.
pub const NOBODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the hosts of a table. Clones ask the same.
#[derive(Clone, Debug, Default)]
pub struct Asker(Arc<Mutex<Table>>);

impl Asker {
    /// Asks a host, at once. Whoever drops the answer gives the call up.
    pub fn ask(
        &self,
        contract: Arc<Contract>,
        request: Request,
        stop: &Stop,
    ) -> impl Future<Output = Result<Answer, Error>> + Send + use<> {
        let (told, answer) = oneshot::channel();
        let asked = Instant::now();
        let mut table = self.table();
        let timeout = table.timeout(&contract);
        let give_up = asked + if table.serves(&contract) { timeout } else { timeout.min(NOBODY_TIMEOUT) };
        let (request, stop) = (Arc::new(request), stop.clone());
        table.add(Call { contract, request, told, stop, asked, give_up, lost: 0 });
        drop(table);
        // If the table has ended, so has the server.
        async { answer.await.unwrap_or(Err(Error::ShuttingDown)) }
    }

    /// The table, for moments only.
    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
