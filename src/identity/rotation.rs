//! What becomes of a refresh token that is presented, pure (RFC 9700, section 4.14.2: a token that is used twice was stolen, from its
//! user or by him).

use chrono::TimeDelta;

use crate::kernel::clock::Timestamp;

/// How long the token before the present one is accepted: two tabs refresh at once, and an answer may be lost.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// A token that is known, and its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presented {
    /// The session has not ended.
    pub(super) is_open: bool,
    pub(super) session_expires_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// When it was exchanged for another one.
    pub(super) used_at: Option<Timestamp>,
    /// One that it was exchanged for was exchanged itself.
    pub(super) is_superseded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It is exchanged for another one.
    Granted,
    /// It is not accepted any more.
    Refused,
    /// It was used before: the session ends.
    Reused,
}

impl Presented {
    pub(super) fn rotation(&self, now: Timestamp) -> Rotation {
        if !self.is_open || now >= self.session_expires_at || now >= self.expires_at {
            return Rotation::Refused;
        }
        match self.used_at {
            None => Rotation::Granted,
            Some(at) if !self.is_superseded && now - at <= GRACE => Rotation::Granted,
            Some(_) => Rotation::Reused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_exchanged_once_and_its_direct_predecessor_for_ten_seconds_more() {
        let at = |seconds: i64| Timestamp::from_timestamp(1_000_000 + seconds, 0).unwrap();
        let fresh = Presented {
            is_open: true,
            session_expires_at: at(200),
            expires_at: at(100),
            used_at: None,
            is_superseded: false,
        };
        let used = Presented { used_at: Some(at(0)), ..fresh };
        for (presented, seconds, expected) in [
            (fresh, 0, Rotation::Granted),
            (fresh, 99, Rotation::Granted),
            (fresh, 100, Rotation::Refused),
            (Presented { expires_at: at(300), ..fresh }, 200, Rotation::Refused),
            (Presented { is_open: false, ..fresh }, 0, Rotation::Refused),
            (Presented { is_open: false, ..used }, 0, Rotation::Refused),
            (used, 0, Rotation::Granted),
            (used, 10, Rotation::Granted),
            (used, 11, Rotation::Reused),
            (Presented { is_superseded: true, ..used }, 1, Rotation::Reused),
        ] {
            assert_eq!(presented.rotation(at(seconds)), expected, "{presented:?} after {seconds} s");
        }
    }
}
