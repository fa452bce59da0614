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
    /// Money is reserved.
    Hold,
    /// Reserved money went out; what was not captured may be spent again.
    HoldCapture,
    /// Reserved money went to another wallet.
    HoldCaptureOut,
    /// Its entry in that wallet.
    HoldCaptureIn,
    /// Reserved money may be spent again, because the service gave it up.
    HoldVoid,
    /// Reserved money may be spent again, because its time is over.
    HoldExpiry,
    /// Money is reserved for a bank.
    Payout,
    /// The bank has paid: reserved money went out.
    PayoutSettled,
    /// The bank does not pay: reserved money may be spent again.
    PayoutReturned,
    /// Money that went out came back.
    WithdrawalReversal,
    /// A correction by the back office, either way.
    Adjustment,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 16] = [
        Kind::Deposit,
        Kind::Withdrawal,
        Kind::TransferOut,
        Kind::TransferIn,
        Kind::Release,
        Kind::Hold,
        Kind::HoldCapture,
        Kind::HoldCaptureOut,
        Kind::HoldCaptureIn,
        Kind::HoldVoid,
        Kind::HoldExpiry,
        Kind::Payout,
        Kind::PayoutSettled,
        Kind::PayoutReturned,
        Kind::WithdrawalReversal,
        Kind::Adjustment,
    ];

    /// The kinds of entries under which a wallet's list shows a transaction.
    pub const FIRST: [Kind; 9] = [
        Kind::Deposit,
        Kind::Withdrawal,
        Kind::TransferOut,
        Kind::TransferIn,
        Kind::HoldCaptureIn,
        Kind::Hold,
        Kind::Payout,
        Kind::WithdrawalReversal,
        Kind::Adjustment,
    ];

    /// The stored number.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Kind::Deposit => 1,
            Kind::Withdrawal => 2,
            Kind::TransferOut => 3,
            Kind::TransferIn => 4,
            Kind::Release => 5,
            Kind::Hold => 6,
            Kind::HoldCapture => 7,
            Kind::HoldCaptureOut => 8,
            Kind::HoldCaptureIn => 9,
            Kind::HoldVoid => 10,
            Kind::HoldExpiry => 11,
            Kind::Payout => 12,
            Kind::PayoutSettled => 13,
            Kind::PayoutReturned => 14,
            Kind::WithdrawalReversal => 16,
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
            Kind::TransferIn | Kind::HoldCaptureIn => "transfer_in",
            Kind::Release => "release",
            Kind::Hold | Kind::HoldCapture | Kind::HoldCaptureOut | Kind::HoldVoid | Kind::HoldExpiry => {
                "hold"
            }
            Kind::Payout | Kind::PayoutSettled | Kind::PayoutReturned => "payout",
            Kind::WithdrawalReversal => "reversal",
            Kind::Adjustment => "adjustment",
        }
    }

    /// The words under which lists show transactions, each once.
    #[must_use]
    pub fn listed_words() -> Vec<&'static str> {
        let mut words = Self::FIRST.map(Self::word).to_vec();
        words.dedup();
        words
    }

    /// The kinds of entries that lists show under this word.
    #[must_use]
    pub fn listed_as(word: &str) -> Vec<Self> {
        Self::FIRST.into_iter().filter(|kind| kind.word() == word).collect()
    }

    /// What an entry of this kind did to its transaction, as messages and answers name it.
    #[must_use]
    pub const fn step(self) -> &'static str {
        match self {
            Kind::Deposit | Kind::Withdrawal | Kind::TransferOut | Kind::TransferIn | Kind::Adjustment => {
                "booked"
            }
            Kind::Release => "released",
            Kind::Hold | Kind::Payout => "held",
            Kind::HoldCapture | Kind::HoldCaptureOut | Kind::HoldCaptureIn => "captured",
            Kind::HoldVoid => "voided",
            Kind::HoldExpiry => "expired",
            Kind::PayoutSettled => "settled",
            Kind::PayoutReturned => "returned",
            Kind::WithdrawalReversal => "reversed",
        }
    }
}
