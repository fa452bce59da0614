//! What clients asked, and what they were told.

use std::time::Instant;

use uuid::Uuid;

use crate::support::customer::Answer;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Deposit,
    Withdrawal,
    Transfer,
    Enable,
    Disable,
}

impl Kind {
    pub fn is_money(self) -> bool {
        !matches!(self, Kind::Enable | Kind::Disable)
    }

    /// The word in paths and answers.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Deposit => "deposit",
            Kind::Withdrawal => "withdrawal",
            Kind::Transfer => "transfer",
            Kind::Enable | Kind::Disable => "wallet",
        }
    }
}

/// One request, sent once or again and again.
#[derive(Clone, Debug)]
pub struct Asked {
    pub wallet: Uuid,
    pub kind: Kind,
    pub amount: i64,
    pub reference: Uuid,
    /// The recipient as the request names it, and the wallet that this stands for; none: nobody's.
    pub to: Option<(Uuid, Option<Uuid>)>,
    pub key: Option<String>,
    /// The key came with another request before.
    pub reuses_a_key: bool,
    /// The reference came with another amount before; no two requests have both in common.
    pub repeats_a_reference: bool,
    pub attempts: Vec<Attempt>,
}

#[derive(Clone, Debug)]
pub struct Attempt {
    pub sent: Instant,
    /// When an answer was there that decides, and what it was. None: the client hung up, the server died, or it said
    /// that it does not know.
    pub answer: Option<(Instant, Answer)>,
}

impl Asked {
    pub fn sent(&self) -> Instant {
        self.attempts.iter().map(|attempt| attempt.sent).min().expect("an attempt")
    }

    pub fn answers(&self) -> impl Iterator<Item = &(Instant, Answer)> {
        self.attempts.iter().filter_map(|attempt| attempt.answer.as_ref())
    }

    /// When it was first known to be decided.
    pub fn answered(&self) -> Option<Instant> {
        self.answers().map(|(at, _)| *at).min()
    }

    /// How many attempts nobody heard the end of.
    pub fn lost(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.answer.is_none()).count()
    }
}
