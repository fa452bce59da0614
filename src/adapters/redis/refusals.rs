//! Commands that Redis refuses, logged once for each reason: no rights, no memory, keys on another node.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use redis::RedisError;

/// The refusals since Redis last accepted a write.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Code and message of each refusal that was logged.
    logged: Mutex<Vec<(String, String)>>,
    /// Whether there are any; read after every write.
    any: AtomicBool,
}

impl Refusals {
    /// Notes and logs a refused command.
    pub(super) fn note(&self, error: &RedisError) {
        let code = error.code().unwrap_or("no code").to_owned();
        let mut logged = self.lock();
        if logged.iter().any(|(known, _)| *known == code) {
            return;
        }
        tracing::error!(%error, "Redis refuses: balances are read from Postgres until it does not");
        logged.push((code, error.to_string()));
        self.any.store(true, Ordering::Relaxed);
    }

    /// Notes that Redis accepted a write.
    pub(super) fn written(&self) {
        if self.any.load(Ordering::Relaxed) && self.any.swap(false, Ordering::Relaxed) {
            self.lock().clear();
            tracing::info!("Redis takes writes again");
        }
    }

    /// The message of the first refusal since Redis last accepted a write.
    pub(super) fn reason(&self) -> Option<String> {
        self.lock().first().map(|(_, reason)| reason.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
