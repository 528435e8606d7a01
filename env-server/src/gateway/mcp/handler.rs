//! A session: what it offers, and calls of its tools.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::Value;

use super::tools::Tools;
use crate::version::VERSION;

/// One session.
pub struct Handler<T>(Arc<T>);

impl<T: Tools> Handler<T> {
    /// A session with these tools.
    pub fn new(tools: T) -> Self {
        Self(Arc::new(tools))
    }
}

impl<T: Tools> ServerHandler for Handler<T> {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("runtime-gym", VERSION))
    }

    /// The versions that have sessions.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::LATEST_WITH_INITIALIZE))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.0.list(&context.extensions)?))
    }

    /// A call goes on if its client has gone; what it changes is kept or undone as a whole.
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tools = self.0.clone();
        let call = async move {
            let arguments = Value::Object(request.arguments.unwrap_or_default());
            tools.call(&request.name, arguments, &context.extensions).await
        };
        let called = tokio::spawn(call).await;
        let result: CallToolResult =
            called.map_err(|error| ErrorData::internal_error(error.to_string(), None)).flatten()?;
        Ok(result.into())
    }
}
