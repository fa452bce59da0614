//! Why a bank did not pay, in words of our own.

/// Why a payout failed, or came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutFailure {
    /// There is no such account.
    AccountNotFound,
    AccountClosed,
    AccountBlocked,
    /// The name is not the holder's.
    NameMismatch,
    /// Any other reason of the bank's.
    BankRejected,
    /// An operator gave the payout up.
    Cancelled,
}

impl PayoutFailure {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::AccountNotFound,
        Self::AccountClosed,
        Self::AccountBlocked,
        Self::NameMismatch,
        Self::BankRejected,
        Self::Cancelled,
    ];

    /// The word in answers and in the books.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AccountNotFound => "account_not_found",
            Self::AccountClosed => "account_closed",
            Self::AccountBlocked => "account_blocked",
            Self::NameMismatch => "name_mismatch",
            Self::BankRejected => "bank_rejected",
            Self::Cancelled => "cancelled",
        }
    }

    /// The reason with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.word() == word)
    }
}
