//! The wallets of a batch, and what is to be written about them.

use std::collections::HashMap;

use super::{
    rules::not_before,
    wallets::{OpenWallet, OpenWallets},
};
use crate::{
    kernel::{
        buckets::Buckets,
        clock::Timestamp,
        ids::{OperationId, WalletId},
    },
    ledger::{
        due_item::{Closing, WalletDue},
        entry::{AdjustmentNote, Entry, StatusChange, Step, Transaction},
        hold::{Hold, HoldState},
        kind::Kind,
        payout::{Payout, PayoutChange, PayoutState},
        refusal::Refusal,
        release::Release,
        wallet_state::WalletState,
    },
};

#[derive(Debug)]
pub(super) struct Batch {
    pub(super) wallets: OpenWallets,
    pub(super) transactions: Vec<Transaction>,
    pub(super) entries: Vec<Entry>,
    pub(super) status_changes: Vec<StatusChange>,
    pub(super) adjustments: Vec<AdjustmentNote>,
    pub(super) steps: Vec<Step>,
    /// Releases that begin.
    pub(super) releases: Vec<Release>,
    pub(super) closed_releases: Vec<Closing>,
    /// Holds that begin.
    pub(super) placed_holds: Vec<Hold>,
    pub(super) closed_holds: Vec<Closing>,
    /// Payouts that begin.
    pub(super) requested_payouts: Vec<Payout>,
    /// What changes in payouts, at most once for each.
    pub(super) payout_changes: Vec<PayoutChange>,
    /// The payouts that operations of the batch name, as it has left them so far.
    pub(super) payouts: HashMap<OperationId, PayoutState>,
    /// The holds that operations of the batch name, as it has left them so far.
    pub(super) holds: HashMap<OperationId, HoldState>,
    /// What is due and not booked yet.
    pub(super) due: HashMap<WalletId, WalletDue>,
}

impl Batch {
    pub(super) fn new(
        wallets: impl IntoIterator<Item = WalletState>,
        holds: Vec<HoldState>,
        payouts: Vec<PayoutState>,
        due: Vec<WalletDue>,
    ) -> Self {
        let wallets: OpenWallets =
            wallets.into_iter().map(|wallet| (wallet.id, OpenWallet::from(wallet))).collect();
        // A batch has rarely more operations than wallets, and at most two entries for each.
        let operations = wallets.len();
        Self {
            wallets,
            transactions: Vec::with_capacity(operations),
            entries: Vec::with_capacity(2 * operations),
            status_changes: Vec::new(),
            adjustments: Vec::new(),
            steps: Vec::new(),
            releases: Vec::new(),
            closed_releases: Vec::new(),
            placed_holds: Vec::new(),
            closed_holds: Vec::new(),
            requested_payouts: Vec::new(),
            payout_changes: Vec::new(),
            payouts: payouts.into_iter().map(|state| (state.transaction, state)).collect(),
            holds: holds.into_iter().map(|state| (state.hold.transaction, state)).collect(),
            due: due.into_iter().map(|due| (due.wallet, due)).collect(),
        }
    }

    /// A wallet as the batch has left it so far.
    pub(super) fn wallet(&mut self, id: WalletId) -> Result<&mut WalletState, Refusal> {
        self.wallets.get_mut(&id).map(|wallet| &mut wallet.now).ok_or(Refusal::WalletNotFound)
    }
}

/// Moves a wallet on by one entry. The caller has checked that no bucket passes its bounds.
pub(super) fn append(
    wallet: &mut WalletState,
    id: OperationId,
    kind: Kind,
    delta: Buckets,
    now: Timestamp,
) -> Entry {
    let after = Buckets {
        available: wallet.buckets.available + delta.available,
        held: wallet.buckets.held + delta.held,
        unreleased: wallet.buckets.unreleased + delta.unreleased,
    };
    let (version, occurred_at) = (wallet.version + 1, not_before(wallet, now));
    let mut entry =
        Entry { wallet: wallet.id, version, transaction: id, kind, delta, after, occurred_at, hash: [0; 32] };
    entry.hash = entry.chained(&wallet.head_hash);
    wallet.buckets = after;
    wallet.version = version;
    wallet.head_hash = entry.hash;
    wallet.last_entry_at = Some(occurred_at);
    entry
}
