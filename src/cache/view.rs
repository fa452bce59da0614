//! The balance view, from which `GET /wallet` is answered, in two parts that change independently.

use crate::kernel::{
    clock::Timestamp,
    currency::Currency,
    ids::{CustomerXid, WalletId},
};

/// A wallet's money, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyView {
    pub available: i64,
    pub held: i64,
    pub unreleased: i64,
    /// When some of what is unreleased is released next.
    pub next_release: NextRelease,
    /// The number of the wallet's last entry; 0 before the first.
    pub version: i64,
}

/// When money of a wallet is released next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRelease {
    /// Nothing is unreleased.
    Never,
    At(Timestamp),
    /// Something is unreleased; its moment is in the books.
    Unknown,
}

impl NextRelease {
    /// The moment, where it is known.
    #[must_use]
    pub const fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Never | Self::Unknown => None,
        }
    }
}

impl MoneyView {
    /// The sum of all buckets.
    #[must_use]
    pub const fn balance(&self) -> i64 {
        self.available + self.held + self.unreleased
    }
}

/// Whether a wallet may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusView {
    pub enabled: bool,
    pub frozen: bool,
    /// When the wallet was last enabled; none if it never was, or if it is disabled and the time is not known.
    pub enabled_at: Option<Timestamp>,
    /// When the wallet was last disabled; none if it never was, or if it is enabled and the time is not known.
    pub disabled_at: Option<Timestamp>,
    /// The number of the wallet's last status change; 0 before the first.
    pub version: i64,
}

/// Both parts, and the fields that never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletView {
    pub id: WalletId,
    pub owner: CustomerXid,
    pub currency: Currency,
    pub money: MoneyView,
    pub status: StatusView,
}

/// A part of a view that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewPart {
    Money { owner: CustomerXid, currency: Currency, money: MoneyView },
    Status { owner: CustomerXid, status: StatusView },
}
