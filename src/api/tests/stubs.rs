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
    identity::{Identity, IdentityError, Principal, Scope, Subject, Unauthorized},
    kernel::{
        clock::{Clock, Timestamp},
        ids::{CustomerXid, WalletId},
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
        let principal = |subject, scopes| Ok(Principal { subject, scopes, expires_at: moment() });
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
