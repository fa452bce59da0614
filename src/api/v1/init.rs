//! `POST /init`: a customer's wallet and a token for it.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    api::{
        api_error::ApiError,
        auth::ServiceKeyAuth,
        body::{Body, Fields, FromFields},
        catalogue::Code,
        document::{BODY, OperationDoc, Tag, sample, samples::CUSTOMER},
        envelope::Answer,
    },
    identity::Identity,
    kernel::ids::CustomerXid,
};

/// Whose wallet.
#[derive(Object)]
pub struct InitRequest {
    /// The customer, as the caller numbers them.
    customer_xid: Uuid,
}

impl FromFields for InitRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { customer_xid: fields.required("customer_xid")? })
    }
}

/// A token for the customer's wallet.
#[derive(Object, Serialize)]
pub struct TokenData {
    token: String,
}

/// The operation.
pub struct InitApi {
    pub identity: Arc<dyn Identity>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Start")]
impl InitApi {
    /// Open a customer's wallet and get a token for it
    ///
    /// Repeated with the same `customer_xid` it answers with a token for the same wallet, which stays as it is. A new wallet
    /// is disabled and empty.
    #[oai(path = "/init", method = "post", operation_id = "init_wallet")]
    async fn init_wallet(
        &self,
        _auth: ServiceKeyAuth,
        body: Body<InitRequest>,
    ) -> Result<Answer<201, TokenData>, ApiError> {
        let token = self.identity.init(CustomerXid(body.0.customer_xid)).await?;
        Ok(Answer(TokenData { token }))
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    vec![OperationDoc {
        id: "init_wallet",
        codes: &[BODY, &[Code::Unauthorized, Code::RateLimited, Code::Unavailable]],
        request: Some(json!({"customer_xid": CUSTOMER})),
        answer: sample(&TokenData { token: "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.….…".to_owned() }),
    }]
}
