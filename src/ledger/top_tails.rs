//! What the follower of the largest transfers has seen pass by and not folded yet: of each wallet the newest stretch of
//! entries. When a block is full, its entries need not be read again; by then they lie far apart in the books.
//!
//! It may forget at any time: whoever folds compares where a stretch begins with what is kept of the wallet, and reads the
//! books where something lies between.

use std::collections::{HashMap, HashSet};

use super::top_transfers::BLOCK;
use crate::kernel::ids::WalletId;

/// So many entries are held at most, 8 bytes each; then the memory begins anew.
const HELD_MAX: usize = 2_000_000;

/// What a wallet's entries `after + 1`, `after + 2` … moved, as [`super::top_transfers::TopTransfers::fold`] takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    pub after: i64,
    pub moved: Vec<i64>,
}

impl Tail {
    /// The version of its last entry.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.after + i64::try_from(self.moved.len()).unwrap_or(i64::MAX)
    }
}

/// The newest stretches of all wallets.
#[derive(Debug, Default)]
pub struct Tails {
    of: HashMap<WalletId, Tail>,
    /// The wallets that have filled a block.
    full: HashSet<WalletId>,
    held: usize,
}

impl Tails {
    /// An entry has passed by. One that does not follow the wallet's last one begins a new stretch.
    pub fn push(&mut self, wallet: WalletId, version: i64, moved: i64) {
        if self.held >= HELD_MAX {
            self.of.clear();
            self.held = 0;
        }
        let tail = self.of.entry(wallet).or_default();
        if tail.moved.is_empty() || version != tail.end() + 1 {
            self.held -= tail.moved.len();
            *tail = Tail { after: version - 1, moved: Vec::new() };
        }
        tail.moved.push(moved);
        self.held += 1;
        if version % BLOCK == 0 {
            self.full.insert(wallet);
        }
    }

    /// The stretches that end with the last full block of their wallet, for the wallets that have filled one since this
    /// was asked last. What comes after that block stays.
    pub fn take_full(&mut self) -> Vec<(WalletId, Tail)> {
        let mut all = Vec::with_capacity(self.full.len());
        for wallet in self.full.drain() {
            let Some(tail) = self.of.get_mut(&wallet) else { continue };
            let after = tail.end() - tail.end() % BLOCK;
            let Ok(count) = usize::try_from(after - tail.after) else { continue };
            let rest = tail.moved.split_off(count);
            self.held -= count;
            all.push((wallet, std::mem::replace(tail, Tail { after, moved: rest })));
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
        let mut tails = Tails::default();
        let mut seen = Vec::new();
        for version in 1..=3 * BLOCK + 7 {
            tails.push(wallet(1), version, moved(1, version));
            if version % 300 == 0 || version > 3 * BLOCK {
                seen.extend(tails.take_full());
            }
        }
        let ends: Vec<(i64, i64)> = seen.iter().map(|(_, tail)| (tail.after, tail.end())).collect();
        assert_eq!(ends, [(0, BLOCK), (BLOCK, 2 * BLOCK), (2 * BLOCK, 3 * BLOCK)]);
        assert_eq!(tails.held, 7);
    }

    proptest! {
        /// Whatever comes again, is left out or begins anew: a stretch tells of the entries that it says it tells of.
        #[test]
        fn a_stretch_is_true_and_ends_with_a_block(
            steps in prop::collection::vec((0..3_u8, 1..900_i64, 1..700_i64, any::<bool>()), 1..20),
        ) {
            let mut tails = Tails::default();
            for (n, first, count, asked) in steps {
                for version in first..first + count {
                    tails.push(wallet(n), version, moved(n, version));
                }
                let full = if asked { tails.take_full() } else { Vec::new() };
                for (id, tail) in full {
                    let n = u8::try_from(id.0.as_u128()).unwrap();
                    let expected: Vec<i64> = (tail.after + 1..=tail.end()).map(|v| moved(n, v)).collect();
                    prop_assert_eq!(&tail.moved, &expected);
                    prop_assert_eq!(tail.end() % BLOCK, 0);
                }
                prop_assert_eq!(tails.held, tails.of.values().map(|tail| tail.moved.len()).sum::<usize>());
            }
        }
    }
}
