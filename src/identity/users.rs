//! The service trait of users.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};

use super::{
    error::IdentityError,
    password::Password,
    password_hasher::{PasswordHasher, Verified},
    profile::{DisplayName, Language},
    revocations::Revocations,
    sessions::{CheckedUser, Sessions, SignedIn},
    store::{self, Change, NewUser, RevocationTtl, User},
};
use crate::{
    accounts::{Accounts, Booking, StatusOrder},
    db::{Database, DbError},
    kernel::{
        actor::Actor,
        clock::{Clock, Timestamp},
        email::Email,
        ids::CustomerXid,
    },
};

/// Who signs up.
#[derive(Clone, Debug)]
pub struct SignUp {
    pub email: Email,
    pub password: Password,
    pub name: Option<DisplayName>,
    pub language: Option<Language>,
    /// The client's own name (`User-Agent`).
    pub user_agent: String,
}

/// What a customer's own page says of him. A customer who does not sign in has neither address nor name.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    pub xid: CustomerXid,
    pub user: Option<UserProfile>,
}

/// A user, as he sees himself.
#[derive(Clone, PartialEq, Eq)]
pub struct UserProfile {
    pub email: String,
    pub is_email_verified: bool,
    pub name: Option<String>,
    pub language: Option<String>,
    pub signed_up_at: Timestamp,
}

/// What a user changes of himself; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    pub name: Option<DisplayName>,
    pub language: Option<Language>,
    /// The password of today, and the next one.
    pub password: Option<(Option<Password>, Password)>,
}

/// Signing up, and what users say of themselves.
#[async_trait]
pub trait Users: Interface {
    /// Makes a customer with an enabled wallet, who is signed in.
    async fn sign_up(&self, sign_up: SignUp) -> Result<SignedIn, IdentityError>;

    /// A customer, as he sees himself.
    async fn profile(&self, xid: CustomerXid) -> Result<Profile, IdentityError>;

    /// Changes a user, and answers with the profile. With another password each session ends, and each token is revoked.
    async fn change(&self, xid: CustomerXid, change: ProfileChange) -> Result<Profile, IdentityError>;
}

/// Users over Postgres.
#[derive(Component)]
#[shaku(interface = Users)]
pub struct UsersService {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    #[shaku(inject)]
    accounts: Arc<dyn Accounts>,
    #[shaku(inject)]
    sessions: Arc<dyn Sessions>,
    #[shaku(inject)]
    clock: Arc<dyn Clock>,
    hasher: Arc<PasswordHasher>,
    revocations: Arc<Revocations>,
    /// An address counts as its user's without a letter: in development.
    verifies_at_once: bool,
    revocation_ttl: RevocationTtl,
}

#[async_trait]
impl Users for UsersService {
    /// The wallet is enabled before its user can sign in. A failure in between leaves an empty wallet without a user.
    async fn sign_up(&self, sign_up: SignUp) -> Result<SignedIn, IdentityError> {
        let SignUp { email, password, name, language, user_agent } = sign_up;
        let name = name.map(|name| name.as_str().to_owned());
        let known = [email.as_str().to_owned()].into_iter().chain(name.clone()).collect();
        let password_hash = self.hasher.hash_new(password, known).await?;
        if store::by_email(self.db.pool(), &email).await?.is_some() {
            return Err(IdentityError::EmailTaken);
        }
        let xid = CustomerXid::generate();
        let wallet = self.accounts.open(xid, None).await?.wallet;
        let booking = Booking::once(Actor::Customer(xid));
        self.accounts.change_status(wallet, StatusOrder::Enable, booking).await?;
        let new = NewUser {
            xid,
            email,
            is_verified: self.verifies_at_once,
            name,
            language: language.map(|language| language.as_str().to_owned()),
            password_hash: password_hash.clone(),
        };
        let added = store::add(self.db.pool(), new).await.map_err(unknown)?;
        let customer = added.ok_or(IdentityError::EmailTaken)?;
        let begun = self.sessions.begin(CheckedUser { customer, xid, password_hash }, &user_agent).await;
        begun.map_err(|error| match error {
            IdentityError::Db(cause) => unknown(cause),
            other => other,
        })
    }

    async fn profile(&self, xid: CustomerXid) -> Result<Profile, IdentityError> {
        Ok(Profile { xid, user: store::by_xid(self.db.pool(), xid).await?.map(profile) })
    }

    async fn change(&self, xid: CustomerXid, change: ProfileChange) -> Result<Profile, IdentityError> {
        let user = store::by_xid(self.db.pool(), xid).await?.ok_or(IdentityError::NotFound)?;
        let ProfileChange { name, language, password } = change;
        let name = name.map(|name| name.as_str().to_owned());
        let language = language.map(|language| language.as_str().to_owned());
        let password = match password {
            Some((old, new)) => Some((self.another_password(&user, old, new).await?, user.password_hash)),
            None => None,
        };
        let (of, change) = ((user.customer, xid), Change { name, language, password });
        let changed =
            store::change(self.db.pool(), of, change, self.revocation_ttl).await.map_err(unknown)?;
        let (user, revoked) = changed.ok_or(IdentityError::WrongCredentials)?;
        self.revocations.learn(revoked, self.clock.now());
        Ok(Profile { xid, user: Some(profile(user)) })
    }
}

/// An error of a statement that writes: Postgres may have done it.
fn unknown(error: DbError) -> IdentityError {
    if error.is_transient() { IdentityError::OutcomeUnknown(error) } else { error.into() }
}

impl UsersService {
    /// The hash of the next password, if the old one is right.
    async fn another_password(
        &self,
        user: &User,
        old: Option<Password>,
        new: Password,
    ) -> Result<String, IdentityError> {
        let old = old.ok_or(IdentityError::WrongCredentials)?;
        let verified = self.hasher.verify(old, Some(user.password_hash.clone())).await?;
        if verified == Verified::Wrong {
            return Err(IdentityError::WrongCredentials);
        }
        let known = [user.email.clone()].into_iter().chain(user.name.clone()).collect();
        self.hasher.hash_new(new, known).await
    }
}

fn profile(user: User) -> UserProfile {
    UserProfile {
        email: user.email,
        is_email_verified: user.email_verified_at.is_some(),
        name: user.name,
        language: user.language,
        signed_up_at: user.created_at,
    }
}
