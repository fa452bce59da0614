//! The limits of all classes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;

use super::{
    class::{Class, Quotas},
    shared::{Delta, Sums},
    subject::Subject,
    windows::Windows,
};
use crate::kernel::clock::Clock;

/// The quotas and their counts, in memory.
pub struct Limits {
    /// For the classes that have a quota.
    windows: HashMap<Class, Mutex<Windows>>,
    clock: Arc<dyn Clock>,
}

/// A quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the quota of {} is used up for {retry_after} s", class.as_str())]
pub struct Exhausted {
    pub class: Class,
    /// The time until the next one is allowed, if none is counted until then: in whole seconds, rounded up, at least 1.
    pub retry_after: u64,
}

impl Limits {
    /// Limits without counts.
    #[must_use]
    pub fn new(quotas: &Quotas, clock: Arc<dyn Clock>) -> Self {
        let of = |class| Some((class, Mutex::new(Windows::new(class, quotas.of(class)?))));
        Self { windows: Class::ALL.into_iter().filter_map(of).collect(), clock }
    }

    /// Whether one more is allowed. It is not counted.
    pub fn check(&self, class: Class, subject: impl Into<Subject>) -> Result<(), Exhausted> {
        let Some(mut windows) = self.windows(class) else { return Ok(()) };
        let wait = windows.wait(subject.into(), self.clock.now());
        verdict(class, wait)
    }

    /// Counts one.
    pub fn count(&self, class: Class, subject: impl Into<Subject>) {
        if let Some(mut windows) = self.windows(class) {
            windows.count(subject.into(), self.clock.now());
        }
    }

    /// Counts one more if it is allowed. A refused one does not count, so that a client that waits for `retry_after` is
    /// allowed, however often it has tried before.
    pub fn admit(&self, class: Class, subject: impl Into<Subject>) -> Result<(), Exhausted> {
        let Some(mut windows) = self.windows(class) else { return Ok(()) };
        let (subject, now) = (subject.into(), self.clock.now());
        verdict(class, windows.wait(subject, now))?;
        windows.count(subject, now);
        Ok(())
    }

    /// Takes at most `max` changed counts of a class, to exchange them with the other processes.
    pub(super) fn take_changed(&self, class: Class, max: usize) -> Vec<Delta> {
        self.windows(class).map(|mut windows| windows.take_changed(max, self.clock.now())).unwrap_or_default()
    }

    /// Takes over the sums of all processes.
    pub(super) fn learn(&self, delta: &Delta, sums: &Sums) {
        if let Some(mut windows) = self.windows(delta.class) {
            windows.learn(delta, sums);
        }
    }

    pub(super) fn was_sent(&self, delta: &Delta) {
        if let Some(mut windows) = self.windows(delta.class) {
            windows.was_sent(delta);
        }
    }

    pub(super) fn was_not_sent(&self, delta: &Delta) {
        if let Some(mut windows) = self.windows(delta.class) {
            windows.was_not_sent(delta);
        }
    }

    fn windows(&self, class: Class) -> Option<MutexGuard<'_, Windows>> {
        self.windows.get(&class).map(|windows| windows.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn verdict(class: Class, wait: u64) -> Result<(), Exhausted> {
    if wait == 0 { Ok(()) } else { Err(Exhausted { class, retry_after: wait.div_ceil(1_000) }) }
}
