//! The rows that a batch writes: each column with its name, SQL type and value on one line.

use sqlx::types::Json;

use super::{columns::columns, outcome_record::OutcomeRecord};
use crate::{
    kernel::payout_failure::PayoutFailure,
    ledger::{
        book::{AnsweredKey, ChangedWallet},
        due_item::Closing,
        entry::{AdjustmentNote, Entry, StatusChange, Step, Transaction},
        hold::Hold,
        payout::{Payout, PayoutChange},
        release::Release,
    },
};

columns! { Keys of AnsweredKey {
    actor: text = |k| k.key.name.actor.as_str(),
    key: text = |k| k.key.name.key.as_str(),
    request_hash: bytea = |k| k.key.request_hash.as_slice(),
    operation_id: uuid = |k| k.operation.0,
    outcome: jsonb = |k| OutcomeRecord::of(&k.decision).map(Json),
    expires_at: timestamptz = |k| k.expires_at,
} }

columns! { Transactions of Transaction {
    id: uuid = |t| t.id.0,
    kind: int2 = |t| t.kind.code(),
    status: int2 = |t| t.status.code(),
    wallet_id: uuid = |t| t.wallet.0,
    version: int8 = |t| t.version,
    other_wallet_id: uuid = |t| t.other.map(|(wallet, _)| wallet.0),
    other_version: int8 = |t| t.other.map(|(_, version)| version),
    amount: int8 = |t| t.amount,
    fee: int8 = |t| t.fee,
    currency: text = |t| t.currency.as_str(),
    reference_id: uuid = |t| t.reference.map(|reference| reference.0),
    note: text = |t| t.note.as_deref(),
    created_at: timestamptz = |t| t.created_at,
} }

columns! { Entries of Entry {
    wallet_id: uuid = |e| e.wallet.0,
    version: int8 = |e| e.version,
    transaction_id: uuid = |e| e.transaction.0,
    kind: int2 = |e| e.kind.code(),
    delta_available: int8 = |e| e.delta.available,
    delta_held: int8 = |e| e.delta.held,
    delta_unreleased: int8 = |e| e.delta.unreleased,
    available: int8 = |e| e.after.available,
    held: int8 = |e| e.after.held,
    unreleased: int8 = |e| e.after.unreleased,
    occurred_at: timestamptz = |e| e.occurred_at,
    hash: bytea = |e| e.hash.as_slice(),
} }

columns! { Balances of ChangedWallet {
    id: uuid = |w| w.after.id.0,
    version_before: int8 = |w| w.version_before,
    version: int8 = |w| w.after.version,
    available: int8 = |w| w.after.buckets.available,
    held: int8 = |w| w.after.buckets.held,
    unreleased: int8 = |w| w.after.buckets.unreleased,
    head_hash: bytea = |w| w.after.head_hash.as_slice(),
    last_entry_at: timestamptz = |w| w.after.last_entry_at,
    next_due_at: timestamptz = |w| w.after.next_due_at,
} }

columns! { StatusChanges of StatusChange {
    id: uuid = |c| c.id.0,
    wallet_id: uuid = |c| c.wallet.0,
    status_version: int8 = |c| c.status_version,
    status: int2 = |c| c.status.code(),
    frozen: bool = |c| c.frozen,
    actor: text = |c| c.actor.as_str(),
    reason: text = |c| c.reason.as_deref(),
    occurred_at: timestamptz = |c| c.occurred_at,
} }

columns! { Adjustments of AdjustmentNote {
    transaction_id: uuid = |a| a.transaction.0,
    actor: text = |a| a.actor.as_str(),
    reason: text = |a| a.reason.as_str(),
} }

columns! { Steps of Step {
    id: uuid = |s| s.id.0,
    transaction_id: uuid = |s| s.transaction.0,
    n: int4 = |s| s.number,
    kind: int2 = |s| s.kind.code(),
    wallet_id: uuid = |s| s.wallet.0,
    version: int8 = |s| s.version,
    other_wallet_id: uuid = |s| s.other.map(|(wallet, _)| wallet.0),
    other_version: int8 = |s| s.other.map(|(_, version)| version),
    amount: int8 = |s| s.amount,
    fee: int8 = |s| s.fee,
    reference_id: uuid = |s| s.reference.map(|reference| reference.0),
    actor: text = |s| s.actor.as_str(),
    reason: text = |s| s.reason.as_deref(),
    created_at: timestamptz = |s| s.created_at,
} }

columns! { Releases of Release {
    transaction_id: uuid = |r| r.transaction.0,
    wallet_id: uuid = |r| r.wallet.0,
    amount: int8 = |r| r.amount,
    due_at: timestamptz = |r| r.due_at,
} }

columns! { Holds of Hold {
    transaction_id: uuid = |h| h.transaction.0,
    wallet_id: uuid = |h| h.wallet.0,
    amount: int8 = |h| h.amount,
    expires_at: timestamptz = |h| h.expires_at,
} }

columns! { Closings of Closing {
    transaction_id: uuid = |c| c.transaction.0,
    closed_by: uuid = |c| c.by.0,
} }

columns! { Payouts of Payout {
    transaction_id: uuid = |p| p.transaction.0,
    wallet_id: uuid = |p| p.wallet.0,
    version: int8 = |p| p.version,
    amount: int8 = |p| p.amount,
    bank_code: text = |p| p.account.bank_code.as_str(),
    account_number: text = |p| p.account.number.as_str(),
    account_name: text = |p| p.account.holder.as_str(),
} }

columns! { PayoutChanges of PayoutChange {
    transaction_id: uuid = |c| c.transaction.0,
    closed_by: uuid = |c| c.closed_by.map(|step| step.0),
    reversed_by: uuid = |c| c.reversed_by.map(|transaction| transaction.0),
    failure_code: text = |c| c.failure.map(PayoutFailure::word),
} }

columns! { Statuses of ChangedWallet {
    id: uuid = |w| w.after.id.0,
    status_version_before: int8 = |w| w.version_before,
    status_version: int8 = |w| w.after.status_version,
    status: int2 = |w| w.after.status.code(),
    frozen_at: timestamptz = |w| w.after.frozen_at,
    enabled_at: timestamptz = |w| w.after.enabled_at,
    disabled_at: timestamptz = |w| w.after.disabled_at,
} }
