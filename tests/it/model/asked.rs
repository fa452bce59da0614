//! What clients asked, and what they were told.

use std::time::Instant;

use uuid::Uuid;

use super::operation::Operation;
use crate::support::customer::Answer;

/// One request, sent once or again and again.
#[derive(Clone, Debug)]
pub struct Asked {
    pub operation: Operation,
    /// The recipient as the request names it.
    pub recipient: Option<Uuid>,
    /// The account that a payout is for.
    pub account: Option<&'static str>,
    pub key: Option<String>,
    /// The key came with another request before.
    pub reuses_a_key: bool,
    /// The reference came with another amount, or for another hold, before; no two requests have all in common.
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
