//! Who asks for something to be booked on a wallet, and the limits that hold for them.

use std::sync::Arc;

use super::{
    ApiError,
    idempotency::{Fingerprint, IdempotencyKey},
};
use crate::{
    kernel::ids::WalletId,
    ledger::{LedgerError, Posted, Refusals},
    limits::{Class, Exhausted, Limits},
    wallet::{Booking, WalletError},
};

/// A customer or a back end, about one wallet.
pub struct Asker {
    /// As the ledger remembers it.
    pub actor: String,
    pub wallet: WalletId,
    /// None for a back end: the caller whose customers these are sees to it itself.
    limits: Option<Arc<Limits>>,
}

impl Asker {
    /// A customer, whose wallet's limits hold.
    pub fn customer(actor: String, wallet: WalletId, limits: Arc<Limits>) -> Self {
        Self { actor, wallet, limits: Some(limits) }
    }

    /// A back end, which has no limits.
    pub const fn back_end(actor: String, wallet: WalletId) -> Self {
        Self { actor, wallet, limits: None }
    }

    /// Counts a request to move money, if the wallet has not made too many.
    pub fn admit_move(&self) -> Result<(), ApiError> {
        let admitted = self.limits.as_ref().map(|limits| limits.admit(Class::Moves, self.wallet));
        Ok(admitted.unwrap_or(Ok(()))?)
    }

    /// How something is to be booked: while the wallet's quota of refusals is used up, no refusal is stored.
    pub fn booking(&self, key: IdempotencyKey, fields: Option<Fingerprint>) -> Booking {
        let is_exhausted =
            self.limits.as_ref().is_some_and(|limits| limits.check(Class::Refusals, self.wallet).is_err());
        let refusals = if is_exhausted { Refusals::NotStored } else { Refusals::Stored };
        Booking { key: key.bind(&self.actor, self.wallet, fields), refusals }
    }

    /// What is answered to a booking. A refusal counts; one that was not stored is answered 429 in its place. `refusals` is
    /// that of the booking; none: it was a dry run, which writes nothing and has no limit.
    pub fn settle(
        &self,
        refusals: Option<Refusals>,
        outcome: Result<Posted, WalletError>,
    ) -> Result<Posted, ApiError> {
        if let Err(WalletError::Ledger(LedgerError::Refused { replayed, .. })) = &outcome
            && let (Some(limits), Some(refusals)) = (&self.limits, refusals)
        {
            if refusals == Refusals::NotStored && !replayed {
                // Should the quota have room again by now, the next request may be tried at once.
                limits.check(Class::Refusals, self.wallet)?;
                return Err(Exhausted { class: Class::Refusals, retry_after: 1 }.into());
            }
            limits.count(Class::Refusals, self.wallet);
        }
        Ok(outcome?)
    }
}
