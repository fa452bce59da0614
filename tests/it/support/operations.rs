//! Operations for tests.

use std::sync::Arc;

use uuid::Uuid;
use wallet::{
    adapters::clock::SystemClock,
    kernel::{
        actor::Actor,
        clock::Timestamp,
        ids::{OperationId, ReferenceId, WalletId},
        money::Amount,
    },
    ledger::{
        Action, Deposit, Done, Key, KeyName, LedgerError, Operation, Outcome, Receipt, Refusal, Refusals,
        Transfer,
        posting::{BatchClock, LoopSettings, PostingLoop},
    },
};

pub fn amount(minor_units: i64) -> Amount {
    Amount::try_new(minor_units).expect("an amount")
}

pub fn reference() -> ReferenceId {
    ReferenceId(Uuid::new_v4())
}

/// The actor in tests.
pub fn a_test() -> Actor {
    Actor::Service("a test".to_owned())
}

pub fn operation(wallet: WalletId, action: Action) -> Operation {
    let (id, actor, refusals) = (OperationId::generate(), a_test(), Refusals::Stored);
    Operation { id, actor, wallet, action, key: None, refusals }
}

pub fn deposit(wallet: WalletId, minor_units: i64) -> Operation {
    operation(
        wallet,
        Action::Deposit(Deposit { amount: amount(minor_units), reference: reference(), release_at: None }),
    )
}

pub fn withdraw(wallet: WalletId, minor_units: i64) -> Operation {
    operation(wallet, Action::Withdraw { amount: amount(minor_units), reference: reference() })
}

/// Without a fee.
pub fn transfer(wallet: WalletId, to: WalletId, minor_units: i64) -> Operation {
    let transfer = Transfer { to, amount: amount(minor_units), fee: 0, reference: reference(), note: None };
    operation(wallet, Action::Transfer(transfer))
}

/// The same with a key; the number stands for the request's fingerprint.
pub fn keyed(operation: Operation, key: &str, request: u8) -> Operation {
    let name = KeyName { actor: "a test".to_owned(), key: key.to_owned() };
    Operation { key: Some(Key { name, request_hash: [request; 32] }), ..operation }
}

pub fn enable(wallet: WalletId) -> Operation {
    operation(wallet, Action::Enable)
}

/// A deposit whose money may be spent from `release_at` on.
pub fn deposit_until(wallet: WalletId, minor_units: i64, release_at: Timestamp) -> Operation {
    let release_at = Some(release_at);
    operation(
        wallet,
        Action::Deposit(Deposit { amount: amount(minor_units), reference: reference(), release_at }),
    )
}

/// What is due in the wallet.
pub fn settle_due(wallet: WalletId) -> Operation {
    operation(wallet, Action::SettleDue { at_most: 500 })
}

pub fn disable(wallet: WalletId) -> Operation {
    operation(wallet, Action::Disable)
}

/// A loop as the service runs it.
pub fn settings(database_url: &str) -> LoopSettings {
    LoopSettings {
        database_url: database_url.to_owned(),
        batch_max: 256,
        queue_max: 10_000,
        clock: BatchClock::database(Arc::new(SystemClock)),
    }
}

/// An operation that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub done: Done,
    pub replayed: bool,
}

impl Posted {
    /// Of the transaction, or of the status change.
    pub fn id(&self) -> OperationId {
        match &self.done {
            Done::Money(receipt) => receipt.id,
            Done::Status(receipt) => receipt.id,
            other => panic!("nothing was posted: {other:?}"),
        }
    }

    pub fn receipt(&self) -> &Receipt {
        match &self.done {
            Done::Money(receipt) => receipt,
            other => panic!("no money was posted: {other:?}"),
        }
    }
}

/// An operation that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPosted {
    Refused { refusal: Refusal, replayed: bool },
    Failed(LedgerError),
}

/// Posts for tests, where an operation is expected to be done: a refusal is an error like any other.
pub trait Expecting {
    fn book(&self, operation: Operation) -> impl Future<Output = Result<Posted, NotPosted>> + Send;
}

impl Expecting for PostingLoop {
    async fn book(&self, operation: Operation) -> Result<Posted, NotPosted> {
        let Outcome { decision, replayed } = self.post(operation).await.map_err(NotPosted::Failed)?;
        match decision {
            Ok(done) => Ok(Posted { done, replayed }),
            Err(refusal) => Err(NotPosted::Refused { refusal, replayed }),
        }
    }
}
