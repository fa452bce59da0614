//! The wallets of a batch by their ids.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use crate::{kernel::ids::WalletId, ledger::wallet_state::WalletState};

/// A wallet under its row lock: as it was found, and as the batch has left it so far.
#[derive(Debug)]
pub(super) struct OpenWallet {
    pub(super) version_before: i64,
    pub(super) status_version_before: i64,
    pub(super) now: WalletState,
}

impl From<WalletState> for OpenWallet {
    fn from(now: WalletState) -> Self {
        Self { version_before: now.version, status_version_before: now.status_version, now }
    }
}

pub(super) type OpenWallets = HashMap<WalletId, OpenWallet, BuildHasherDefault<WalletIdHasher>>;

/// A hash that costs much less than the standard one. It withstands no flooding, and need not: only wallets that exist
/// are put into the map, with ids that the service has made itself, and no more than a batch has.
#[derive(Debug, Default)]
pub(super) struct WalletIdHasher(u64);

/// 2^64 divided by the golden ratio, odd: spreads what is multiplied by it (Knuth, The Art of Computer Programming,
/// volume 3, section 6.4).
const SPREAD: u128 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for WalletIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(32) ^ word) * SPREAD;
        // Both halves: the map takes its bits from either end.
        #[allow(clippy::cast_possible_truncation)] // the lower half is meant
        let mixed = (product ^ (product >> 64)) as u64;
        self.0 = mixed;
    }

    /// The length, which all ids share.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
