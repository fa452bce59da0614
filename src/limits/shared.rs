//! The port to the sums that all processes add to.

use async_trait::async_trait;
use shaku::Interface;
use thiserror::Error;

use super::{class::Class, subject::Subject};
use crate::kernel::quota::Period;

/// What one process adds to the sum of a subject in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    pub class: Class,
    pub subject: Subject,
    /// The window's number: whole periods since 1970.
    pub window: i64,
    pub period: Period,
    /// The number to add; 0: the sum is only read.
    pub count: u32,
    /// Whether the sum of the window before is read, too.
    pub with_previous: bool,
}

/// The counts of all processes for a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// In the delta's window, the delta included.
    pub current: u64,
    /// In the window before, if it was read.
    pub previous: Option<u64>,
}

/// Why counts could not be exchanged.
#[derive(Debug, Error)]
pub enum ShareError {
    /// None was added.
    #[error("the counts were not sent: {0}")]
    NotSent(String),
    /// Some may have been added, or all.
    #[error("whether the counts were added is not known: {0}")]
    OutcomeUnknown(String),
}

/// Sums that all processes can read.
#[async_trait]
pub trait SharedCounts: Interface {
    /// Adds the deltas; returns the sums, in the same order.
    async fn exchange(&self, deltas: &[Delta]) -> Result<Vec<Sums>, ShareError>;
}
