//! Who asks for something to be booked on a wallet, and the limits that hold for them.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    balance::Balance,
    envelope::PostedAnswer,
    failure::ApiError,
    idempotency::{Fingerprint, IdempotencyKey},
    scalars::Moment,
};
use crate::{
    accounts::Booking,
    kernel::{actor::Actor, ids::WalletId},
    ledger::{Done, Outcome, Preview, Receipt, Refusals, StatusReceipt},
    limits::{Class, Exhausted, Limits},
};

/// A customer or a back end, about one wallet.
pub struct Asker {
    pub actor: Actor,
    pub wallet: WalletId,
    /// None for a back end: the caller whose customers these are sees to it itself.
    limits: Option<Arc<Limits>>,
}

impl Asker {
    /// A customer, whose wallet's limits hold.
    pub fn customer(actor: Actor, wallet: WalletId, limits: Arc<Limits>) -> Self {
        Self { actor, wallet, limits: Some(limits) }
    }

    /// A back end, which has no limits.
    pub const fn back_end(actor: Actor, wallet: WalletId) -> Self {
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
        let key = key.bind(&self.actor, self.wallet, fields);
        Booking { actor: self.actor.clone(), key, refusals }
    }

    /// What is answered to a booking. A refusal counts; one that was not stored is answered 429 in its place. `refusals` is
    /// that of the booking; none: it was a dry run, which writes nothing and has no limit.
    pub fn settle(
        &self,
        refusals: Option<Refusals>,
        Outcome { decision, replayed }: Outcome,
    ) -> Result<Settled, ApiError> {
        if decision.is_err()
            && let (Some(limits), Some(refusals)) = (&self.limits, refusals)
        {
            if refusals == Refusals::NotStored && !replayed {
                // Should the quota have room again by now, the next request may be tried at once.
                limits.check(Class::Refusals, self.wallet)?;
                return Err(Exhausted { class: Class::Refusals, retry_after: 1 }.into());
            }
            limits.count(Class::Refusals, self.wallet);
        }
        match decision {
            Ok(done) => Ok(Settled { done, replayed }),
            Err(refusal) => Err(ApiError::from(refusal).replayed(replayed)),
        }
    }
}

/// What was done, on its way to the client.
pub struct Settled {
    done: Done,
    replayed: bool,
}

/// Money that was booked, or would be.
pub struct MovedMoney {
    /// The transaction; none in a dry run.
    pub id: Option<Uuid>,
    pub at: Moment,
    /// Minor units.
    pub fee: i64,
    pub balance: Balance,
}

impl Settled {
    /// The answer about money: 200 for a dry run, otherwise `STATUS`.
    pub fn money<const STATUS: u16, T>(
        self,
        data: impl FnOnce(MovedMoney) -> T,
    ) -> Result<PostedAnswer<STATUS, T>, ApiError> {
        let Self { done, replayed } = self;
        let (id, occurred_at, fee) = match done {
            Done::Money(Receipt { id, occurred_at, fee, .. }) => (Some(id.0), occurred_at, fee),
            Done::Preview(Preview { occurred_at, fee, .. }) => (None, occurred_at, fee),
            Done::Status(_) => return Err(ApiError::internal("a status change in place of money")),
        };
        let balance = Balance::from(done.balance());
        let version = balance.version;
        let data = data(MovedMoney { id, at: Moment(occurred_at), fee, balance });
        Ok(PostedAnswer { data, version, replayed, is_dry_run: id.is_none() })
    }

    /// The answer about a changed status.
    pub fn status<const STATUS: u16, T>(
        self,
        data: impl FnOnce(&StatusReceipt) -> T,
    ) -> Result<PostedAnswer<STATUS, T>, ApiError> {
        let Done::Status(receipt) = self.done else {
            return Err(ApiError::internal("money in place of a status change"));
        };
        let version = receipt.balance.version;
        Ok(PostedAnswer { data: data(&receipt), version, replayed: self.replayed, is_dry_run: false })
    }
}
