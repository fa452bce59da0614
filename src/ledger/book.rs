//! The rules of money, pure: an operation applied to wallets in memory. No I/O, no clock, no database; the posting
//! loop brings the wallets it has locked and writes down what came out.

mod chain;
mod changes;
mod outcome;
mod rules;

use std::collections::HashMap;

use chrono::TimeDelta;

use self::{
    chain::append,
    rules::{covers, has_room, may_be_used, not_before},
};

use super::{
    entry::{Entry, StatusChange, Transaction, TransactionStatus},
    operation::{Action, KeyName, Kind, Operation, ReferenceKey, Transfer},
    refusal::Refusal,
    wallet_state::{Buckets, Status, WalletState},
};
use crate::kernel::{
    clock::Timestamp,
    ids::{OperationId, WalletId},
    money::Amount,
};

pub use self::{
    chain::{Chain, Sha256},
    changes::{AnsweredKey, ChangedWallet, Changes},
    outcome::{Decision, Outcome, Posted, Receipt, Remembered},
};

/// How long the key of a refusal is remembered. The key of a success is remembered for ever.
const REFUSAL_REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// The locked wallets of one batch, what is known of its keys and references, and what its operations have changed so
/// far.
#[derive(Debug)]
pub struct Book<C = Sha256> {
    chain: C,
    wallets: HashMap<WalletId, OpenWallet>,
    references: HashMap<ReferenceKey, OperationId>,
    keys: HashMap<KeyName, Remembered>,
    answered: Vec<AnsweredKey>,
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

impl Book {
    /// A book over locked wallets. `references` and `keys` are those of the batch that were used before.
    pub fn new(
        wallets: impl IntoIterator<Item = WalletState>,
        references: impl IntoIterator<Item = (ReferenceKey, OperationId)>,
        keys: impl IntoIterator<Item = (KeyName, Remembered)>,
    ) -> Self {
        Self::chained_by(Sha256, wallets, references, keys)
    }
}

impl<C: Chain> Book<C> {
    /// [`Book::new`] with another chain than that of the books, to be measured.
    pub fn chained_by(
        chain: C,
        wallets: impl IntoIterator<Item = WalletState>,
        references: impl IntoIterator<Item = (ReferenceKey, OperationId)>,
        keys: impl IntoIterator<Item = (KeyName, Remembered)>,
    ) -> Self {
        let open = |now: WalletState| OpenWallet {
            version_before: now.version,
            status_version_before: now.status_version,
            now,
        };
        Self {
            chain,
            wallets: wallets.into_iter().map(|wallet| (wallet.id, open(wallet))).collect(),
            references: references.into_iter().collect(),
            keys: keys.into_iter().collect(),
            answered: Vec::new(),
            transactions: Vec::new(),
            entries: Vec::new(),
            status_changes: Vec::new(),
        }
    }

    /// Decides one operation and remembers its effect for those after it. `now` is the batch's time; no entry is
    /// dated before the wallet's last one. A known key is looked at before anything else.
    pub fn apply(&mut self, operation: &Operation, now: Timestamp) -> Outcome {
        let Some(key) = &operation.key else {
            return Outcome { decision: self.decide(operation, now), replayed: false };
        };
        if let Some(first) = self.keys.get(&key.name) {
            let is_same = first.request_hash == key.request_hash;
            let decision = if is_same { first.decision.clone() } else { Err(Refusal::KeyReused) };
            return Outcome { decision, replayed: is_same };
        }
        let decision = self.decide(operation, now);
        let remembered = Remembered { request_hash: key.request_hash, decision: decision.clone() };
        self.keys.insert(key.name.clone(), remembered);
        let is_transaction = decision.is_ok() && operation.reference().is_some();
        self.answered.push(AnsweredKey {
            key: key.clone(),
            operation: operation.id,
            outcome: (!is_transaction).then(|| decision.clone()),
            expires_at: decision.is_err().then(|| now + REFUSAL_REMEMBERED),
        });
        Outcome { decision, replayed: false }
    }

    fn decide(&mut self, operation: &Operation, now: Timestamp) -> Decision {
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
                if !has_room(wallet, *amount) {
                    return Err(Refusal::BalanceLimit);
                }
                let delta = Buckets::available(amount.minor_units());
                self.book(operation, Kind::Deposit, TransactionStatus::Completed, *amount, delta, now)
            }
            Action::Withdraw { amount, .. } => {
                may_be_used(wallet)?;
                let (status, delta, refusal) = match covers(wallet, amount.minor_units()) {
                    Ok(()) => (TransactionStatus::Completed, Buckets::available(-amount.minor_units()), None),
                    // Kept, with an entry of zero: the customer sees the attempt, and its reference stays free.
                    Err(refusal) => (TransactionStatus::Refused, Buckets::default(), Some(refusal)),
                };
                let booked = self.book(operation, Kind::Withdrawal, status, *amount, delta, now)?;
                refusal.map_or(Ok(booked), Err)
            }
            Action::Transfer(transfer) => self.transfer(operation, transfer, now),
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
        let occurred_at = not_before(wallet, now);
        let entry = append(&self.chain, wallet, operation.id, kind, delta, occurred_at);
        let receipt = Receipt { id: operation.id, occurred_at, fee: 0, wallet: wallet.clone() };
        self.record(operation, kind, status, amount, &receipt, None);
        self.entries.push(entry);
        Ok(receipt)
    }

    /// The sender pays amount and fee, the receiver gets the amount.
    fn transfer(&mut self, operation: &Operation, transfer: &Transfer, now: Timestamp) -> Decision {
        let Transfer { to, amount, fee, .. } = transfer;
        let sender = &self.wallets.get(&operation.wallet).ok_or(Refusal::WalletNotFound)?.now;
        may_be_used(sender)?;
        if *to == Some(sender.id) {
            return Err(Refusal::SelfTransfer);
        }
        let receiver = to.and_then(|to| self.wallets.get(&to)).map(|open| &open.now);
        let can_receive = |wallet: &&WalletState| may_be_used(wallet).is_ok() && has_room(wallet, *amount);
        let receiver = receiver.filter(can_receive).ok_or(Refusal::RecipientUnavailable)?;
        if receiver.currency != sender.currency {
            return Err(Refusal::CurrencyMismatch);
        }
        let required = amount.minor_units().saturating_add(*fee);
        covers(sender, required)?;
        // After this point the transfer succeeds. Both sides carry one time.
        let (occurred_at, receiver) = (not_before(sender, not_before(receiver, now)), receiver.id);
        let incoming = Buckets::available(amount.minor_units());
        let receiver = &mut self.wallets.get_mut(&receiver).ok_or(Refusal::RecipientUnavailable)?.now;
        let credit = append(&self.chain, receiver, operation.id, Kind::TransferIn, incoming, occurred_at);
        let sender = &mut self.wallets.get_mut(&operation.wallet).ok_or(Refusal::WalletNotFound)?.now;
        let debit = append(
            &self.chain,
            sender,
            operation.id,
            Kind::TransferOut,
            Buckets::available(-required),
            occurred_at,
        );
        let receipt = Receipt { id: operation.id, occurred_at, fee: *fee, wallet: sender.clone() };
        let other = Some((credit.wallet, credit.version));
        self.record(operation, Kind::TransferOut, TransactionStatus::Completed, *amount, &receipt, other);
        self.entries.extend([debit, credit]);
        Ok(receipt)
    }

    /// Keeps the transaction; its reference is used up if it is completed.
    fn record(
        &mut self,
        operation: &Operation,
        kind: Kind,
        status: TransactionStatus,
        amount: Amount,
        receipt: &Receipt,
        other: Option<(WalletId, i64)>,
    ) {
        let reference = operation.reference();
        if status == TransactionStatus::Completed {
            self.references.extend(reference.map(|key| (key, operation.id)));
        }
        let note = match &operation.action {
            Action::Transfer(transfer) => transfer.note.clone(),
            _ => None,
        };
        self.transactions.push(Transaction {
            id: operation.id,
            kind,
            status,
            wallet: receipt.wallet.id,
            version: receipt.wallet.version,
            other,
            amount: amount.minor_units(),
            fee: receipt.fee,
            currency: receipt.wallet.currency,
            reference: reference.map(|key| key.reference),
            note,
            created_at: receipt.occurred_at,
        });
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
        Ok(Receipt { id: operation.id, occurred_at: now, fee: 0, wallet: wallet.clone() })
    }
}

#[cfg(test)]
mod tests;
