//! Spans, as a collector gets them from real servers and agents.
//!
//! | file        | what it holds                                                |
//! |-------------|--------------------------------------------------------------|
//! | `collector` | a collector that keeps what it gets                          |
//! | `agent`     | `agent run` against a model that says what a test wants      |
//! | `episode`   | an episode is one trace                                      |
//! | `calls`     | calls within a caller's trace; what no span tells            |
//! | `sending`   | variables, and a collector that is away                      |

mod agent;
mod calls;
mod collector;
mod episode;
mod sending;

use client::EnvClient;
use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, create_request, knapsack_task};
use tokio::process::Command;

/// The variable that names the collector.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The span of a call.
fn rpc(method: &str) -> String {
    format!("runtime_gym.env.v1.EnvironmentService/{method}")
}

async fn create(client: &mut EnvClient, id: &str) {
    let request = create_request(&knapsack_task(), InterpreterState::Reset);
    client.create_episode(v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..request }).await.unwrap();
}

/// Ends a server by SIGTERM, which sends its last spans.
async fn terminate(mut server: EnvServer) -> EnvServer {
    let told = Command::new("kill").args(["-TERM", &server.pid().to_string()]).status().await.unwrap();
    assert!(told.success());
    assert!(server.wait().await.success());
    server
}
