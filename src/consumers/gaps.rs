//! Finds missing messages: the versions of each part of a wallet are 1, 2, 3 … without a gap, and a wallet's messages arrive
//! in that order, some of them more than once.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::decode::Change;
use crate::{
    cache::{KnownBefore, ViewPart},
    kernel::ids::WalletId,
};

/// Minimum interval between two log lines about gaps.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Versions of one part of a wallet without a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) wallet: WalletId,
    /// `money` or `status`.
    pub(super) part: &'static str,
    pub(super) versions: RangeInclusive<i64>,
}

/// The messages of one part of a wallet in a batch.
struct Run {
    wallet: WalletId,
    part: &'static str,
    first: i64,
    last: i64,
    newest: ViewPart,
}

/// The versions in a batch, part by part, and the gaps between them.
pub(super) struct VersionRuns {
    runs: Vec<Run>,
    pub(super) gaps: Vec<Gap>,
}

impl VersionRuns {
    pub(super) fn of(changes: &[Change]) -> Self {
        let mut indexes: HashMap<(WalletId, bool), usize> = HashMap::with_capacity(changes.len());
        let mut batch = Self { runs: Vec::with_capacity(changes.len()), gaps: Vec::new() };
        for Change { wallet, part: newest, .. } in changes {
            let (is_money, part, version) = match newest {
                ViewPart::Money { money, .. } => (true, "money", money.version),
                ViewPart::Status { status, .. } => (false, "status", status.version),
            };
            let index = *indexes.entry((*wallet, is_money)).or_insert(batch.runs.len());
            match batch.runs.get_mut(index) {
                None => batch.runs.push(Run {
                    wallet: *wallet,
                    part,
                    first: version,
                    last: version,
                    newest: *newest,
                }),
                // A repeat.
                Some(run) if version <= run.last => run.first = run.first.min(version),
                Some(run) => {
                    if version - run.last > 1 {
                        batch.gaps.push(Gap { wallet: *wallet, part, versions: run.last + 1..=version - 1 });
                    }
                    (run.last, run.newest) = (version, *newest);
                }
            }
        }
        batch
    }

    /// The newest of each part: the cache refuses older ones.
    pub(super) fn newest(&self) -> Vec<(WalletId, ViewPart)> {
        self.runs.iter().map(|run| (run.wallet, run.newest)).collect()
    }

    /// Compares with the versions cached before, in the order of [`Self::newest`]. Views that were read from the books may be
    /// ahead of the topic, never behind it.
    pub(super) fn compare(&mut self, known: &[KnownBefore]) {
        for (run, known) in self.runs.iter().zip(known) {
            let Some(known) = *known else { continue };
            if run.first - known > 1 {
                let versions = known + 1..=run.first - 1;
                self.gaps.push(Gap { wallet: run.wallet, part: run.part, versions });
            }
        }
    }
}

/// Counts every gap, and logs one in [`LOG_INTERVAL`].
#[derive(Debug, Default)]
pub(super) struct GapLog {
    /// When a line was last logged, and the number of gaps since then.
    last: Mutex<(Option<Instant>, usize)>,
}

impl GapLog {
    pub(super) fn report(&self, gaps: &[Gap]) {
        metrics::counter!("wallet_refresher_gaps_total").increment(gaps.len() as u64);
        let Some(Gap { wallet, part, versions }) = gaps.first() else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (logged_at, unlogged) = *last;
        if logged_at.is_some_and(|at| at.elapsed() < LOG_INTERVAL) {
            *last = (logged_at, unlogged + gaps.len());
            return;
        }
        *last = (Some(Instant::now()), 0);
        tracing::error!(
            %wallet, part, first = versions.start(), last = versions.end(), others = unlogged + gaps.len() - 1,
            "messages of a wallet are missing in the topic; it is read from the books"
        );
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        cache::{MoneyView, NextRelease, StatusView},
        kernel::{clock::Timestamp, ids::CustomerXid},
    };

    fn wallet(n: u128) -> WalletId {
        WalletId(Uuid::from_u128(n))
    }

    fn money(n: u128, version: i64) -> Change {
        let money = MoneyView {
            available: version,
            held: 0,
            unreleased: 0,
            next_release: NextRelease::Never,
            version,
        };
        let part =
            ViewPart::Money { owner: CustomerXid(Uuid::nil()), currency: "USD".parse().unwrap(), money };
        Change { wallet: wallet(n), part, occurred_at: Timestamp::default(), generation: 1 }
    }

    fn status(n: u128, version: i64) -> Change {
        let status =
            StatusView { enabled: true, frozen: false, enabled_at: None, disabled_at: None, version };
        let part = ViewPart::Status { owner: CustomerXid(Uuid::nil()), status };
        Change { wallet: wallet(n), part, occurred_at: Timestamp::default(), generation: 1 }
    }

    fn gap(n: u128, part: &'static str, versions: RangeInclusive<i64>) -> Gap {
        Gap { wallet: wallet(n), part, versions }
    }

    #[test]
    fn a_repeated_range_is_no_gap_and_a_jump_is_one() {
        let changes = [1, 2, 3, 1, 2, 3, 4, 7, 5, 8].map(|version| money(1, version));
        let batch = VersionRuns::of(&changes);
        assert_eq!(batch.gaps, [gap(1, "money", 5..=6)]);
        assert_eq!(batch.newest(), [(wallet(1), changes[9].part)]);
    }

    #[test]
    fn money_and_status_of_each_wallet_are_numbered_for_themselves() {
        let changes = [money(1, 4), status(1, 9), money(2, 1), money(1, 5), status(1, 10)];
        let mut batch = VersionRuns::of(&changes);
        assert_eq!(batch.gaps, []);
        assert_eq!(batch.newest().len(), 3);
        // Nothing was known; the one before the first; what a reader has put there, ahead of the topic.
        batch.compare(&[None, Some(8), Some(7)]);
        assert_eq!(batch.gaps, []);
        batch.compare(&[Some(1), Some(7), Some(0)]);
        assert_eq!(batch.gaps, [gap(1, "money", 2..=3), gap(1, "status", 8..=8)]);
    }
}
