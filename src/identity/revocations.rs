//! Which access tokens are not accepted although they have not expired. The truth is in Postgres; each process remembers it, so that no
//! request waits for it, and reads what is new twice a second.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use uuid::Uuid;

use super::tokens::{Principal, Subject};
use crate::kernel::{
    clock::Timestamp,
    ids::{CustomerXid, SessionId},
};

/// Which tokens are revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// Those of a session, whenever they were issued: it has ended.
    Session(SessionId),
    /// Those of a customer that are of no session, and were issued up to a time.
    Customer(CustomerXid),
    /// One token.
    Token(Uuid),
}

/// A revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub of: Revoked,
    /// Only of a customer's tokens: when the last of them was issued.
    pub issued_until: Timestamp,
    /// None of them is valid later anyway.
    pub expires_at: Timestamp,
}

/// The revocations that this process knows.
#[derive(Debug, Default)]
pub struct Revocations {
    known: RwLock<HashMap<Revoked, Revocation>>,
    /// There is at least one: without any a request takes no lock.
    are_any: AtomicBool,
}

impl Revocations {
    /// Learns these, and forgets those that have expired.
    pub fn learn(&self, new: Vec<Revocation>, now: Timestamp) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for new in new {
            let known = known.entry(new.of.clone()).or_insert_with(|| new.clone());
            known.issued_until = known.issued_until.max(new.issued_until);
            known.expires_at = known.expires_at.max(new.expires_at);
        }
        known.retain(|_, revocation| revocation.expires_at > now);
        self.are_any.store(!known.is_empty(), Ordering::Release);
    }

    /// Whether the token of this principal is revoked.
    pub fn revoke(&self, principal: &Principal) -> bool {
        if !self.are_any.load(Ordering::Acquire) {
            return false;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_of_customer = |xid| {
            let revocation = known.get(&Revoked::Customer(xid));
            revocation.is_some_and(|revocation| principal.issued_at <= revocation.issued_until)
        };
        let by_owner = match (principal.session, &principal.subject) {
            (Some(session), _) => known.contains_key(&Revoked::Session(session)),
            (None, Subject::Customer { xid, .. }) => is_of_customer(*xid),
            (None, _) => false,
        };
        by_owner || known.contains_key(&Revoked::Token(principal.token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::Scope, kernel::ids::WalletId};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    /// A token of customer 1 with the id 3.
    fn principal(session: Option<u128>, issued_at: i64) -> Principal {
        Principal {
            subject: Subject::Customer { xid: CustomerXid(id(1)), wallet: WalletId(id(9)) },
            scopes: vec![Scope::Wallet],
            issued_at: at(issued_at),
            expires_at: at(1_000),
            token: id(3),
            session: session.map(|session| SessionId(id(session))),
        }
    }

    #[test]
    fn a_token_is_revoked_with_its_session_by_itself_or_with_those_of_its_customer_that_are_not_younger() {
        for (of, session, expected) in [
            (Revoked::Session(SessionId(id(2))), Some(2), [true; 3]),
            (Revoked::Session(SessionId(id(1))), Some(2), [false; 3]),
            (Revoked::Session(SessionId(id(2))), None, [false; 3]),
            (Revoked::Customer(CustomerXid(id(1))), None, [true, true, false]),
            (Revoked::Customer(CustomerXid(id(2))), None, [false; 3]),
            // Its session is revoked if it has ended.
            (Revoked::Customer(CustomerXid(id(1))), Some(2), [false; 3]),
            (Revoked::Token(id(3)), None, [true; 3]),
            (Revoked::Token(id(3)), Some(2), [true; 3]),
            (Revoked::Token(id(1)), None, [false; 3]),
        ] {
            let revocations = Revocations::default();
            let found = || [4, 5, 6].map(|issued_at| revocations.revoke(&principal(session, issued_at)));
            assert_eq!(found(), [false; 3]);
            let revoked = |until, expires_at| Revocation {
                of: of.clone(),
                issued_until: at(until),
                expires_at: at(expires_at),
            };
            revocations.learn(vec![revoked(5, 100)], at(5));
            assert_eq!(found(), expected, "{of:?}");
            // Read again, and an earlier one late.
            revocations.learn(vec![revoked(5, 100), revoked(3, 90)], at(50));
            assert_eq!(found(), expected);
            revocations.learn(vec![], at(100));
            assert!(found() == [false; 3] && revocations.known.read().unwrap().is_empty());
        }
    }
}
