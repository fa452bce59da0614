//! The kinds of transactions and of their entries.

/// The kind of a transaction and of its entries, as stored (`smallint`) and as hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Deposit,
    Withdrawal,
    /// A transfer, and its entry on the sender's side.
    TransferOut,
    /// Its entry on the receiver's side.
    TransferIn,
    /// Deposited money may be spent from now on.
    Release,
    /// A correction by the back office, either way.
    Adjustment,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] = [
        Kind::Deposit,
        Kind::Withdrawal,
        Kind::TransferOut,
        Kind::TransferIn,
        Kind::Release,
        Kind::Adjustment,
    ];

    /// The kinds of a transaction's first entries, under which lists show it.
    pub const FIRST: [Kind; 5] =
        [Kind::Deposit, Kind::Withdrawal, Kind::TransferOut, Kind::TransferIn, Kind::Adjustment];

    /// The stored number.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Kind::Deposit => 1,
            Kind::Withdrawal => 2,
            Kind::TransferOut => 3,
            Kind::TransferIn => 4,
            Kind::Release => 5,
            Kind::Adjustment => 19,
        }
    }

    /// The kind with this stored number.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The word in answers, filters and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Deposit => "deposit",
            Kind::Withdrawal => "withdrawal",
            Kind::TransferOut => "transfer_out",
            Kind::TransferIn => "transfer_in",
            Kind::Release => "release",
            Kind::Adjustment => "adjustment",
        }
    }

    /// What an entry of this kind did to its transaction, as messages and answers name it.
    #[must_use]
    pub const fn step(self) -> &'static str {
        match self {
            Kind::Deposit | Kind::Withdrawal | Kind::TransferOut | Kind::TransferIn | Kind::Adjustment => {
                "booked"
            }
            Kind::Release => "released",
        }
    }
}
