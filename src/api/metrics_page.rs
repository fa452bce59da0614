//! `/metrics`: the metrics for Prometheus.

use std::sync::Arc;

use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse, OpenApi,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
};

use super::document::{OperationDoc, Tag};

/// Renders all metrics.
pub type Renderer = Arc<dyn Fn() -> String + Send + Sync>;

/// The text that Prometheus reads (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The operation.
pub struct MetricsApi {
    pub render: Renderer,
}

/// The rendered metrics.
struct Metrics(String);

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        Response::builder().content_type(CONTENT_TYPE).body(self.0)
    }
}

impl ApiResponse for Metrics {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        let content = vec![MetaMediaType { content_type: "text/plain", schema }];
        let response = MetaResponse {
            description: "Success",
            status: Some(200),
            status_range: None,
            content,
            headers: vec![],
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(_: &mut Registry) {}
}

#[OpenApi(tag = "Tag::Operation")]
impl MetricsApi {
    /// Metrics for Prometheus
    ///
    /// In the text format, version 0.0.4.
    #[oai(path = "/metrics", method = "get", operation_id = "get_metrics")]
    async fn get_metrics(&self) -> Metrics {
        Metrics((self.render)())
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    vec![OperationDoc { id: "get_metrics", codes: &[], request: None, answer: None }]
}
