//! The advisory locks of the books, over all processes: one class of numbers, so that no two mean the same by accident. Each
//! database has its own.

/// An advisory lock of Postgres, by its class and its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvisoryLock {
    pub class: i32,
    pub object: i32,
}

const fn lock(object: i32) -> AdvisoryLock {
    AdvisoryLock { class: 7201, object }
}

/// Shared by each batch from before its first position to its end; the log's barrier looks at who holds it.
pub const LOG: AdvisoryLock = lock(1);
/// Held by the relay of the entries.
pub const RELAY_OF_ENTRIES: AdvisoryLock = lock(2);
/// Held by the relay of the status changes.
pub const RELAY_OF_STATUS_CHANGES: AdvisoryLock = lock(3);
/// Held by the follower of the largest transfers.
pub const TOP_TRANSFERS: AdvisoryLock = lock(4);

/// Held by the worker that books what is due.
pub const DUE: AdvisoryLock = lock(5);

/// [`LOG`] as the arguments of one of Postgres' functions, for a statement that is put together at compile time.
macro_rules! log_lock {
    () => {
        "7201, 1"
    };
}

pub(super) use log_lock;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_logs_lock_is_its_numbers() {
        assert_eq!(log_lock!(), format!("{}, {}", LOG.class, LOG.object));
    }
}
