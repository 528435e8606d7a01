//! The stream of a tool host: calls to it, and its answers.

use futures::stream::{BoxStream, Stream, StreamExt as _};
use proto::env::v1;
use proto::env::v1::host_families_request::Message as Asked;
use proto::env::v1::host_families_response::Message as Told;
use tonic::Status;

use crate::error::{Error, Violation};
use crate::hosts::{Host, Hosts, Offer};
use crate::wire;

/// What a host is sent.
pub type Calls = BoxStream<'static, Result<v1::HostFamiliesResponse, Status>>;

/// Takes a host by the first message of its stream, and reads its answers until the stream ends. Then its calls go to others.
/// `taken` are the names that its families must not have.
///
/// # Errors
/// The first message is no offer, or the offer is refused.
pub async fn connect(
    hosts: &Hosts,
    taken: &[&str],
    boot_id: &str,
    mut messages: impl Stream<Item = Result<v1::HostFamiliesRequest, Status>> + Unpin + Send + 'static,
) -> Result<Calls, Error> {
    let offer = match messages.next().await.map(|first| first.map(|first| first.message)) {
        Some(Ok(Some(Asked::Offer(offer)))) => offer,
        Some(Err(status)) => return Err(Violation::new("offer", status.message()).into()),
        _ => return Err(Violation::new("offer", "is required as the first message").into()),
    };
    let (host, requests) = hosts.connect(Offer::from(offer), taken)?;
    tokio::spawn(read(host, messages));
    let ready = v1::HostReady { boot_id: boot_id.to_owned() };
    let ready = v1::HostFamiliesResponse { message: Some(Told::Ready(ready)) };
    let calls = futures::stream::unfold(requests, async |mut requests| {
        let (id, request) = requests.recv().await?;
        Some((Ok(wire::host_call(id, &request)), requests))
    });
    // They end when the server shuts down.
    let end = futures::stream::once(async { Err(Error::ShuttingDown.into()) });
    Ok(futures::stream::once(async { Ok(ready) }).chain(calls).chain(end).boxed())
}

async fn read(host: Host, mut messages: impl Stream<Item = Result<v1::HostFamiliesRequest, Status>> + Unpin) {
    while let Some(Ok(message)) = messages.next().await {
        if let Some(Asked::Answer(answer)) = message.message {
            host.answer(answer.call_id, answer.into());
        }
    }
}
