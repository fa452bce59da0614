//! The rules of money, tried without a database.

mod holds;
mod keys;
mod limits;
mod outcomes;
mod payouts;
mod properties;
mod releases;

use uuid::Uuid;

use super::{
    rules::{RECEIVER_MAX, TRANSFER_MAX},
    *,
};
use crate::{
    kernel::{
        actor::Actor,
        buckets::Buckets,
        ids::{ReferenceId, WalletId},
        money::{Amount, MAX_MINOR_UNITS},
        payout_failure::PayoutFailure,
        status::Status,
    },
    ledger::{
        IdempotencyRecord, WalletState,
        entry::{Entry, Transaction, TransactionStatus},
        kind::Kind,
        operation::{Action, Adjustment, Deposit, Direction, Key, KeyName, Refusals, Transfer},
    },
};

fn wallet(number: u8, status: Status, available: i64) -> WalletState {
    WalletState {
        id: WalletId(Uuid::from_u128(u128::from(number))),
        currency: "USD".parse().unwrap(),
        status,
        frozen_at: None,
        status_version: 0,
        enabled_at: None,
        disabled_at: None,
        buckets: Buckets::available(available),
        version: 0,
        head_hash: [0; 32],
        last_entry_at: None,
        next_due_at: None,
    }
}

fn operation(id: u128, wallet: u8, action: Action) -> Operation {
    Operation {
        id: OperationId(Uuid::from_u128(id)),
        actor: Actor::Service("a test".to_owned()),
        wallet: WalletId(Uuid::from_u128(u128::from(wallet))),
        action,
        key: None,
        refusals: Refusals::Stored,
    }
}

fn deposit(amount: i64, reference: u128) -> Action {
    let reference = ReferenceId(Uuid::from_u128(reference));
    Action::Deposit(Deposit { amount: Amount::try_new(amount).unwrap(), reference, release_at: None })
}

fn withdraw(amount: i64, reference: u128) -> Action {
    Action::Withdraw {
        amount: Amount::try_new(amount).unwrap(),
        reference: ReferenceId(Uuid::from_u128(reference)),
    }
}

fn transfer(to: u8, amount: i64, fee: i64, reference: u128) -> Action {
    Action::Transfer(Transfer {
        to: WalletId(Uuid::from_u128(u128::from(to))),
        amount: Amount::try_new(amount).unwrap(),
        fee,
        reference: ReferenceId(Uuid::from_u128(reference)),
        note: None,
    })
}

fn adjust(amount: i64, is_credit: bool, reference: u128) -> Action {
    Action::Adjust(Adjustment {
        amount: Amount::try_new(amount).unwrap(),
        direction: if is_credit { Direction::Credit } else { Direction::Debit },
        reference: ReferenceId(Uuid::from_u128(reference)),
        reason: "a test".to_owned(),
    })
}

fn with_key(operation: Operation, key: &str, request: u8) -> Operation {
    let name = KeyName { actor: "a test".to_owned(), key: key.to_owned() };
    Operation { key: Some(Key { name, request_hash: [request; 32] }), ..operation }
}

/// A book that knows no reference and no key.
fn book(wallets: impl IntoIterator<Item = WalletState>) -> Book {
    Book::new(wallets.into_iter().collect::<Vec<_>>().into())
}

fn receipt(decision: Decision) -> Receipt {
    match decision {
        Ok(Done::Money(receipt)) => receipt,
        other => panic!("no money was booked: {other:?}"),
    }
}

/// Decides what has no key, or a new one.
fn decide(book: &mut Book, operation: &Operation, now: Timestamp) -> Decision {
    let Outcome { decision, replayed } = book.apply(operation, now).unwrap();
    assert!(!replayed);
    decision
}

fn enable() -> Action {
    Action::Enable
}

fn disable() -> Action {
    Action::Disable
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

/// Each line breaks its own rule and all that stand below it: the first that holds is the answer.
#[test]
fn refusals_come_in_their_documented_order() {
    let used = OperationId(Uuid::from_u128(99));
    let references = |kind| {
        let wallet = WalletId(Uuid::from_u128(1));
        [(ReferenceKey { wallet, kind, reference: ReferenceId(Uuid::from_u128(7)) }, used)]
    };
    let mut frozen_and_disabled = wallet(1, Status::Disabled, 5);
    frozen_and_disabled.frozen_at = Some(at(0));
    let mut frozen = wallet(1, Status::Enabled, 5);
    frozen.frozen_at = Some(at(0));
    let (open, full) = (wallet(1, Status::Enabled, 5), wallet(1, Status::Enabled, MAX_MINOR_UNITS));
    // The other side: 2 is fine, 3 has another currency, the others cannot receive.
    let mut others = vec![wallet(2, Status::Enabled, 0), wallet(3, Status::Enabled, 0)];
    others[1].currency = "EUR".parse().unwrap();
    let mut unavailable = vec![
        wallet(4, Status::Disabled, 0),
        wallet(5, Status::Enabled, 0),
        wallet(6, Status::Enabled, RECEIVER_MAX + 1),
    ];
    unavailable[1].frozen_at = Some(at(0));
    unavailable.iter_mut().for_each(|wallet| wallet.currency = "EUR".parse().unwrap());
    others.extend(unavailable);

    let known = Refusal::DuplicateReference { transaction_id: used };
    let short = Refusal::InsufficientFunds { available: 5, required: 6 };
    for (state, action, refusal) in [
        (None, withdraw(6, 7), Refusal::WalletNotFound),
        (None, transfer(1, 6, 0, 7), Refusal::WalletNotFound),
        (Some(&frozen_and_disabled), withdraw(6, 7), known.clone()),
        (Some(&frozen_and_disabled), deposit(6, 7), known.clone()),
        (Some(&frozen_and_disabled), transfer(1, 6, 0, 7), known),
        (Some(&frozen_and_disabled), withdraw(6, 8), Refusal::WalletDisabled),
        (Some(&frozen_and_disabled), transfer(1, 6, 0, 8), Refusal::WalletDisabled),
        (Some(&frozen), withdraw(6, 8), Refusal::WalletFrozen),
        (Some(&frozen), deposit(6, 8), Refusal::WalletFrozen),
        (Some(&frozen), transfer(1, 6, 0, 8), Refusal::WalletFrozen),
        (Some(&open), transfer(1, 6, 0, 8), Refusal::SelfTransfer),
        (Some(&open), withdraw(6, 8), short.clone()),
        // For every recipient it is the sender's own side that is judged first.
        (Some(&open), transfer(2, 5, 1, 8), short.clone()),
        (Some(&open), transfer(4, 6, 0, 8), short.clone()),
        (
            Some(&open),
            transfer(6, MAX_MINOR_UNITS, 0, 8),
            Refusal::InsufficientFunds { available: 5, required: MAX_MINOR_UNITS },
        ),
        (Some(&open), transfer(9, 6, 0, 8), short),
        (Some(&open), transfer(4, 5, 0, 8), Refusal::RecipientUnavailable),
        (Some(&open), transfer(5, 5, 0, 8), Refusal::RecipientUnavailable),
        (Some(&open), transfer(6, 5, 0, 8), Refusal::RecipientUnavailable),
        (Some(&open), transfer(9, 5, 0, 8), Refusal::RecipientUnavailable),
        (Some(&full), transfer(3, TRANSFER_MAX + 1, 0, 8), Refusal::RecipientUnavailable),
        (Some(&open), transfer(3, 5, 0, 8), Refusal::CurrencyMismatch),
        (Some(&full), deposit(1, 8), Refusal::BalanceLimit),
        (Some(&full), adjust(1, true, 8), Refusal::BalanceLimit),
        (
            Some(&frozen_and_disabled),
            adjust(6, false, 8),
            Refusal::InsufficientFunds { available: 5, required: 6 },
        ),
        (Some(&frozen_and_disabled), disable(), Refusal::AlreadyDisabled),
        (Some(&frozen), enable(), Refusal::AlreadyEnabled),
        (Some(&frozen), Action::Freeze { reason: "a test".to_owned() }, Refusal::AlreadyFrozen),
        (Some(&open), Action::Unfreeze { reason: "a test".to_owned() }, Refusal::NotFrozen),
    ] {
        let kinds = [Kind::Deposit, Kind::Withdrawal, Kind::TransferOut];
        let known = kinds.map(references).concat();
        let mut book = Book::new(PriorState {
            holds: Vec::new(),
            payouts: Vec::new(),
            due: Vec::new(),
            wallets: state.cloned().into_iter().chain(others.clone()).collect(),
            used_references: known,
            known_keys: vec![],
        });
        let decided = decide(&mut book, &operation(1, 1, action.clone()), at(1));
        assert_eq!(decided, Err(refusal), "{action:?}");
    }
}

#[test]
fn a_transfer_is_one_transaction_with_an_entry_on_each_side() {
    let mut receiver = wallet(2, Status::Enabled, 7);
    (receiver.version, receiver.last_entry_at) = (3, Some(at(9)));
    let mut book = book([wallet(1, Status::Enabled, 100), receiver]);
    let asked = operation(1, 1, transfer(2, 60, 2, 1));
    let receipt = receipt(decide(&mut book, &asked, at(1)));
    assert_eq!((receipt.fee, receipt.balance.buckets.available, receipt.balance.version), (2, 38, 1));
    let changes = book.into_changes();
    let [transaction] = &changes.transactions[..] else { panic!("{changes:?}") };
    assert_eq!((transaction.amount, transaction.fee, transaction.version), (60, 2, 1));
    assert_eq!(transaction.other, Some((WalletId(Uuid::from_u128(2)), 4)));
    let entries: Vec<_> =
        changes.entries.iter().map(|e| (e.kind, e.version, e.delta.available, e.after.available)).collect();
    assert_eq!(entries, [(Kind::TransferOut, 1, -62, 38), (Kind::TransferIn, 4, 60, 67)]);
    assert!(changes.entries.iter().all(|e| e.transaction == asked.id));
    let times: Vec<_> = changes.entries.iter().map(|e| e.occurred_at).collect();
    assert_eq!(times, [at(1), at(9)], "each side is dated for itself");
    assert_eq!((transaction.created_at, receipt.occurred_at), (at(1), at(1)));
}

#[test]
fn a_wallet_dated_in_the_future_takes_no_other_wallet_there() {
    let year = 365 * 86_400;
    let mut all: Vec<_> = (1..=4).map(|number| wallet(number, Status::Enabled, 100)).collect();
    (all[0].version, all[0].last_entry_at) = (1, Some(at(year)));
    let mut book = book(all);
    for (id, from, to) in [(1, 1, 2), (2, 2, 3), (3, 3, 1), (4, 4, 1), (5, 1, 4)] {
        decide(&mut book, &operation(id, from, transfer(to, 10, 0, id)), at(1)).unwrap();
    }
    let changes = book.into_changes();
    for entry in &changes.entries {
        let expected = if entry.wallet.0.as_u128() == 1 { at(year) } else { at(1) };
        assert_eq!(entry.occurred_at, expected, "{entry:?}");
    }
    for transaction in &changes.transactions {
        let own = changes
            .entries
            .iter()
            .find(|e| (e.wallet, e.version) == (transaction.wallet, transaction.version));
        assert_eq!(Some(transaction.created_at), own.map(|entry| entry.occurred_at), "{transaction:?}");
    }
}

#[test]
fn what_a_transfer_brings_can_be_sent_on_in_the_same_batch() {
    let all = (1..=3).map(|number| wallet(number, Status::Enabled, if number == 1 { 10 } else { 0 }));
    let mut book = book(all);
    decide(&mut book, &operation(1, 1, transfer(2, 10, 0, 1)), at(1)).unwrap();
    decide(&mut book, &operation(2, 2, transfer(3, 10, 0, 1)), at(1)).unwrap();
    decide(&mut book, &operation(3, 3, transfer(1, 10, 0, 1)), at(1)).unwrap();
    let balances: Vec<_> =
        book.into_changes().wallets.iter().map(|w| (w.after.buckets.available, w.after.version)).collect();
    assert_eq!(balances, [(10, 2), (0, 2), (0, 2)]);
}

#[test]
fn a_withdrawal_refused_for_want_of_funds_is_kept_and_leaves_its_reference_free() {
    let mut book = book([wallet(1, Status::Enabled, 5)]);
    assert!(decide(&mut book, &operation(1, 1, withdraw(6, 7)), at(1)).is_err());
    assert!(decide(&mut book, &operation(2, 1, withdraw(5, 7)), at(1)).is_ok());
    let changes = book.into_changes();
    let statuses: Vec<_> = changes.transactions.iter().map(|t| (t.status, t.amount, t.version)).collect();
    assert_eq!(statuses, [(TransactionStatus::Refused, 6, 1), (TransactionStatus::Completed, 5, 2)]);
    assert_eq!(changes.entries[0].delta, Buckets::default());
    assert_eq!(changes.entries[0].after, Buckets::available(5));
}

#[test]
fn a_reference_is_known_to_later_operations_of_the_same_batch_for_each_kind() {
    let mut book = book([wallet(1, Status::Enabled, 5)]);
    let first = operation(1, 1, deposit(6, 7));
    assert!(decide(&mut book, &first, at(1)).is_ok());
    let known = Refusal::DuplicateReference { transaction_id: first.id };
    assert_eq!(decide(&mut book, &operation(2, 1, deposit(6, 7)), at(1)), Err(known));
    assert!(decide(&mut book, &operation(3, 1, withdraw(6, 7)), at(1)).is_ok());
}

#[test]
fn no_entry_is_dated_before_the_one_it_follows() {
    let mut book = book([wallet(1, Status::Enabled, 0)]);
    decide(&mut book, &operation(1, 1, deposit(1, 1)), at(9)).unwrap();
    let receipt = receipt(decide(&mut book, &operation(2, 1, deposit(1, 2)), at(3)));
    assert_eq!(receipt.occurred_at, at(9));
}
