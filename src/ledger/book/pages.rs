//! The pages of the book: the wallets of a batch, and what is written about them.

use super::{
    Chain, Decision, Receipt,
    chain::append,
    rules::{covers, has_room, may_be_used, may_receive, not_before},
    wallets::{OpenWallet, OpenWallets},
};
use crate::{
    kernel::{clock::Timestamp, ids::WalletId, money::Amount},
    ledger::{
        entry::{Entry, StatusChange, Transaction, TransactionStatus},
        operation::{Action, Kind, Operation, Refusals, Transfer},
        refusal::Refusal,
        wallet_state::{Buckets, Status, WalletState},
    },
};

#[derive(Debug)]
pub(super) struct Pages<C> {
    chain: C,
    pub(super) wallets: OpenWallets,
    pub(super) transactions: Vec<Transaction>,
    pub(super) entries: Vec<Entry>,
    pub(super) status_changes: Vec<StatusChange>,
}

impl<C: Chain> Pages<C> {
    pub(super) fn new(chain: C, wallets: impl IntoIterator<Item = WalletState>) -> Self {
        let wallets: OpenWallets =
            wallets.into_iter().map(|wallet| (wallet.id, OpenWallet::from(wallet))).collect();
        // A batch has at most about as many operations as wallets, and two entries for each.
        let operations = wallets.len();
        Self {
            chain,
            wallets,
            transactions: Vec::with_capacity(operations),
            entries: Vec::with_capacity(2 * operations),
            status_changes: Vec::new(),
        }
    }

    /// Decides by the rules of money alone.
    pub(super) fn decide(&mut self, operation: &Operation, now: Timestamp) -> Decision {
        let wallet = &self.wallets.get(&operation.wallet).ok_or(Refusal::WalletNotFound)?.now;
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
                    Err(refusal) if operation.refusals == Refusals::NotStored => return Err(refusal),
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

    /// The sender pays amount and fee, the receiver gets the amount. Everything that concerns the sender alone is judged
    /// before the receiver is looked at, so that a sender who could not pay learns nothing of another's wallet.
    fn transfer(&mut self, operation: &Operation, transfer: &Transfer, now: Timestamp) -> Decision {
        let Transfer { to, amount, fee, .. } = transfer;
        let sender = &self.wallets.get(&operation.wallet).ok_or(Refusal::WalletNotFound)?.now;
        may_be_used(sender)?;
        if *to == sender.id {
            return Err(Refusal::SelfTransfer);
        }
        let required = amount.minor_units().saturating_add(*fee);
        covers(sender, required)?;
        let [Some(sender), Some(receiver)] = self.wallets.get_disjoint_mut([&operation.wallet, to]) else {
            return Err(Refusal::RecipientUnavailable);
        };
        let (sender, receiver) = (&mut sender.now, &mut receiver.now);
        if !may_receive(receiver, *amount) {
            return Err(Refusal::RecipientUnavailable);
        }
        if receiver.currency != sender.currency {
            return Err(Refusal::CurrencyMismatch);
        }
        // After this point the transfer succeeds. Each side is dated for itself, so that a wallet whose last entry lies in
        // the future does not take the other one there.
        let (sent_at, received_at) = (not_before(sender, now), not_before(receiver, now));
        let (incoming, outgoing) = (Buckets::available(amount.minor_units()), Buckets::available(-required));
        let credit = append(&self.chain, receiver, operation.id, Kind::TransferIn, incoming, received_at);
        let debit = append(&self.chain, sender, operation.id, Kind::TransferOut, outgoing, sent_at);
        let receipt = Receipt { id: operation.id, occurred_at: sent_at, fee: *fee, wallet: sender.clone() };
        let other = Some((credit.wallet, credit.version));
        self.record(operation, Kind::TransferOut, TransactionStatus::Completed, *amount, &receipt, other);
        self.entries.extend([debit, credit]);
        Ok(receipt)
    }

    /// Keeps the transaction.
    fn record(
        &mut self,
        operation: &Operation,
        kind: Kind,
        status: TransactionStatus,
        amount: Amount,
        receipt: &Receipt,
        other: Option<(WalletId, i64)>,
    ) {
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
            reference: operation.reference().map(|key| key.reference),
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
