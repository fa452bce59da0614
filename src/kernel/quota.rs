//! A quota: the maximum number of events in a length of time.

use std::{num::NonZeroU32, str::FromStr, time::Duration};

/// A maximum number in each period; the period slides with the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub count: NonZeroU32,
    pub period: Period,
}

/// The length of time that a quota counts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Second,
    Minute,
    Hour,
}

/// The text is no quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidQuota;

impl Quota {
    /// The largest count.
    pub const COUNT_MAX: u32 = 1_000_000;

    /// A quota of this count, from 1 to [`Self::COUNT_MAX`].
    #[must_use]
    pub const fn try_new(count: u32, period: Period) -> Option<Self> {
        match NonZeroU32::new(count) {
            Some(count) if count.get() <= Self::COUNT_MAX => Some(Self { count, period }),
            _ => None,
        }
    }
}

impl Period {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_secs(60),
            Self::Hour => Duration::from_secs(3_600),
        }
    }
}

/// `<count>/s`, `<count>/m` or `<count>/h`.
impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let (count, unit) = text.split_once('/').ok_or(InvalidQuota)?;
        let period = match unit {
            "s" => Period::Second,
            "m" => Period::Minute,
            "h" => Period::Hour,
            _ => return Err(InvalidQuota),
        };
        // FromStr of a number accepts a plus sign too, which is refused here.
        let count = count.bytes().all(|b| b.is_ascii_digit()).then(|| count.parse().ok()).flatten();
        count.and_then(|count| Self::try_new(count, period)).ok_or(InvalidQuota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_count_and_a_unit() {
        for (text, count, seconds) in [("1/s", 1, 1), ("60/m", 60, 60), ("1000000/h", 1_000_000, 3_600)] {
            let quota: Quota = text.parse().unwrap();
            assert_eq!((quota.count.get(), quota.period.duration().as_secs()), (count, seconds), "{text}");
        }
        for text in
            ["", "60", "/m", "0/m", "60/", "60/d", "60/min", "+6/m", "-6/m", " 6/m", "6 /m", "1000001/h"]
        {
            assert_eq!(text.parse::<Quota>(), Err(InvalidQuota), "{text}");
        }
    }
}
