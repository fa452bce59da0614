//! Statuses that could not be written. A status may not lag: before anything else is asked of a Redis that is back, it
//! is told what it has missed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{cache::ViewPart, kernel::ids::WalletId};

/// The maximum number of wallets that are remembered: the refresher mends the others a moment later.
const WALLETS_MAX: usize = 10_000;

/// The newest status of each wallet that Redis has missed from this process.
#[derive(Debug, Default)]
pub(super) struct Missed(Mutex<HashMap<WalletId, ViewPart>>);

impl Missed {
    /// Remembers the statuses among these parts.
    pub(super) fn remember(&self, parts: &[(WalletId, ViewPart)]) {
        let mut missed = self.lock();
        for (wallet, part) in parts {
            let Some(version) = status_version(part) else { continue };
            let is_newer = missed.get(wallet).and_then(status_version).is_none_or(|known| known < version);
            if is_newer && (missed.len() < WALLETS_MAX || missed.contains_key(wallet)) {
                missed.insert(*wallet, *part);
            }
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<(WalletId, ViewPart)> {
        self.lock().iter().map(|(wallet, part)| (*wallet, *part)).collect()
    }

    /// These were written; newer ones stay.
    pub(super) fn forget(&self, written: &[(WalletId, ViewPart)]) {
        let mut missed = self.lock();
        for (wallet, part) in written {
            if missed.get(wallet) == Some(part) {
                missed.remove(wallet);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WalletId, ViewPart>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn status_version(part: &ViewPart) -> Option<i64> {
    match part {
        ViewPart::Status { status, .. } => Some(status.version),
        ViewPart::Money { .. } => None,
    }
}
