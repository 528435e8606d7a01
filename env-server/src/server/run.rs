//! Running the server on a listener until its shutdown signal.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use lifecycle::{Access, Listener};
use proto::MAX_MESSAGE_BYTES;
use proto::env;
use proto::env::v1::environment_service_server::EnvironmentServiceServer;
use sandbox::Budget;
use tokio::time::MissedTickBehavior;

use super::bounds::Bounds;
use super::exposition::Exposition;
use super::in_flight::{Answers, Counted, Received};
use super::service::{MAX_BATCH, Service};
use crate::console::{self, Console, ConsoleUse};
use crate::episode::Registry;
use crate::error::Error;
use crate::gateway::{Gateway, Gateways};
use crate::hosts::{self, Hosts};
use crate::memory;

/// Interval at which expired leases are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How long an interpreter's free place keeps memory for the next one.
const PLACE_KEPT_FOR: Duration = Duration::from_secs(10);
/// Interval at which the process's memory is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(100);
/// How long clients may ask for the ends of episodes that ended because the server shuts down.
const END_TOLD_FOR: Duration = Duration::from_secs(1);

/// The largest request, in bytes: the longest code of a step is 8 MiB, the longest inline task 4 MiB.
const MAX_REQUEST_BYTES: usize = 12 << 20;

/// An environment server.
pub struct Server {
    registry: Arc<Registry>,
    access: Access,
    answers: Arc<Answers>,
    gateways: Vec<Gateway>,
    console: ConsoleUse,
}

impl Server {
    /// A server over this registry, for those who have access.
    pub fn new(registry: Registry, access: Access) -> Self {
        let (registry, answers) = (Arc::new(registry), Arc::<Answers>::default());
        let (weak, unread) = (Arc::downgrade(&registry), answers.clone());
        let free_some =
            move || unread.give_up_one() || weak.upgrade().is_some_and(|registry| registry.free_some());
        registry.sandbox().budget().reclaim_with(free_some);
        Self { registry, access, answers, gateways: Vec::new(), console: ConsoleUse::Off }
    }

    /// Serves these other protocols, too.
    #[must_use]
    pub fn with_gateways(self, gateways: Vec<Gateway>) -> Self {
        Self { gateways, ..self }
    }

    /// Serves the console for this use. Without this there is none.
    #[must_use]
    pub fn with_console(self, console: ConsoleUse) -> Self {
        Self { console, ..self }
    }

    /// Serves on `listener` until `shutdown` resolves. Then it ends its episodes, and calls under way may end.
    ///
    /// # Errors
    /// The transport's failure.
    pub async fn run(
        self,
        listener: Listener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let bounds = Bounds {
            request_bytes: MAX_REQUEST_BYTES,
            batch_steps: MAX_BATCH,
            connections: self.access.max_connections(),
            memory_bytes: self.registry.sandbox().budget().limit(),
        };
        let service = Service::new(self.registry.clone(), bounds);
        let service = if self.access.has_tokens() { service } else { service.without_operators() };
        let gateways = Gateways::new(self.gateways, service.clone(), self.registry.clone());
        let console = Console::new(self.console, self.registry.clone(), self.access.has_tokens());
        let routes = [gateways.routes(), console.routes()].into_iter().flatten().reduce(Router::merge);
        let service = EnvironmentServiceServer::new(service)
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let budget = self.registry.sandbox().budget().clone();
        let service = Counted::new(service, budget.clone(), self.answers.clone());
        let received = {
            let budget = budget.clone();
            move |request| Received::of(request, &budget, MAX_REQUEST_BYTES)
        };
        let background = async {
            tokio::select! {
                ended = sweep(&self.registry, &self.answers) => ended,
                ended = watch_memory(&budget) => ended,
                ended = look_at_hosts(self.registry.catalog().hosts()) => ended,
            }
        };
        let wind_down = async {
            gateways.end();
            console.end();
            let ended = self.registry.shut_down().await;
            // After the running steps, which may need them.
            self.registry.catalog().hosts().close();
            if ended > 0 {
                tokio::time::sleep(END_TOLD_FOR).await;
            }
            gateways.ended().await;
        };
        let registry = self.registry.clone();
        let mut server = lifecycle::Server::new(service, env::FILE_DESCRIPTOR_SET);
        if let Some(routes) = routes {
            server = server.with_http(|grpc| grpc.merge(routes));
        }
        let watch = console.watch().clone();
        server
            .with_metrics(move |traffic| {
                watch.show_connections(traffic.clone());
                Exposition::new(registry, traffic)
            })
            .with_open_paths(console::is_of_page)
            .with_refusal(|| Error::ShuttingDown.into())
            .with_access(self.access)
            .with_largest_request(MAX_REQUEST_BYTES)
            .with_requests(received)
            .run(listener, shutdown, wind_down, background)
            .await
    }
}

/// Closes episodes whose leases have run out, and gives back memory that nobody uses, until it is dropped.
async fn sweep(registry: &Arc<Registry>, answers: &Answers) -> Result<Infallible, lifecycle::Error> {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        let sweeping = registry.clone();
        tokio::task::spawn_blocking(move || sweeping.sweep()).await?;
        answers.give_up_old();
        let sandbox = registry.sandbox().clone();
        tokio::task::spawn_blocking(move || sandbox.trim(PLACE_KEPT_FOR)).await?;
    }
}

/// Gives up calls of tool hosts that take too long, until it is dropped.
async fn look_at_hosts(hosts: &Hosts) -> Result<Infallible, lifecycle::Error> {
    let mut ticks = tokio::time::interval(hosts::LOOK_EVERY);
    loop {
        ticks.tick().await;
        hosts.look();
    }
}

/// Measures the process's memory, until it is dropped.
async fn watch_memory(budget: &Budget) -> Result<Infallible, lifecycle::Error> {
    let mut ticks = tokio::time::interval(MEASURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let budget = budget.clone();
        // Hibernating interpreters takes a while.
        tokio::task::spawn_blocking(move || memory::taken_bytes().map(|bytes| budget.measure(bytes))).await?;
    }
}
