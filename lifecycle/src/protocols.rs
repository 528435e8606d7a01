//! The protocols in which services are called: gRPC, gRPC-Web and JSON over HTTP.

use std::sync::Arc;

use axum::{Router, middleware};
use tonic::service::Routes;
use tonic_web::GrpcWebLayer;

use crate::connect::{self, Gateway};
use crate::{deadline, stalled, traced, undecodable};

/// The protocols in which services are called. Clones are cheap.
#[derive(Clone)]
pub struct Protocols {
    gateway: Arc<Gateway>,
    /// The calls that have spans.
    traced: Arc<traced::Paths>,
}

impl Protocols {
    /// Protocols of the services that these encoded `FileDescriptorSet`s describe, for calls in JSON of up to a length in bytes.
    /// The calls of the service `traced` have spans.
    ///
    /// # Errors
    /// A set that can't be decoded, or is not complete.
    pub fn new(
        traced: &str,
        descriptors: &[&[u8]],
        largest_request: usize,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let gateway = Gateway::new(descriptors, largest_request)?;
        Ok(Self { traced: Arc::new(gateway.paths(traced)), gateway: Arc::new(gateway) })
    }

    /// Services in all protocols, without what a [`Server`](crate::Server) adds to them: health, reflection, probes, callers.
    pub fn serve(&self, services: Routes) -> Router {
        self.with_json(self.grpc(services.into_axum_router()))
    }

    /// gRPC services, called over gRPC-Web too, whose calls end at their clients' deadlines.
    pub(crate) fn grpc(&self, services: Router) -> Router {
        services
            .layer(middleware::from_fn(undecodable::blame_caller))
            .layer(middleware::from_fn(deadline::keep))
            .layer(middleware::from_fn_with_state(self.traced.clone(), traced::rpc))
            .layer(GrpcWebLayer::new())
    }

    /// Routes whose gRPC services are called in JSON, too.
    pub(crate) fn with_json(&self, routes: Router) -> Router {
        routes
            .layer(middleware::from_fn_with_state(self.gateway.clone(), connect::translate))
            .layer(middleware::from_fn_with_state(self.gateway.clone(), stalled::give_up))
    }
}
