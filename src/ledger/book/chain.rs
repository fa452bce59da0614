//! A wallet's next entry, and the hash that ties it to the one before.

use crate::{
    kernel::{clock::Timestamp, ids::OperationId},
    ledger::{
        entry::Entry,
        operation::Kind,
        wallet_state::{Buckets, WalletState},
    },
};

/// How entries are chained. There is one way, [`Sha256`]; it is a parameter of the book so that a benchmark can tell
/// what the hashing costs, by a way of its own that does not hash.
pub trait Chain {
    /// The hash of an entry that follows the one with the hash `previous`.
    fn hash(&self, entry: &Entry, previous: &[u8; 32]) -> [u8; 32];
}

/// [`Entry::chained`], the chain of the books.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sha256;

impl Chain for Sha256 {
    fn hash(&self, entry: &Entry, previous: &[u8; 32]) -> [u8; 32] {
        entry.chained(previous)
    }
}

/// Moves the wallet on by one entry. The caller has checked that no bucket passes its bounds.
pub(super) fn append(
    chain: &impl Chain,
    wallet: &mut WalletState,
    id: OperationId,
    kind: Kind,
    delta: Buckets,
    at: Timestamp,
) -> Entry {
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
    entry.hash = chain.hash(&entry, &wallet.head_hash);
    wallet.buckets = after;
    wallet.version = version;
    wallet.head_hash = entry.hash;
    wallet.last_entry_at = Some(at);
    entry
}
