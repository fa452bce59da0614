//! The rules of money, pure: an operation applied to wallets in memory. No I/O, no clock, no database; the posting
//! loop brings the wallets it has locked and writes down what came out.

use std::collections::HashMap;

use super::{
    entry::{Entry, StatusChange, Transaction, TransactionStatus},
    operation::{Action, Kind, Operation, ReferenceKey},
    refusal::Refusal,
    wallet_state::{Buckets, Status, WalletState},
};
use crate::kernel::{
    clock::Timestamp,
    ids::{OperationId, WalletId},
    money::{Amount, MAX_MINOR_UNITS},
};

/// What the caller learns of an operation that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction, or the status change.
    pub id: OperationId,
    pub occurred_at: Timestamp,
    /// The asking wallet, right after.
    pub wallet: WalletState,
}

/// Done, or refused: both are answers.
pub type Decision = Result<Receipt, Refusal>;

/// The locked wallets of one batch, what is known of its references, and what its operations have changed so far.
#[derive(Debug, Default)]
pub struct Book {
    wallets: HashMap<WalletId, OpenWallet>,
    references: HashMap<ReferenceKey, OperationId>,
    transactions: Vec<Transaction>,
    entries: Vec<Entry>,
    status_changes: Vec<StatusChange>,
}

/// A wallet under its row lock: as it was found, and as the batch has left it so far.
#[derive(Debug)]
struct OpenWallet {
    version_before: i64,
    status_version_before: i64,
    now: WalletState,
}

/// Everything that a batch writes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub transactions: Vec<Transaction>,
    pub entries: Vec<Entry>,
    pub status_changes: Vec<StatusChange>,
    /// The wallets whose money has changed, in the order of their ids.
    pub wallets: Vec<ChangedWallet>,
    /// The wallets whose status has changed, in the order of their ids.
    pub statuses: Vec<ChangedWallet>,
}

/// A wallet after a batch, with the number that the changed part had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedWallet {
    /// `version` for money, `status_version` for the status.
    pub version_before: i64,
    pub after: WalletState,
}

impl Changes {
    /// Nothing has to be written: every operation was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.status_changes.is_empty()
    }
}

impl Book {
    /// A book over locked wallets. `references` are those of the batch that earlier transactions have used up.
    pub fn new(
        wallets: impl IntoIterator<Item = WalletState>,
        references: impl IntoIterator<Item = (ReferenceKey, OperationId)>,
    ) -> Self {
        let open = |now: WalletState| OpenWallet {
            version_before: now.version,
            status_version_before: now.status_version,
            now,
        };
        Self {
            wallets: wallets.into_iter().map(|wallet| (wallet.id, open(wallet))).collect(),
            references: references.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Decides one operation and remembers its effect for those after it. `now` is the batch's time; no entry is
    /// dated before the wallet's last one.
    pub fn apply(&mut self, operation: &Operation, now: Timestamp) -> Decision {
        let wallet = &self.wallets.get(&operation.wallet).ok_or(Refusal::WalletNotFound)?.now;
        if let Some(transaction_id) = operation.reference().and_then(|key| self.references.get(&key)) {
            return Err(Refusal::DuplicateReference { transaction_id: *transaction_id });
        }
        match &operation.action {
            Action::Enable { .. } if wallet.status == Status::Enabled => Err(Refusal::AlreadyEnabled),
            Action::Enable { actor } => self.change_status(operation, Status::Enabled, actor, now),
            Action::Disable { .. } if wallet.status == Status::Disabled => Err(Refusal::AlreadyDisabled),
            Action::Disable { actor } => self.change_status(operation, Status::Disabled, actor, now),
            Action::Deposit { amount, .. } => {
                may_be_used(wallet)?;
                if amount.minor_units() > MAX_MINOR_UNITS - wallet.buckets.total() {
                    return Err(Refusal::BalanceLimit);
                }
                let delta = Buckets::available(amount.minor_units());
                self.book(operation, Kind::Deposit, TransactionStatus::Completed, *amount, delta, now)
            }
            Action::Withdraw { amount, .. } => {
                may_be_used(wallet)?;
                let (available, required) = (wallet.buckets.available, amount.minor_units());
                if required > available {
                    // Kept, with an entry of zero: the customer sees the attempt, and its reference stays free.
                    let nothing = Buckets::default();
                    self.book(
                        operation,
                        Kind::Withdrawal,
                        TransactionStatus::Refused,
                        *amount,
                        nothing,
                        now,
                    )?;
                    return Err(Refusal::InsufficientFunds { available, required });
                }
                let delta = Buckets::available(-required);
                self.book(operation, Kind::Withdrawal, TransactionStatus::Completed, *amount, delta, now)
            }
        }
    }

    /// Writes one transaction with its entry; the checks are over.
    fn book(
        &mut self,
        operation: &Operation,
        kind: Kind,
        status: TransactionStatus,
        amount: Amount,
        delta: Buckets,
        now: Timestamp,
    ) -> Decision {
        let wallet = &mut self.wallets.get_mut(&operation.wallet).ok_or(Refusal::WalletNotFound)?.now;
        let occurred_at = wallet.last_entry_at.map_or(now, |last| last.max(now));
        let entry = append(wallet, operation.id, kind, delta, occurred_at);
        if status == TransactionStatus::Completed {
            self.references.extend(operation.reference().map(|key| (key, operation.id)));
        }
        self.transactions.push(Transaction {
            id: operation.id,
            kind,
            status,
            wallet: wallet.id,
            version: entry.version,
            amount: amount.minor_units(),
            fee: 0,
            currency: wallet.currency,
            reference: operation.reference().map(|key| key.reference),
            created_at: occurred_at,
        });
        self.entries.push(entry);
        Ok(Receipt { id: operation.id, occurred_at, wallet: wallet.clone() })
    }

    fn change_status(&mut self, operation: &Operation, to: Status, actor: &str, now: Timestamp) -> Decision {
        let wallet = &mut self.wallets.get_mut(&operation.wallet).ok_or(Refusal::WalletNotFound)?.now;
        wallet.status = to;
        wallet.status_version += 1;
        match to {
            Status::Enabled => wallet.enabled_at = Some(now),
            Status::Disabled => wallet.disabled_at = Some(now),
        }
        self.status_changes.push(StatusChange {
            id: operation.id,
            wallet: wallet.id,
            status_version: wallet.status_version,
            status: to,
            frozen: wallet.frozen_at.is_some(),
            actor: actor.to_owned(),
            occurred_at: now,
        });
        Ok(Receipt { id: operation.id, occurred_at: now, wallet: wallet.clone() })
    }

    /// What has to be written.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        let mut changes = Changes {
            transactions: self.transactions,
            entries: self.entries,
            status_changes: self.status_changes,
            ..Changes::default()
        };
        let mut open: Vec<OpenWallet> = self.wallets.into_values().collect();
        open.sort_unstable_by_key(|wallet| wallet.now.id);
        for OpenWallet { version_before, status_version_before, now } in open {
            if now.status_version != status_version_before {
                changes
                    .statuses
                    .push(ChangedWallet { version_before: status_version_before, after: now.clone() });
            }
            if now.version != version_before {
                changes.wallets.push(ChangedWallet { version_before, after: now });
            }
        }
        changes
    }
}

fn may_be_used(wallet: &WalletState) -> Result<(), Refusal> {
    if wallet.status == Status::Disabled {
        return Err(Refusal::WalletDisabled);
    }
    if wallet.frozen_at.is_some() {
        return Err(Refusal::WalletFrozen);
    }
    Ok(())
}

/// Moves the wallet on by one entry. The caller has checked that no bucket passes its bounds.
fn append(wallet: &mut WalletState, id: OperationId, kind: Kind, delta: Buckets, at: Timestamp) -> Entry {
    let after = Buckets {
        available: wallet.buckets.available + delta.available,
        held: wallet.buckets.held + delta.held,
        unreleased: wallet.buckets.unreleased + delta.unreleased,
    };
    let version = wallet.version + 1;
    let mut entry = Entry {
        wallet: wallet.id,
        version,
        transaction: id,
        kind,
        delta,
        after,
        occurred_at: at,
        hash: [0; 32],
    };
    entry.hash = entry.chained(&wallet.head_hash);
    wallet.buckets = after;
    wallet.version = version;
    wallet.head_hash = entry.hash;
    wallet.last_entry_at = Some(at);
    entry
}

#[cfg(test)]
mod tests;
