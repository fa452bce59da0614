//! What a batch writes.

use super::{batch::Batch, wallets::OpenWallet};
use crate::{
    kernel::{
        clock::Timestamp,
        ids::{OperationId, WalletId},
    },
    ledger::{
        due_item::Closing,
        entry::{AdjustmentNote, Entry, StatusChange, Step, Transaction},
        hold::Hold,
        operation::{Key, KeyName},
        outcome::Decision,
        payout::{Payout, PayoutChange},
        release::Release,
        wallet_state::WalletState,
    },
};

/// Everything that a batch writes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub transactions: Vec<Transaction>,
    pub entries: Vec<Entry>,
    pub status_changes: Vec<StatusChange>,
    pub adjustments: Vec<AdjustmentNote>,
    pub steps: Vec<Step>,
    /// Releases that begin.
    pub releases: Vec<Release>,
    pub closed_releases: Vec<Closing>,
    /// Holds that begin.
    pub placed_holds: Vec<Hold>,
    pub closed_holds: Vec<Closing>,
    /// Payouts that begin.
    pub requested_payouts: Vec<Payout>,
    /// What changes in payouts, at most once for each.
    pub payout_changes: Vec<PayoutChange>,
    /// The keys that have their decision in this batch.
    pub keys: Vec<AnsweredKey>,
    /// The wallets whose money has changed, in the order of their ids.
    pub wallets: Vec<ChangedWallet>,
    /// The wallets whose status has changed, in the order of their ids.
    pub statuses: Vec<ChangedWallet>,
}

/// A key and its decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredKey {
    pub key: Key,
    /// The operation that was decided.
    pub operation: OperationId,
    pub decision: Decision,
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
        self.proof().is_none()
    }

    /// One row that is there exactly if the batch was committed: a batch is committed whole. It has an id of one of the batch's own
    /// operations: what is due is booked by any batch that meets it, with the same entry to the last bit where the wallet's
    /// last entry lies in the future. Such an entry is the proof only where the batch has written nothing else.
    #[must_use]
    pub fn proof(&self) -> Option<Proof> {
        let Self { transactions, entries, steps, status_changes, keys, .. } = self;
        let entry =
            |entry: &Entry| Proof::Entry { wallet: entry.wallet, version: entry.version, hash: entry.hash };
        let booked = transactions
            .first()
            .and_then(|booked| entries.iter().find(|entry| entry.transaction == booked.id));
        let asked = || steps.iter().find(|step| !step.is_derived()).map(|step| Proof::Step(step.id));
        let status_change = || status_changes.first().map(|change| Proof::StatusChange(change.id));
        let key =
            || keys.first().map(|key| Proof::Key { name: key.key.name.clone(), operation: key.operation });
        let due = || entries.first().map(entry);
        booked.map(entry).or_else(asked).or_else(status_change).or_else(key).or_else(due)
    }
}

/// A row that a batch has written and that no other could: what proves a commit whose answer was lost. The id of a
/// transaction proves nothing, as an entry may belong to a transaction that existed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    Entry { wallet: WalletId, version: i64, hash: [u8; 32] },
    Step(OperationId),
    StatusChange(OperationId),
    Key { name: KeyName, operation: OperationId },
}

impl Changes {
    /// What a batch has come to.
    pub(super) fn of(batch: Batch, keys: Vec<AnsweredKey>) -> Self {
        let Batch { wallets, transactions, entries, status_changes, adjustments, .. } = batch;
        let Batch { steps, releases, closed_releases, placed_holds, closed_holds, .. } = batch;
        let Batch { requested_payouts, payout_changes, .. } = batch;
        let mut changes = Changes {
            transactions,
            entries,
            status_changes,
            adjustments,
            steps,
            releases,
            closed_releases,
            placed_holds,
            closed_holds,
            requested_payouts,
            payout_changes,
            keys,
            ..Self::default()
        };
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
