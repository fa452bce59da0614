//! The port to access tokens.

use shaku::Interface;
use thiserror::Error;

use crate::kernel::{
    clock::Timestamp,
    ids::{WalletId, Xid},
};

/// What a token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub subject: Subject,
    pub scopes: Vec<Scope>,
    pub expires_at: Timestamp,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A customer's, for one wallet, so that no request has to look it up.
    Customer { xid: Xid, wallet: WalletId },
    /// A back end's, by the name that it was given.
    Service { name: String },
    /// A person's of the back office, by name.
    Admin { name: String },
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A customer, and only that customer's own wallet.
    Wallet,
    /// A back end: opens wallets, reads them, moves money between any two.
    Service,
    /// A person of the back office: freezes wallets.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 3] = [Scope::Wallet, Scope::Service, Scope::Admin];

    /// The word in the token.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Scope::Wallet => "wallet",
            Scope::Service => "service",
            Scope::Admin => "admin",
        }
    }
}

/// The token is not one of ours that holds now. The reason is not given: it would help only a forger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unauthorized")]
pub struct Unauthorized;

/// Makes and checks access tokens.
pub trait Tokens: Interface {
    /// A token for a customer's own wallet.
    fn issue(&self, xid: Xid, wallet: WalletId) -> Result<String, TokenError>;

    /// A token for a back end of this name.
    fn issue_service(&self, name: &str) -> Result<String, TokenError>;

    /// A token for a person of the back office of this name.
    fn issue_admin(&self, name: &str) -> Result<String, TokenError>;

    /// Who carries this token.
    fn verify(&self, token: &str) -> Result<Principal, Unauthorized>;
}

/// A token could not be signed: a defect of the configuration; the text is for the log.
#[derive(Debug, Error)]
#[error("token: {0}")]
pub struct TokenError(pub String);
