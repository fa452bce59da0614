//! What the follower of the largest transfers has seen pass by and not folded yet: of each wallet the newest stretch of
//! entries. When a block is full, its entries need not be read again, when they lie far apart in the books.
//!
//! It may forget at any time: a fold compares where a stretch begins with the wallet's stored lists, and reads the
//! books where something lies between.

use std::collections::HashMap;

use super::lists::BLOCK;
use crate::kernel::ids::WalletId;

/// The most that is held, in units of 8 bytes; then the buffer is emptied. Tables and lists grow by doubling, so the
/// process may spend twice that: 32 MB.
const HELD_MAX: usize = 2_000_000;
/// What a wallet costs beside its entries, in the same unit: its row in the table, and a list of its own.
const WALLET_COST: usize = 16;

/// What a wallet's entries `after + 1`, `after + 2` … moved, as [`super::lists::TopTransfers::fold`] takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingEntries {
    pub after: i64,
    pub amounts: Vec<i64>,
}

impl PendingEntries {
    /// The version of its last entry.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.after + i64::try_from(self.amounts.len()).unwrap_or(i64::MAX)
    }
}

/// The newest stretches of all wallets.
#[derive(Debug, Default)]
pub struct Pending {
    of: HashMap<WalletId, PendingEntries>,
    /// The wallets that have filled a block, and the version that ends it.
    full: HashMap<WalletId, i64>,
    /// Entries and wallets, in units of 8 bytes.
    held: usize,
}

impl Pending {
    /// An entry has passed by. One that does not follow the wallet's last one begins a new stretch.
    pub fn push(&mut self, wallet: WalletId, version: i64, amount: i64) {
        if self.held >= HELD_MAX {
            self.of = HashMap::new();
            self.held = 0;
        }
        let tail = self.of.entry(wallet).or_insert_with(|| {
            self.held += WALLET_COST;
            PendingEntries::default()
        });
        if tail.amounts.is_empty() || version != tail.end() + 1 {
            self.held -= tail.amounts.len();
            *tail = PendingEntries { after: version - 1, amounts: Vec::new() };
        }
        tail.amounts.push(amount);
        self.held += 1;
        if version % BLOCK == 0 {
            self.full.insert(wallet, version);
        }
    }

    /// The stretches that end with the last full block of their wallet, for the wallets that have filled one since this
    /// was asked last; empty where the block's entries are not held. What comes after that block stays.
    pub fn take_full(&mut self) -> Vec<(WalletId, PendingEntries)> {
        let mut all = Vec::with_capacity(self.full.len());
        for (wallet, end) in self.full.drain() {
            let tail = self.of.get_mut(&wallet).filter(|tail| (tail.after..=tail.end()).contains(&end));
            let count = tail.as_ref().and_then(|tail| usize::try_from(end - tail.after).ok());
            let (Some(tail), Some(count)) = (tail, count) else {
                all.push((wallet, PendingEntries { after: end, amounts: Vec::new() }));
                continue;
            };
            let rest = tail.amounts.split_off(count);
            self.held -= count;
            all.push((wallet, std::mem::replace(tail, PendingEntries { after: end, amounts: rest })));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn wallet(n: u8) -> WalletId {
        WalletId(Uuid::from_u128(u128::from(n)))
    }

    /// What an entry moved, as a function of its place, so that a wrong one shows.
    fn moved(n: u8, version: i64) -> i64 {
        version * 10 + i64::from(n)
    }

    #[test]
    fn a_history_without_a_gap_comes_out_whole_in_blocks() {
        let mut tails = Pending::default();
        let mut seen = Vec::new();
        for version in 1..=3 * BLOCK + 7 {
            tails.push(wallet(1), version, moved(1, version));
            if version % 300 == 0 || version > 3 * BLOCK {
                seen.extend(tails.take_full());
            }
        }
        let ends: Vec<(i64, i64)> = seen.iter().map(|(_, tail)| (tail.after, tail.end())).collect();
        assert_eq!(ends, [(0, BLOCK), (BLOCK, 2 * BLOCK), (2 * BLOCK, 3 * BLOCK)]);
        assert_eq!(tails.held, 7 + WALLET_COST);
    }

    #[test]
    fn a_crowd_of_wallets_with_an_entry_each_is_bounded_too() {
        let mut tails = Pending::default();
        let most = HELD_MAX / WALLET_COST;
        for n in 0..3 * most {
            tails.push(WalletId(Uuid::from_u128(n as u128)), 1, 1);
            assert!(tails.of.len() <= most, "{n}");
        }
    }

    #[test]
    fn a_block_is_named_also_when_its_entries_were_thrown_away() {
        let mut tails = Pending::default();
        for version in 1..=BLOCK {
            tails.push(wallet(1), version, moved(1, version));
        }
        tails.held = HELD_MAX;
        tails.push(wallet(2), 1, 1);
        assert_eq!(tails.take_full(), [(wallet(1), PendingEntries { after: BLOCK, amounts: vec![] })]);
        assert_eq!(tails.held, 1 + WALLET_COST);
    }

    proptest! {
        /// Whatever comes again, is left out or begins again: a stretch holds the entries that its versions say.
        #[test]
        fn a_stretch_is_true_and_ends_with_a_block(
            steps in prop::collection::vec((0..3_u8, 1..900_i64, 1..700_i64, any::<bool>()), 1..20),
        ) {
            let mut tails = Pending::default();
            for (n, first, count, asked) in steps {
                for version in first..first + count {
                    tails.push(wallet(n), version, moved(n, version));
                }
                let full = if asked { tails.take_full() } else { Vec::new() };
                for (id, tail) in full {
                    let n = u8::try_from(id.0.as_u128()).unwrap();
                    let expected: Vec<i64> = (tail.after + 1..=tail.end()).map(|v| moved(n, v)).collect();
                    prop_assert_eq!(&tail.amounts, &expected);
                    prop_assert_eq!(tail.end() % BLOCK, 0);
                }
                let held: usize = tails.of.values().map(|tail| tail.amounts.len() + WALLET_COST).sum();
                prop_assert_eq!(tails.held, held);
            }
        }
    }
}
