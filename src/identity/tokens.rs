//! The port to access tokens.

use shaku::Interface;
use thiserror::Error;

use crate::kernel::{
    clock::Timestamp,
    ids::{WalletId, Xid},
};

/// What a token says of whoever carries it. A token is for one wallet, so that no request has to look it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub xid: Xid,
    pub wallet: WalletId,
    pub scopes: Vec<Scope>,
    pub expires_at: Timestamp,
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A customer, and only that customer's own wallet.
    Wallet,
}

impl Scope {
    /// The word in the token.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Scope::Wallet => "wallet",
        }
    }
}

/// The token is not one of ours that holds now. It is not said why: that would help only whoever forges one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unauthorized")]
pub struct Unauthorized;

/// Makes and checks access tokens.
pub trait Tokens: Interface {
    /// A token for a customer's own wallet.
    fn issue(&self, xid: Xid, wallet: WalletId) -> Result<String, TokenError>;

    /// Who carries this token.
    fn verify(&self, token: &str) -> Result<Principal, Unauthorized>;
}

/// A token could not be signed: a defect of the configuration; the text is for the log.
#[derive(Debug, Error)]
#[error("token: {0}")]
pub struct TokenError(pub String);
