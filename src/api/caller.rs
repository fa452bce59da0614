//! The author of a request about a wallet, and the limits that apply.

use std::sync::Arc;

use super::{api_error::ApiError, executed::Executed};
use crate::{
    accounts::Booking,
    kernel::{actor::Actor, ids::WalletId},
    ledger::{Key, Outcome, Refusals},
    limits::{Class, Exhausted, Limits},
};

/// The author of a request about a wallet.
pub struct Caller {
    pub actor: Actor,
    pub wallet: WalletId,
    /// None for a service and for the back office, which have no limits.
    limits: Option<Arc<Limits>>,
}

impl Caller {
    /// A caller to whom the wallet's limits apply.
    pub const fn limited(actor: Actor, wallet: WalletId, limits: Arc<Limits>) -> Self {
        Self { actor, wallet, limits: Some(limits) }
    }

    /// A caller without limits.
    pub const fn unlimited(actor: Actor, wallet: WalletId) -> Self {
        Self { actor, wallet, limits: None }
    }

    /// Counts a request to move money; refuses it if the wallet has made too many.
    pub fn admit_move(&self) -> Result<(), ApiError> {
        let admitted = self.limits.as_ref().map(|limits| limits.admit(Class::Moves, self.wallet));
        Ok(admitted.unwrap_or(Ok(()))?)
    }

    /// How something is booked: while the wallet's quota of refusals is used up, no refusal is stored.
    pub fn booking(&self, key: Option<Key>) -> Booking {
        let is_exhausted =
            self.limits.as_ref().is_some_and(|limits| limits.check(Class::Refusals, self.wallet).is_err());
        let refusals = if is_exhausted { Refusals::NotStored } else { Refusals::Stored };
        Booking { actor: self.actor.clone(), key, refusals }
    }

    /// What was executed, or the error that a refusal is answered with. A refusal counts; one that was not stored is
    /// answered 429. `refusals` is that of the booking; none for a dry run, which stores nothing and has no limit.
    pub fn settle(&self, refusals: Option<Refusals>, outcome: Outcome) -> Result<Executed, ApiError> {
        let Outcome { decision, replayed } = outcome;
        if decision.is_err()
            && let (Some(limits), Some(refusals)) = (&self.limits, refusals)
        {
            if refusals == Refusals::NotStored && !replayed {
                // Should the quota have api again by now, the next request may be tried at once.
                limits.check(Class::Refusals, self.wallet)?;
                return Err(Exhausted { class: Class::Refusals, retry_after: 1 }.into());
            }
            limits.count(Class::Refusals, self.wallet);
        }
        match decision {
            Ok(done) => Ok(Executed { done, replayed }),
            Err(refusal) => Err(ApiError::from(refusal).replayed(replayed)),
        }
    }
}
