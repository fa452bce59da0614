//! `POST /users`: signing up.

use std::sync::Arc;

use poem::Request;
use poem_openapi::{Object, OpenApi};
use serde_json::json;

use super::session_tokens::{self, SessionTokens};
use crate::{
    api::{
        api_error::ApiError,
        auth::Attempt,
        body::{Body, Fields, FromFields},
        catalogue::Code,
        document::{BODY, OperationDoc, Tag, sample},
        envelope::Answer,
        scalars::NewPassword,
    },
    identity::{DisplayName, Language, SignUp, Users},
    kernel::email::Email,
};

/// Who signs up.
#[derive(Object)]
pub struct SignUpRequest {
    email: Email,
    password: NewPassword,
    /// The name that others see beside a payment.
    name: Option<DisplayName>,
    language: Option<Language>,
}

impl FromFields for SignUpRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (email, password) = (fields.required("email"), fields.required("password"));
        let (name, language) = (fields.optional("name"), fields.optional("language"));
        Some(Self { email: email?, password: password?, name, language })
    }
}

/// The operation.
pub struct UsersApi {
    pub users: Arc<dyn Users>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::People")]
impl UsersApi {
    /// Sign up
    ///
    /// Makes a customer with an enabled wallet, and signs in. A password has 12 to 128 characters and is not among those that are
    /// guessed first.
    #[oai(path = "/users", method = "post", operation_id = "sign_up")]
    async fn sign_up(
        &self,
        request: &Request,
        body: Body<SignUpRequest>,
    ) -> Result<Answer<201, SessionTokens>, ApiError> {
        let attempt = Attempt::to_sign_up(request)?;
        let SignUpRequest { email, password, name, language } = body.0;
        let sign_up =
            SignUp { email, password: password.0, name, language, user_agent: attempt.user_agent() };
        let signed_in = attempt.settle(self.users.sign_up(sign_up).await)?;
        Ok(Answer(signed_in.into()))
    }
}

/// The documentation of the operation, in addition to its types.
pub fn operation_docs() -> Vec<OperationDoc> {
    vec![OperationDoc {
        id: "sign_up",
        codes: &[
            BODY,
            &[Code::EmailTaken, Code::RateLimited, Code::Overloaded, Code::Unavailable, Code::OutcomeUnknown],
        ],
        request: Some(json!({
            "email": "ada@example.com", "password": "twelve gulls at noon", "name": "Ada Obi", "language": "en",
        })),
        answer: sample(&session_tokens::example()),
    }]
}
