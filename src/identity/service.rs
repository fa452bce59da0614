//! The service trait of the room.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};

use super::{
    error::IdentityError,
    revocations::Revocations,
    tokens::{Principal, Tokens, Unauthorized},
};
use crate::{accounts::Accounts, kernel::ids::CustomerXid};

/// Issues and verifies tokens.
#[async_trait]
pub trait Identity: Interface {
    /// A token for the customer's wallet, which is opened if it does not exist. The same xid always gets the same wallet.
    async fn init(&self, xid: CustomerXid) -> Result<String, IdentityError>;

    /// The subject and scopes of this token.
    fn authenticate(&self, token: &str) -> Result<Principal, Unauthorized>;
}

/// Identity over accounts and tokens.
#[derive(Component)]
#[shaku(interface = Identity)]
pub struct IdentityService {
    #[shaku(inject)]
    accounts: Arc<dyn Accounts>,
    #[shaku(inject)]
    tokens: Arc<dyn Tokens>,
    revocations: Arc<Revocations>,
}

#[async_trait]
impl Identity for IdentityService {
    async fn init(&self, xid: CustomerXid) -> Result<String, IdentityError> {
        let opened = self.accounts.open(xid, None).await?;
        Ok(self.tokens.issue(opened.owner, opened.wallet)?)
    }

    fn authenticate(&self, token: &str) -> Result<Principal, Unauthorized> {
        let principal = self.tokens.verify(token)?;
        if self.revocations.revoke(&principal) { Err(Unauthorized) } else { Ok(principal) }
    }
}
