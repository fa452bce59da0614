//! A wallet as the ledger sees it under its row lock.

use serde::{Deserialize, Serialize};

use crate::kernel::{clock::Timestamp, currency::Currency, ids::WalletId};

/// Whether a wallet may be used. Frozen stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Disabled,
    Enabled,
}

impl Status {
    /// The stored number.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Status::Disabled => 0,
            Status::Enabled => 1,
        }
    }

    /// The status with this stored number.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Status::Disabled),
            1 => Some(Status::Enabled),
            _ => None,
        }
    }

    /// The word in answers and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Status::Disabled => "disabled",
            Status::Enabled => "enabled",
        }
    }
}

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

/// One row of `wallets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletState {
    pub id: WalletId,
    pub currency: Currency,
    pub status: Status,
    pub frozen_at: Option<Timestamp>,
    /// The number of the last status change; 0 before the first.
    pub status_version: i64,
    pub enabled_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub buckets: Buckets,
    /// The number of the last entry; 0 before the first.
    pub version: i64,
    /// The hash of the last entry; zeros before the first.
    pub head_hash: [u8; 32],
    pub last_entry_at: Option<Timestamp>,
}
