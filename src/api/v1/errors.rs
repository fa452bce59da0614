//! `/errors`: the catalogue of errors.

use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::api::{
    catalogue::{CATALOGUE, Entry},
    document::{OperationDoc, Tag, sample},
    envelope::Answer,
};

/// One error.
#[derive(Object, Serialize)]
struct ErrorEntry {
    /// The stable name.
    code: String,
    /// The HTTP status that goes with it.
    status: u16,
    /// For people; it may change.
    sentence: String,
    /// Whether the same request, sent again as it is, may be answered otherwise.
    retry_may_help: bool,
}

/// The catalogue.
#[derive(Object, Serialize)]
pub struct ErrorsData {
    errors: Vec<ErrorEntry>,
}

/// The operation.
pub struct ErrorsApi;

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Errors")]
impl ErrorsApi {
    /// Every error that a response can name
    ///
    /// The codes are stable, the messages may change.
    #[oai(path = "/errors", method = "get", operation_id = "list_errors")]
    async fn list_errors(&self) -> Answer<200, ErrorsData> {
        Answer(ErrorsData { errors: CATALOGUE.iter().map(entry).collect() })
    }
}

fn entry(entry: &Entry) -> ErrorEntry {
    ErrorEntry {
        code: entry.name.to_owned(),
        status: entry.status.as_u16(),
        sentence: entry.message.to_owned(),
        retry_may_help: entry.retry,
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let errors = CATALOGUE.iter().take(1).map(entry).collect();
    vec![OperationDoc {
        id: "list_errors",
        codes: &[],
        request: None,
        answer: sample(&ErrorsData { errors }),
    }]
}
