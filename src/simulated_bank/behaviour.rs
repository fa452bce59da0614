//! What the bank does with a payment.

use std::time::Duration;

use super::payment::Status;

/// From the submission of a payment to its settlement or late rejection.
const SETTLEMENT_DELAY: Duration = Duration::from_secs(1);
/// From the settlement of a payment to its return.
const BOUNCE_DELAY: Duration = Duration::from_secs(2);
/// The number of submissions that fail before one is taken.
const FAILURES: u32 = 3;

/// What becomes of a payment to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Paid at once.
    Settle,
    /// Pending, and paid later.
    SettleLater,
    /// Pending, and not paid later, for this reason.
    RejectLater(&'static str),
    /// Not paid, for this reason.
    Reject(&'static str),
    /// Paid at once, and answered late.
    Stall,
    /// Paid at once, and the connection is closed without an answer.
    LoseAnswer,
    /// Paid at once; a callback precedes the answer, and comes again after it.
    AnswerTwice,
    /// The first submissions are answered with 500 and do nothing.
    FailFirst,
    /// The first submission is answered as pending and not stored; the next one pays.
    ForgetFirst,
    /// Paid at once, and sent back later, for this reason.
    Bounce(&'static str),
}

/// The last four digits of an account's number, and what they ask for; all others settle.
pub const ENDINGS: [(&str, Behaviour); 13] = [
    ("9001", Behaviour::SettleLater),
    ("9002", Behaviour::RejectLater("account_closed")),
    ("9011", Behaviour::Reject("account_not_found")),
    ("9012", Behaviour::Reject("account_closed")),
    ("9013", Behaviour::Reject("account_blocked")),
    ("9014", Behaviour::Reject("name_mismatch")),
    ("9015", Behaviour::Reject("limit_exceeded")),
    ("9021", Behaviour::Stall),
    ("9022", Behaviour::LoseAnswer),
    ("9023", Behaviour::AnswerTwice),
    ("9024", Behaviour::FailFirst),
    ("9025", Behaviour::ForgetFirst),
    ("9031", Behaviour::Bounce("account_closed")),
];

/// A change that a payment makes by itself, after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowUp {
    pub after: Duration,
    pub from: Status,
    pub to: Status,
    pub reason: Option<&'static str>,
}

impl Behaviour {
    /// What the end of an account's number asks for.
    pub fn of(last4: &str) -> Self {
        ENDINGS.iter().find(|(ending, _)| *ending == last4).map_or(Self::Settle, |(_, behaviour)| *behaviour)
    }

    /// The status of a payment, and its reason, after this many submissions of which none was taken before.
    pub fn take(self, submissions: u32) -> (Status, Option<&'static str>) {
        match self {
            Self::SettleLater | Self::RejectLater(_) => (Status::Pending, None),
            Self::Reject(reason) => (Status::Rejected, Some(reason)),
            Self::FailFirst if submissions <= FAILURES => (Status::Unknown, None),
            Self::ForgetFirst if submissions <= 1 => (Status::Unknown, None),
            _ => (Status::Settled, None),
        }
    }

    /// What happens by itself afterwards.
    pub fn follow_up(self) -> Option<FollowUp> {
        let (after, from, to, reason) = match self {
            Self::SettleLater => (SETTLEMENT_DELAY, Status::Pending, Status::Settled, None),
            Self::RejectLater(reason) => (SETTLEMENT_DELAY, Status::Pending, Status::Rejected, Some(reason)),
            Self::Bounce(reason) => (BOUNCE_DELAY, Status::Settled, Status::Bounced, Some(reason)),
            _ => return None,
        };
        Some(FollowUp { after, from, to, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bank_account::AccountNumber;

    #[test]
    fn the_document_has_every_ending_with_a_number_that_the_wallet_takes() {
        let document = include_str!("../../docs/bank-api.md");
        let rows: Vec<Vec<&str>> = document
            .lines()
            .filter(|line| line.starts_with("| `9"))
            .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
            .collect();
        let documented: Vec<&str> = rows.iter().map(|row| row[1]).collect();
        assert_eq!(documented, ENDINGS.map(|(ending, _)| ending));
        for row in rows {
            assert!(row[2].ends_with(row[1]), "{row:?}");
            assert!(AccountNumber::try_new(row[2]).is_some_and(|number| number.last4() == row[1]), "{row:?}");
        }
    }

    #[test]
    fn an_ordinary_number_settles() {
        for last4 in ["3000", "0001", "9000", "9", ""] {
            assert_eq!(Behaviour::of(last4), Behaviour::Settle, "{last4}");
        }
    }
}
