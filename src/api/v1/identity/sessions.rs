//! `/sessions`: signing in and out, and where one is signed in.

use std::sync::Arc;

use poem::Request;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::session_tokens::{self, SessionTokens};
use crate::{
    api::{
        api_error::ApiError,
        auth::{Attempt, Customer},
        body::{Body, Fields, FromFields},
        catalogue::Code,
        document::{
            BODY, OperationDoc, SIGNED_IN, Tag, sample,
            samples::{self, TRANSACTION},
        },
        envelope::Answer,
        query::PathId,
        scalars::{AnyText, ApiTimestamp},
    },
    identity::{OpenSession, Password, RefreshToken, Sessions, SignIn},
    kernel::{email::Email, ids::SessionId},
};

/// Who signs in.
#[derive(Object)]
pub struct SignInRequest {
    email: AnyText,
    password: AnyText,
}

impl FromFields for SignInRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (email, password) = (fields.required("email"), fields.required("password"));
        Some(Self { email: email?, password: password? })
    }
}

/// Which session goes on.
#[derive(Object)]
pub struct RefreshRequest {
    refresh_token: AnyText,
}

impl FromFields for RefreshRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        fields.required("refresh_token").map(|refresh_token| Self { refresh_token })
    }
}

/// Where one is signed in.
#[derive(Object, Serialize)]
struct OpenSessionLine {
    id: Uuid,
    /// It is the one of this request's token.
    is_current: bool,
    /// The client's own name.
    user_agent: String,
    created_at: ApiTimestamp,
    /// When its tokens were issued last.
    last_used_at: ApiTimestamp,
    expires_at: ApiTimestamp,
}

/// The open sessions, at most a hundred.
#[derive(Object, Serialize)]
pub struct OpenSessionsData {
    sessions: Vec<OpenSessionLine>,
}

/// A session has ended.
#[derive(Object, Serialize)]
pub struct SignedOutData {
    signed_out: bool,
}

/// The operations.
pub struct SessionsApi {
    pub sessions: Arc<dyn Sessions>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::People")]
impl SessionsApi {
    /// Sign in
    ///
    /// Wrong credentials are answered 401, in the same time whether or not the address is known.
    #[oai(path = "/sessions", method = "post", operation_id = "sign_in")]
    async fn sign_in(
        &self,
        request: &Request,
        body: Body<SignInRequest>,
    ) -> Result<Answer<201, SessionTokens>, ApiError> {
        let attempt = Attempt::to_sign_in(request)?;
        let sign_in = SignIn {
            email: Email::try_new(&body.0.email.0),
            password: Password::typed(&body.0.password.0),
            user_agent: attempt.user_agent(),
        };
        let signed_in = attempt.settle(self.sessions.sign_in(sign_in).await)?;
        Ok(Answer(signed_in.into()))
    }

    /// Get a session's next tokens
    ///
    /// A refresh token is accepted once. The one before the present one is accepted for ten seconds more, so that two tabs, or an answer
    /// that was lost, end nothing. One that is replayed later may have been stolen: the session ends. At most 30 in a minute.
    #[oai(path = "/sessions/refresh", method = "post", operation_id = "refresh_session")]
    async fn refresh_session(
        &self,
        request: &Request,
        body: Body<RefreshRequest>,
    ) -> Result<Answer<201, SessionTokens>, ApiError> {
        let attempt = Attempt::of(request)?;
        let token = RefreshToken::try_new(&body.0.refresh_token.0);
        let signed_in = attempt.settle(self.sessions.refresh(token).await)?;
        Ok(Answer(signed_in.into()))
    }

    /// Sign out
    ///
    /// Ends the session of the token, which is not accepted from then on; by other processes within a second. A token of `POST /init` is
    /// of no session, and is revoked alone.
    #[oai(path = "/sessions", method = "delete", operation_id = "sign_out")]
    async fn sign_out(&self, customer: Customer) -> Result<Answer<200, SignedOutData>, ApiError> {
        self.sessions.sign_out(customer.xid, &customer.principal).await?;
        Ok(Answer(SignedOutData { signed_out: true }))
    }

    /// Where one is signed in
    ///
    /// The open sessions, the one that was used last first.
    #[oai(path = "/sessions", method = "get", operation_id = "list_sessions")]
    async fn list_sessions(&self, customer: Customer) -> Result<Answer<200, OpenSessionsData>, ApiError> {
        let sessions = self.sessions.list(customer.xid).await?;
        let current = customer.principal.session;
        let line = |session| line(session, current);
        Ok(Answer(OpenSessionsData { sessions: sessions.into_iter().map(line).collect() }))
    }

    /// End a session
    ///
    /// Of the same customer; its tokens are not accepted from then on.
    #[oai(path = "/sessions/:id", method = "delete", operation_id = "end_session")]
    async fn end_session(
        &self,
        customer: Customer,
        /// The session.
        id: PathId,
    ) -> Result<Answer<200, SignedOutData>, ApiError> {
        self.sessions.end(customer.xid, SessionId(id.0)).await?;
        Ok(Answer(SignedOutData { signed_out: true }))
    }
}

fn line(session: OpenSession, current: Option<SessionId>) -> OpenSessionLine {
    OpenSessionLine {
        id: session.id.0,
        is_current: Some(session.id) == current,
        user_agent: session.user_agent,
        created_at: ApiTimestamp(session.created_at),
        last_used_at: ApiTimestamp(session.last_used_at),
        expires_at: ApiTimestamp(session.expires_at),
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let doc = |id, codes, request, answer| OperationDoc { id, codes, request, answer };
    let at = samples::timestamp();
    let session = OpenSessionLine {
        id: samples::id(TRANSACTION),
        is_current: true,
        user_agent: "Mozilla/5.0".to_owned(),
        created_at: at,
        last_used_at: at,
        expires_at: at,
    };
    let signed_out = || sample(&SignedOutData { signed_out: true });
    vec![
        doc(
            "sign_in",
            &[BODY, &[Code::Unauthorized, Code::RateLimited, Code::Overloaded, Code::Unavailable]],
            Some(json!({"email": "ada@example.com", "password": "twelve gulls at noon"})),
            sample(&session_tokens::example()),
        ),
        doc(
            "refresh_session",
            &[BODY, &[Code::Unauthorized, Code::RateLimited, Code::Unavailable]],
            Some(json!({"refresh_token": "5c1f…"})),
            sample(&session_tokens::example()),
        ),
        doc("sign_out", &[SIGNED_IN, &[Code::NotFound, Code::Unavailable]], None, signed_out()),
        doc(
            "list_sessions",
            &[SIGNED_IN, &[Code::Unavailable]],
            None,
            sample(&OpenSessionsData { sessions: vec![session] }),
        ),
        doc("end_session", &[SIGNED_IN, &[Code::NotFound, Code::Unavailable]], None, signed_out()),
    ]
}
