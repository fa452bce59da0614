//! The port to access tokens.

use shaku::Interface;
use thiserror::Error;
use uuid::Uuid;

use crate::kernel::{
    clock::Timestamp,
    ids::{CustomerXid, SessionId, WalletId},
};

/// The claims of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub subject: Subject,
    pub scopes: Vec<Scope>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The token itself (`jti`).
    pub token: Uuid,
    /// The session that it is of; none for a token that no refresh token gives.
    pub session: Option<SessionId>,
}

/// A token of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub text: String,
    pub expires_at: Timestamp,
}

/// The owner of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A customer, for one wallet, so that no request has to look it up.
    Customer { xid: CustomerXid, wallet: WalletId },
    /// A service, by the name in its token.
    Service { name: String },
    /// An administrator, by name.
    Admin { name: String },
}

/// What a token allows its bearer to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A customer, and only that customer's own wallet.
    Wallet,
    /// A service: opens wallets, reads them, moves money between any two.
    Service,
    /// An administrator: freezes wallets, corrects balances.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 3] = [Scope::Wallet, Scope::Service, Scope::Admin];

    /// The name in the token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Wallet => "wallet",
            Scope::Service => "service",
            Scope::Admin => "admin",
        }
    }
}

/// The token is not valid now. The reason is not given: it would help only a forger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unauthorized")]
pub struct Unauthorized;

/// Issues and verifies access tokens.
pub trait Tokens: Interface {
    /// A token for a customer's own wallet.
    fn issue(&self, xid: CustomerXid, wallet: WalletId) -> Result<String, TokenError>;

    /// A token for a customer's own wallet, of a session.
    fn issue_session(
        &self,
        xid: CustomerXid,
        wallet: WalletId,
        session: SessionId,
    ) -> Result<AccessToken, TokenError>;

    /// A token for a service of this name.
    fn issue_service(&self, name: &str) -> Result<String, TokenError>;

    /// A token for an administrator of this name.
    fn issue_admin(&self, name: &str) -> Result<String, TokenError>;

    /// The subject and scopes of this token.
    fn verify(&self, token: &str) -> Result<Principal, Unauthorized>;
}

/// A token could not be signed: a defect of the configuration; the text is for the log.
#[derive(Debug, Error)]
#[error("token: {0}")]
pub struct TokenError(pub String);
