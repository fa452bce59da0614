//! The wallet or the source whose requests are counted.

use std::fmt;

use super::source::Source;
use crate::kernel::ids::WalletId;

/// A wallet or a source: each class counts one kind of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Wallet(WalletId),
    Source(Source),
}

impl From<WalletId> for Subject {
    fn from(wallet: WalletId) -> Self {
        Self::Wallet(wallet)
    }
}

impl From<Source> for Subject {
    fn from(source: Source) -> Self {
        Self::Source(source)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(wallet) => wallet.fmt(f),
            Self::Source(source) => source.fmt(f),
        }
    }
}
