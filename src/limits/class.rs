//! The classes of limited requests.

use crate::kernel::quota::Quota;

/// A class of requests that has a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Requests that the books refuse, by wallet.
    Refusals,
    /// Credentials that fail, by source.
    Failures,
    /// Requests to move money, by wallet.
    Moves,
    /// Wallets opened without a service key, by source.
    Inits,
}

/// The quota of each class; none: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    pub refusals: Option<Quota>,
    pub failures: Option<Quota>,
    pub moves: Option<Quota>,
    pub inits: Option<Quota>,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Refusals, Self::Failures, Self::Moves, Self::Inits];

    /// Its name, in Redis' keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refusals => "refusals",
            Self::Failures => "failures",
            Self::Moves => "moves",
            Self::Inits => "inits",
        }
    }
}

impl Quotas {
    /// The quota of a class.
    #[must_use]
    pub const fn of(&self, class: Class) -> Option<Quota> {
        match class {
            Class::Refusals => self.refusals,
            Class::Failures => self.failures,
            Class::Moves => self.moves,
            Class::Inits => self.inits,
        }
    }
}
