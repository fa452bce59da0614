//! What a batch writes.

use super::{Book, Decision, pages::Pages, wallets::OpenWallet};
use crate::{
    kernel::{clock::Timestamp, ids::OperationId},
    ledger::{
        entry::{Entry, StatusChange, Transaction},
        operation::Key,
        wallet_state::WalletState,
    },
};

/// Everything that a batch writes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub transactions: Vec<Transaction>,
    pub entries: Vec<Entry>,
    pub status_changes: Vec<StatusChange>,
    /// The keys that were answered for the first time.
    pub keys: Vec<AnsweredKey>,
    /// The wallets whose money has changed, in the order of their ids.
    pub wallets: Vec<ChangedWallet>,
    /// The wallets whose status has changed, in the order of their ids.
    pub statuses: Vec<ChangedWallet>,
}

/// A key and its first answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredKey {
    pub key: Key,
    /// The operation that was answered.
    pub operation: OperationId,
    /// What has to be kept to tell the answer again; none where the books tell it by themselves.
    pub outcome: Option<Decision>,
    /// None: for ever.
    pub expires_at: Option<Timestamp>,
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
        self.entries.is_empty() && self.status_changes.is_empty() && self.keys.is_empty()
    }
}

impl<C> Book<C> {
    /// What has to be written.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        let Pages { wallets, transactions, entries, status_changes, .. } = self.pages;
        let keys = self.keys.into_answered();
        let mut changes = Changes { transactions, entries, status_changes, keys, ..Changes::default() };
        let mut open: Vec<OpenWallet> = wallets.into_values().collect();
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
