//! What the relays of this process have to say to an operator.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::ledger::log::Log;

/// Shared by the relays of this process and `/health`, which is degraded while [`RelayState::notes`] has any.
#[derive(Debug, Default)]
pub struct RelayState {
    late_rows: AtomicU64,
    /// By the log's name: why nothing is published.
    blocked: Mutex<BTreeMap<&'static str, String>>,
}

impl RelayState {
    /// How many rows were published late. More than zero is a defect of the barrier: a wallet's messages came out of order.
    #[must_use]
    pub fn late_rows(&self) -> u64 {
        self.late_rows.load(Ordering::Relaxed)
    }

    /// A sentence for each trouble that an operator has to look into.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let blocked =
            self.lock().iter().map(|(log, why)| format!("{log} are not published: {why}")).collect();
        let late = self.late_rows();
        let mut notes: Vec<String> = blocked;
        if late > 0 {
            notes.push(format!("{late} rows were published late: compare books and topic"));
        }
        notes
    }

    pub(super) fn add_late_rows(&self, rows: u64) {
        self.late_rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(super) fn block(&self, log: Log, why: String) {
        self.lock().insert(log.name(), why);
    }

    pub(super) fn unblock(&self, log: Log) {
        self.lock().remove(log.name());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
