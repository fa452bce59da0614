//! What services answer. Money is in minor units.

use uuid::Uuid;

use crate::{
    accounts::{StatusOrder, Versioned},
    cache::{MoneyView, NextRelease, StatusView, WalletView},
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        ids::{CustomerXid, OperationId, ReferenceId, WalletId},
        status::Status,
    },
    ledger::{
        BalanceAfter, Done, Kind, Outcome, Preview, Receipt, Refusal, StatusReceipt,
        entry::TransactionStatus,
        read::{EntryView, HistoryItem, HoldView, PayoutView, TransactionView},
    },
};

/// The time of every answer: long after 1970, and with a part of a millisecond that no answer shows.
pub fn moment() -> Timestamp {
    Timestamp::from_timestamp_micros(1_800_000_000_123_456).unwrap()
}

fn balance_after(balance: i64, version: i64) -> BalanceAfter {
    BalanceAfter { currency: "USD".parse().unwrap(), buckets: Buckets::available(balance), version }
}

/// An open hold of 100.
pub fn hold(id: OperationId) -> HoldView {
    HoldView {
        id,
        wallet: WalletId(Uuid::from_u128(2)),
        amount: 100,
        currency: "USD".parse().unwrap(),
        expires_at: moment(),
        reference: None,
        note: None,
        placed_at: moment(),
        end: None,
    }
}

/// A pending payout of 100.
pub fn payout(id: OperationId) -> Versioned<PayoutView> {
    let value = PayoutView {
        id,
        version: 1,
        amount: 100,
        currency: "USD".parse().unwrap(),
        bank_code: "044".to_owned(),
        account_last4: "3000".to_owned(),
        account_name: "Ada Obi".to_owned(),
        reference: None,
        requested_at: moment(),
        status: TransactionStatus::Pending,
        ended_at: None,
        failure: None,
        reversal: None,
    };
    Versioned { value, version: 1 }
}

/// Money that was booked.
pub fn moved(fee: i64, balance: i64, version: i64) -> Outcome {
    let (id, occurred_at, balance) = (OperationId::generate(), moment(), balance_after(balance, version));
    Outcome::new(Ok(Done::Money(Receipt { id, occurred_at, amount: 0, fee, due_at: None, balance })))
}

/// Money that would be booked.
pub fn previewed(fee: i64, balance: i64, version: i64) -> Outcome {
    let (occurred_at, balance) = (moment(), balance_after(balance, version));
    Outcome::new(Ok(Done::Preview(Preview { occurred_at, amount: 0, fee, due_at: None, balance })))
}

/// A changed status.
pub fn status_changed(order: &StatusOrder, balance: i64, version: i64) -> Outcome {
    let status = if *order == StatusOrder::Disable { Status::Disabled } else { Status::Enabled };
    Outcome::new(Ok(Done::Status(StatusReceipt {
        id: OperationId::generate(),
        occurred_at: moment(),
        status,
        frozen: matches!(order, StatusOrder::Freeze { .. }),
        status_version: 1,
        enabled_at: Some(moment()),
        disabled_at: (status == Status::Disabled).then(moment),
        balance: balance_after(balance, version),
    })))
}

pub fn refused(refusal: Refusal) -> Outcome {
    Outcome::new(Err(refusal))
}

/// The stored outcome of an earlier request with the same key.
pub fn replayed(outcome: &Outcome) -> Outcome {
    Outcome { decision: outcome.decision.clone(), replayed: true }
}

/// An enabled wallet with its customer's number.
pub fn view(id: Uuid, balance: i64, version: i64) -> WalletView {
    let (enabled_at, disabled_at) = (Some(moment()), None);
    WalletView {
        id: WalletId(id),
        owner: CustomerXid(id),
        currency: "USD".parse().unwrap(),
        money: MoneyView {
            available: balance,
            held: 0,
            unreleased: 0,
            next_release: NextRelease::Never,
            version,
        },
        status: StatusView { enabled: true, frozen: false, enabled_at, disabled_at, version: 1 },
    }
}

/// A line of a history.
pub fn line(kind: Kind, status: TransactionStatus, amount: i64, version: i64) -> HistoryItem {
    let reference = (kind != Kind::TransferIn).then(|| ReferenceId(Uuid::from_u128(7)));
    let (id, occurred_at) = (OperationId::generate(), moment());
    HistoryItem { id, kind, status, amount, reference, occurred_at, version }
}

pub fn transaction(id: OperationId) -> Versioned<TransactionView> {
    let item = HistoryItem { id, ..line(Kind::Deposit, TransactionStatus::Completed, 5, 1) };
    let entries = vec![EntryView {
        version: 1,
        kind: Kind::Deposit,
        occurred_at: moment(),
        delta: Buckets::available(5),
        after: Buckets::available(5),
    }];
    let (currency, note, counterparty) = ("USD".parse().unwrap(), None, None);
    Versioned { value: TransactionView { item, currency, fee: 0, note, counterparty, entries }, version: 1 }
}
