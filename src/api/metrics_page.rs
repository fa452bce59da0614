//! `/metrics`: the figures for Prometheus.

use std::sync::Arc;

use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse, OpenApi,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
};

use super::document::{Notes, Tag};

/// Writes all figures down.
pub type Renderer = Arc<dyn Fn() -> String + Send + Sync>;

/// The text that Prometheus reads (https://prometheus.io/docs/instrumenting/exposition_formats/).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The operation.
pub struct MetricsApi {
    pub render: Renderer,
}

/// The figures.
struct Figures(String);

impl IntoResponse for Figures {
    fn into_response(self) -> Response {
        Response::builder().content_type(CONTENT_TYPE).body(self.0)
    }
}

impl ApiResponse for Figures {
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
    /// The figures for Prometheus
    ///
    /// In the text format, version 0.0.4.
    #[oai(path = "/metrics", method = "get", operation_id = "get_metrics")]
    async fn get_metrics(&self) -> Figures {
        Figures((self.render)())
    }
}

/// What the document says beside the types.
pub fn notes() -> Vec<Notes> {
    vec![Notes { id: "get_metrics", codes: &[], request: None, answer: None }]
}
