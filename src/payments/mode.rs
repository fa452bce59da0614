//! Booking or dry run.

use crate::{accounts::Booking, kernel::actor::Actor, ledger::Refusals};

/// How an order is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    Book(Booking),
    /// Only says what would happen. Nothing is stored.
    DryRun(Actor),
}

impl Mode {
    /// Whether a refusal is stored; none for a dry run.
    #[must_use]
    pub const fn refusals(&self) -> Option<Refusals> {
        match self {
            Self::Book(booking) => Some(booking.refusals),
            Self::DryRun(_) => None,
        }
    }
}
