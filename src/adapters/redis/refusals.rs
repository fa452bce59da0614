//! What Redis refuses, said once with its reason: no rights, no memory, keys on another node.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use redis::RedisError;

/// The refusals since Redis last took a write.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// One for each code that was logged.
    standing: Mutex<Vec<(String, String)>>,
    /// Whether there are any; asked after every write.
    any: AtomicBool,
}

impl Refusals {
    /// Redis answered and did not do what it was asked.
    pub(super) fn note(&self, error: &RedisError) {
        let code = error.code().unwrap_or("no code").to_owned();
        let mut standing = self.lock();
        if standing.iter().any(|(known, _)| *known == code) {
            return;
        }
        tracing::error!(%error, "Redis refuses: balances are read from Postgres until it does not");
        standing.push((code, error.to_string()));
        self.any.store(true, Ordering::Relaxed);
    }

    /// Redis took a write.
    pub(super) fn written(&self) {
        if self.any.load(Ordering::Relaxed) && self.any.swap(false, Ordering::Relaxed) {
            self.lock().clear();
            tracing::info!("Redis takes writes again");
        }
    }

    /// What Redis refused since it last took a write; none: nothing.
    pub(super) fn reason(&self) -> Option<String> {
        self.lock().first().map(|(_, reason)| reason.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
