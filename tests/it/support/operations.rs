//! Operations, as tests ask for them.

use std::sync::Arc;

use uuid::Uuid;
use wallet::{
    adapters::clock::SystemClock,
    kernel::{
        ids::{OperationId, ReferenceId, WalletId},
        money::Amount,
    },
    ledger::{
        Action, Key, KeyName, Operation, Refusals, Transfer,
        posting_loop::{BatchClock, LoopSettings},
    },
};

pub fn amount(minor_units: i64) -> Amount {
    Amount::try_new(minor_units).expect("an amount")
}

pub fn reference() -> ReferenceId {
    ReferenceId(Uuid::new_v4())
}

pub fn operation(wallet: WalletId, action: Action) -> Operation {
    let (id, refusals) = (OperationId::generate(), Refusals::Stored);
    Operation { id, wallet, action, key: None, refusals }
}

pub fn deposit(wallet: WalletId, minor_units: i64) -> Operation {
    operation(wallet, Action::Deposit { amount: amount(minor_units), reference: reference() })
}

pub fn withdraw(wallet: WalletId, minor_units: i64) -> Operation {
    operation(wallet, Action::Withdraw { amount: amount(minor_units), reference: reference() })
}

/// Without a fee.
pub fn transfer(wallet: WalletId, to: WalletId, minor_units: i64) -> Operation {
    let transfer = Transfer { to, amount: amount(minor_units), fee: 0, reference: reference(), note: None };
    operation(wallet, Action::Transfer(transfer))
}

/// The same with a key; the request counts as the one that this number stands for.
pub fn keyed(operation: Operation, key: &str, request: u8) -> Operation {
    let name = KeyName { actor: "a test".to_owned(), key: key.to_owned() };
    Operation { key: Some(Key { name, request_hash: [request; 32] }), ..operation }
}

pub fn enable(wallet: WalletId) -> Operation {
    operation(wallet, Action::Enable { actor: "a test".to_owned() })
}

pub fn disable(wallet: WalletId) -> Operation {
    operation(wallet, Action::Disable { actor: "a test".to_owned() })
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
