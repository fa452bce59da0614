//! The service trait of sessions.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};

use super::{
    error::IdentityError,
    password::Password,
    password_hasher::{PasswordHasher, Verified},
    refresh_token::RefreshToken,
    revocations::Revocations,
    store::{self, Lifetime, NewSession, OpenSession, Refreshed},
    tokens::{Principal, Tokens},
};
use crate::{
    accounts::Accounts,
    db::Database,
    kernel::{
        clock::{Clock, Timestamp},
        email::Email,
        ids::{CustomerId, CustomerXid, SessionId, WalletId},
    },
};

/// The maximum length of a client's own name that is stored, in characters.
const USER_AGENT_MAX: usize = 200;

/// Who signs in, from where.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// None: what was typed is no address.
    pub email: Option<Email>,
    /// None: what was typed is longer than any password.
    pub password: Option<Password>,
    /// The client's own name (`User-Agent`).
    pub user_agent: String,
}

/// A user whose credentials were checked.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedUser {
    pub customer: CustomerId,
    pub xid: CustomerXid,
    /// The hash of the password that was checked.
    pub password_hash: String,
}

/// The tokens of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub token: String,
    pub refresh_token: RefreshToken,
    /// When the access token expires.
    pub expires_at: Timestamp,
}

/// Signing in and out.
#[async_trait]
pub trait Sessions: Interface {
    /// Begins a session of the user with this address and password. Neither the answer nor its time reveals whether the address is known.
    async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, IdentityError>;

    /// Begins a session of a user whose credentials were checked.
    async fn begin(&self, user: CheckedUser, user_agent: &str) -> Result<SignedIn, IdentityError>;

    /// Exchanges a refresh token for the session's next tokens. One that is replayed ends its session.
    async fn refresh(&self, token: Option<RefreshToken>) -> Result<SignedIn, IdentityError>;

    /// Ends the session of a token, or, if it is of none, the token.
    async fn sign_out(&self, xid: CustomerXid, principal: &Principal) -> Result<(), IdentityError>;

    /// Ends a session of this customer.
    async fn end(&self, xid: CustomerXid, session: SessionId) -> Result<(), IdentityError>;

    /// The open sessions of this customer, the one that was used last first.
    async fn list(&self, xid: CustomerXid) -> Result<Vec<OpenSession>, IdentityError>;
}

/// Sessions over Postgres.
#[derive(Component)]
#[shaku(interface = Sessions)]
pub struct SessionsService {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    #[shaku(inject)]
    accounts: Arc<dyn Accounts>,
    #[shaku(inject)]
    tokens: Arc<dyn Tokens>,
    #[shaku(inject)]
    clock: Arc<dyn Clock>,
    hasher: Arc<PasswordHasher>,
    revocations: Arc<Revocations>,
    lifetime: Lifetime,
}

impl SessionsService {
    fn signed_in(
        &self,
        session: SessionId,
        of: (CustomerXid, WalletId),
        refresh_token: RefreshToken,
    ) -> Result<SignedIn, IdentityError> {
        let access = self.tokens.issue_session(of.0, of.1, session)?;
        Ok(SignedIn { token: access.text, refresh_token, expires_at: access.expires_at })
    }
}

#[async_trait]
impl Sessions for SessionsService {
    async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, IdentityError> {
        let again = sign_in.clone();
        let SignIn { email, password, user_agent } = sign_in;
        let user = match &email {
            Some(email) => store::by_email(self.db.pool(), email).await?,
            None => None,
        };
        let password = password.ok_or(IdentityError::WrongCredentials)?;
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let verified = self.hasher.verify(password, stored).await?;
        let (Some(user), Verified::Right { rehashed }) = (user, verified) else {
            return Err(IdentityError::WrongCredentials);
        };
        let mut checked =
            CheckedUser { customer: user.customer, xid: user.xid, password_hash: user.password_hash };
        if let Some(rehashed) = rehashed {
            let before = std::mem::replace(&mut checked.password_hash, rehashed.clone());
            if !store::rehash(self.db.pool(), checked.customer, before, rehashed).await? {
                // Another sign-in has hashed it again, or the password has changed.
                return Box::pin(self.sign_in(again)).await;
            }
        }
        self.begin(checked, &user_agent).await
    }

    async fn begin(&self, user: CheckedUser, user_agent: &str) -> Result<SignedIn, IdentityError> {
        let CheckedUser { customer, xid, password_hash } = user;
        let wallet = self.accounts.open(xid, None).await?.wallet;
        let (id, refresh_token) = (SessionId::generate(), RefreshToken::generate()?);
        let new = NewSession {
            id,
            customer,
            password_hash,
            wallet,
            user_agent: user_agent.chars().take(USER_AGENT_MAX).collect(),
            token: refresh_token.hash(),
        };
        if !store::begin(self.db.pool(), new, self.lifetime).await? {
            return Err(IdentityError::WrongCredentials);
        }
        self.signed_in(id, (xid, wallet), refresh_token)
    }

    async fn refresh(&self, token: Option<RefreshToken>) -> Result<SignedIn, IdentityError> {
        let presented = token.ok_or(IdentityError::WrongCredentials)?;
        let next = RefreshToken::generate()?;
        let refreshed = store::refresh(self.db.pool(), presented.hash(), next.hash(), self.lifetime).await?;
        match refreshed {
            Refreshed::Granted { session, xid, wallet } => self.signed_in(session, (xid, wallet), next),
            Refreshed::Refused => Err(IdentityError::WrongCredentials),
            Refreshed::TooMany => Err(IdentityError::TooManyTokens),
            Refreshed::Replayed(revoked) => {
                self.revocations.learn(revoked, self.clock.now());
                tracing::warn!("a refresh token was replayed; its session has ended");
                Err(IdentityError::WrongCredentials)
            }
        }
    }

    async fn sign_out(&self, xid: CustomerXid, principal: &Principal) -> Result<(), IdentityError> {
        if let Some(session) = principal.session {
            return self.end(xid, session).await;
        }
        let left = (principal.expires_at - self.clock.now()).num_seconds().max(0).saturating_add(1);
        let revoked = store::revoke_token(self.db.pool(), principal.token, left).await?;
        self.revocations.learn(revoked, self.clock.now());
        Ok(())
    }

    async fn end(&self, xid: CustomerXid, session: SessionId) -> Result<(), IdentityError> {
        let ended = store::end(self.db.pool(), session, xid, self.lifetime).await?;
        self.revocations.learn(ended.ok_or(IdentityError::NotFound)?, self.clock.now());
        Ok(())
    }

    async fn list(&self, xid: CustomerXid) -> Result<Vec<OpenSession>, IdentityError> {
        Ok(store::list(self.db.pool(), xid).await?)
    }
}
