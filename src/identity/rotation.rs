//! What becomes of a refresh token that is presented, pure. A token that is replayed may have been stolen (RFC 9700, section 4.14.2).

use chrono::TimeDelta;

use crate::kernel::clock::Timestamp;

/// How long the token before the present one is accepted: two tabs refresh at once, and an answer may be lost.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// Maximum number of a session's tokens in a minute: two tabs that refresh a 15-minute token need two in a quarter of an hour.
const TOKENS_MAX: i64 = 30;

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
    /// The number of tokens that the session got in the last minute.
    pub(super) recent: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It is exchanged for another one.
    Granted,
    /// It is not accepted any more.
    Refused,
    /// It is replayed: the session ends.
    Replayed,
    /// The session has got too many tokens lately.
    TooMany,
}

impl Presented {
    pub(super) fn rotation(&self, now: Timestamp) -> Rotation {
        if !self.is_open || now >= self.session_expires_at || now >= self.expires_at {
            return Rotation::Refused;
        }
        match self.used_at {
            Some(at) if self.is_superseded || now - at > GRACE => Rotation::Replayed,
            _ if self.recent >= TOKENS_MAX => Rotation::TooMany,
            _ => Rotation::Granted,
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
            recent: 29,
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
            (used, 11, Rotation::Replayed),
            (Presented { is_superseded: true, ..used }, 1, Rotation::Replayed),
            (Presented { recent: 30, ..fresh }, 1, Rotation::TooMany),
            (Presented { recent: 30, ..used }, 1, Rotation::TooMany),
            (Presented { recent: 30, ..used }, 11, Rotation::Replayed),
        ] {
            assert_eq!(presented.rotation(at(seconds)), expected, "{presented:?} after {seconds} s");
        }
    }
}
