//! Statuses that could not be written. A status may not lag: they are written to a recovered Redis before any other
//! request.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{cache::ViewPart, kernel::ids::WalletId};

/// Maximum number of wallets that are held: the cache refresher updates the others a moment later.
const WALLETS_MAX: usize = 10_000;

/// The newest status of each wallet that this process could not write to Redis.
#[derive(Debug, Default)]
pub(super) struct UnsyncedStatuses(Mutex<HashMap<WalletId, ViewPart>>);

impl UnsyncedStatuses {
    /// Adds the statuses among these parts.
    pub(super) fn add(&self, parts: &[(WalletId, ViewPart)]) {
        let mut unsynced = self.lock();
        for (wallet, part) in parts {
            let Some(version) = status_version(part) else { continue };
            let is_newer = unsynced.get(wallet).and_then(status_version).is_none_or(|known| known < version);
            if is_newer && (unsynced.len() < WALLETS_MAX || unsynced.contains_key(wallet)) {
                unsynced.insert(*wallet, *part);
            }
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<(WalletId, ViewPart)> {
        self.lock().iter().map(|(wallet, part)| (*wallet, *part)).collect()
    }

    /// Removes those that were written; newer ones stay.
    pub(super) fn remove(&self, written: &[(WalletId, ViewPart)]) {
        let mut unsynced = self.lock();
        for (wallet, part) in written {
            if unsynced.get(wallet) == Some(part) {
                unsynced.remove(wallet);
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
