//! The parts of a balance.

use serde::{Deserialize, Serialize};

/// The three parts of a balance, in minor units, or a change of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// May be spent.
    pub available: i64,
    /// Reserved by a payout under way.
    pub held: i64,
    /// Deposited, spendable from a later moment.
    pub unreleased: i64,
}

impl Buckets {
    /// The three together. Each bucket and their sum are at most 2^53 − 1, so this cannot overflow.
    #[must_use]
    pub const fn total(self) -> i64 {
        self.available + self.held + self.unreleased
    }

    /// Only spendable money.
    #[must_use]
    pub const fn available(minor_units: i64) -> Self {
        Self { available: minor_units, held: 0, unreleased: 0 }
    }
}
