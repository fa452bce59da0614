//! The tokens of a session, as answers show them.

use poem_openapi::Object;
use serde::Serialize;

use crate::{
    api::{document::samples, scalars::ApiTimestamp},
    identity::SignedIn,
};

/// The tokens of a session. The access token goes into `Authorization`; before it expires, the refresh token gets the next two.
#[derive(Object, Serialize)]
pub struct SessionTokens {
    token: String,
    /// Exchanged for the next one at each use.
    refresh_token: String,
    /// When `token` expires.
    expires_at: ApiTimestamp,
}

impl From<SignedIn> for SessionTokens {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            token: signed_in.token,
            refresh_token: signed_in.refresh_token.to_text(),
            expires_at: ApiTimestamp(signed_in.expires_at),
        }
    }
}

/// An example.
pub fn example() -> SessionTokens {
    SessionTokens {
        token: "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.….…".to_owned(),
        refresh_token: "5c1f…".to_owned(),
        expires_at: samples::timestamp(),
    }
}
