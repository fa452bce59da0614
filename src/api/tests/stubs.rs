//! Tokens, health and time without anything behind them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use uuid::Uuid;

use super::{answers::moment, services::ScriptedServices};
use crate::{
    accounts::Accounts,
    api::health::{Dependency, HealthReport, HealthSource, HealthStatus},
    identity::{
        CheckedUser, Identity, IdentityError, OpenSession, Password, Principal, Profile, ProfileChange,
        RefreshToken, Scope, Sessions, SignIn, SignUp, SignedIn, Subject, Unauthorized, Users,
    },
    kernel::{
        clock::{Clock, Timestamp},
        ids::{CustomerXid, SessionId, WalletId},
    },
    payouts::{CallbackHeaders, CallbackVerifier, InvalidSignature},
};

/// It is always [`moment`].
pub struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        moment()
    }

    fn since_boot(&self) -> Duration {
        Duration::ZERO
    }
}

/// A token is `<xid>`; without a scope `none:<xid>`; a service's `service:<name>`, an administrator's `admin:<name>`. A wallet
/// has its customer's number.
pub struct StubIdentity(pub Arc<ScriptedServices>);

#[async_trait]
impl Identity for StubIdentity {
    async fn init(&self, xid: CustomerXid) -> Result<String, IdentityError> {
        Ok(self.0.open(xid, None).await?.owner.to_string())
    }

    fn authenticate(&self, token: &str) -> Result<Principal, Unauthorized> {
        let principal = |subject, scopes| {
            let (issued_at, expires_at) = (moment(), moment());
            Ok(Principal { subject, scopes, issued_at, expires_at, token: Uuid::nil(), session: None })
        };
        if let Some(name) = token.strip_prefix("service:") {
            return principal(Subject::Service { name: name.to_owned() }, vec![Scope::Service]);
        }
        if let Some(name) = token.strip_prefix("admin:") {
            return principal(Subject::Admin { name: name.to_owned() }, vec![Scope::Admin]);
        }
        let (scopes, xid) = match token.strip_prefix("none:") {
            Some(xid) => (vec![], xid),
            None => (vec![Scope::Wallet], token),
        };
        let xid = Uuid::try_parse(xid).map_err(|_| Unauthorized)?;
        principal(Subject::Customer { xid: CustomerXid(xid), wallet: WalletId(xid) }, scopes)
    }
}

/// Users and sessions: everybody is [`STUB_USER`], whose password is `twelve gulls at noon`.
pub struct StubPeople;

/// The user's address.
pub const STUB_USER: &str = "ada@example.com";

impl StubPeople {
    fn signed_in() -> SignedIn {
        let refresh_token = RefreshToken::try_new(&"5c".repeat(32)).unwrap();
        SignedIn { token: Uuid::nil().to_string(), refresh_token, expires_at: moment() }
    }
}

#[async_trait]
impl Users for StubPeople {
    async fn sign_up(&self, sign_up: SignUp) -> Result<SignedIn, IdentityError> {
        sign_up.password.fits(&[]).map_err(IdentityError::Unfit)?;
        if sign_up.email.key() == STUB_USER { Err(IdentityError::EmailTaken) } else { Ok(Self::signed_in()) }
    }

    async fn profile(&self, xid: CustomerXid) -> Result<Profile, IdentityError> {
        Ok(Profile { xid, user: None })
    }

    async fn change(&self, xid: CustomerXid, change: ProfileChange) -> Result<Profile, IdentityError> {
        if change.password.is_some_and(|(old, _)| old != Password::typed("twelve gulls at noon")) {
            return Err(IdentityError::WrongCredentials);
        }
        self.profile(xid).await
    }
}

#[async_trait]
impl Sessions for StubPeople {
    async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, IdentityError> {
        let is_known = sign_in.email.is_some_and(|email| email.key() == STUB_USER);
        if is_known && sign_in.password == Password::typed("twelve gulls at noon") {
            Ok(Self::signed_in())
        } else {
            Err(IdentityError::WrongCredentials)
        }
    }

    async fn begin(&self, _: CheckedUser, _: &str) -> Result<SignedIn, IdentityError> {
        Ok(Self::signed_in())
    }

    async fn refresh(&self, token: Option<RefreshToken>) -> Result<SignedIn, IdentityError> {
        token.map(|_| Self::signed_in()).ok_or(IdentityError::WrongCredentials)
    }

    async fn sign_out(&self, _: CustomerXid, _: &Principal) -> Result<(), IdentityError> {
        Ok(())
    }

    async fn end(&self, _: CustomerXid, _: SessionId) -> Result<(), IdentityError> {
        Err(IdentityError::NotFound)
    }

    async fn list(&self, _: CustomerXid) -> Result<Vec<OpenSession>, IdentityError> {
        Ok(vec![])
    }
}

/// The status that it reports, and whether everything runs.
pub struct StubHealth(pub Mutex<HealthStatus>, pub AtomicBool);

#[async_trait]
impl HealthSource for StubHealth {
    async fn report(&self) -> HealthReport {
        let status = *self.0.lock().unwrap();
        let dependency = |kind: &str| Dependency { kind: kind.to_owned(), ok: true };
        HealthReport {
            status,
            queue_length: 0,
            queue_max: 10,
            postgres: status != HealthStatus::Down,
            cache: dependency("in-process"),
            bus: dependency("in-process"),
            topic_behind_ms: 0,
            refresher_behind_ms: 0,
            notes: vec![],
        }
    }

    fn is_live(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }

    async fn is_ready(&self) -> bool {
        *self.0.lock().unwrap() != HealthStatus::Down
    }
}

/// Takes each callback whose signature is `right`.
pub struct EveryCallback;

impl CallbackVerifier for EveryCallback {
    fn verify(&self, headers: CallbackHeaders<'_>, _: &[u8]) -> Result<(), InvalidSignature> {
        if headers.signature == Some("right") { Ok(()) } else { Err(InvalidSignature) }
    }
}
