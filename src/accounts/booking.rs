//! How an operation is booked.

use crate::{
    kernel::{
        actor::Actor,
        ids::{OperationId, WalletId},
    },
    ledger::{Action, Key, Operation, Refusals},
};

/// Who asks for an operation, and what is stored of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Who asks.
    pub actor: Actor,
    /// The client's Idempotency-Key, if it sent one.
    pub key: Option<Key>,
    /// Whether a refusal is stored.
    pub refusals: Refusals,
}

impl Booking {
    /// Of an operation without a key, whose refusal needs no trace.
    #[must_use]
    pub fn once(actor: Actor) -> Self {
        Self { actor, key: None, refusals: Refusals::NotStored }
    }

    /// The operation, with an id of its own.
    #[must_use]
    pub fn operation(self, wallet: WalletId, action: Action) -> Operation {
        let Self { actor, key, refusals } = self;
        Operation { id: OperationId::generate(), actor, wallet, action, key, refusals }
    }
}
