//! Money: whole minor units (cents) in 64 bits, checked, never a float.

use thiserror::Error;

/// The largest amount and the largest balance, in minor units: 2^53 − 1, the largest integer that a JavaScript
/// number holds exactly (ECMA-262, `Number.MAX_SAFE_INTEGER`).
pub const MAX_MINOR_UNITS: i64 = 9_007_199_254_740_991;

/// A positive amount in minor units, 1 to [`MAX_MINOR_UNITS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// The number is not a valid amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an amount is an integer from 1 to {MAX_MINOR_UNITS}")]
pub struct NotAnAmount;

impl Amount {
    /// An amount of this number of minor units.
    pub fn try_new(minor_units: i64) -> Result<Self, NotAnAmount> {
        if (1..=MAX_MINOR_UNITS).contains(&minor_units) { Ok(Self(minor_units)) } else { Err(NotAnAmount) }
    }

    /// The number of minor units.
    #[must_use]
    pub fn minor_units(self) -> i64 {
        self.0
    }

    /// `bps` basis points (hundredths of a per cent) of the amount, rounded half up to the minor unit, in minor units.
    /// At no more than 10,000 basis points it is no more than the amount.
    #[must_use]
    pub fn fee(self, bps: u32) -> i64 {
        // In 128 bits the product cannot overflow.
        let exact = i128::from(self.0) * i128::from(bps);
        i64::try_from((exact + 5_000) / 10_000).unwrap_or(i64::MAX)
    }
}

/// The largest amount that `minor_units` cover together with its fee of `bps` basis points; none: not even 1.
#[must_use]
pub fn largest_covered(minor_units: i64, bps: u32) -> Option<Amount> {
    // The fee is rounded, so the exact quotient may be one too small or too large.
    let quotient = i128::from(minor_units) * 10_000 / (10_000 + i128::from(bps));
    let highest = i64::try_from(quotient + 1).ok()?.min(minor_units);
    let covered = |amount: &Amount| {
        amount.minor_units().checked_add(amount.fee(bps)).is_some_and(|sum| sum <= minor_units)
    };
    (highest - 2..=highest).rev().filter_map(|amount| Amount::try_new(amount).ok()).find(covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_half_up_to_the_minor_unit() {
        let fee = |minor_units, bps| Amount::try_new(minor_units).unwrap().fee(bps);
        for (minor_units, bps, expected) in [
            (1, 150, 0),
            (33, 150, 0),  // 0.495
            (34, 150, 1),  // 0.51
            (100, 150, 2), // 1.5
            (99, 150, 1),  // 1.485
            (1_000, 150, 15),
            (10_000, 150, 150),
            (1, 4_999, 0),
            (1, 5_000, 1), // 0.5
            (3, 5_000, 2), // 1.5
            (7, 0, 0),
            (7, 10_000, 7),
            (MAX_MINOR_UNITS, 150, 135_107_988_821_115), // 135,107,988,821,114.865
            (MAX_MINOR_UNITS, 10_000, MAX_MINOR_UNITS),
        ] {
            assert_eq!(fee(minor_units, bps), expected, "{minor_units} at {bps} basis points");
        }
    }

    #[test]
    fn the_largest_covered_amount_cannot_be_one_more() {
        assert_eq!(largest_covered(100, 150), Amount::try_new(99).ok());
        assert_eq!(largest_covered(0, 150), None);
        assert_eq!(largest_covered(1, 10_000), None);
        for bps in [0, 1, 150, 3_333, 4_999, 5_000, 9_999, 10_000] {
            for held in (1..2_000).chain([MAX_MINOR_UNITS - 1, MAX_MINOR_UNITS]) {
                let required = |amount: Amount| amount.minor_units() + amount.fee(bps);
                let covered = largest_covered(held, bps);
                assert!(covered.is_none_or(|amount| required(amount) <= held), "{held} at {bps}");
                let more = Amount::try_new(covered.map_or(1, |amount| amount.minor_units() + 1));
                assert!(more.is_err() || more.is_ok_and(|more| required(more) > held), "{held} at {bps}");
            }
        }
    }

    #[test]
    fn an_amount_is_positive_and_exact_in_javascript() {
        assert_eq!(Amount::try_new(0), Err(NotAnAmount));
        assert_eq!(Amount::try_new(-1), Err(NotAnAmount));
        assert_eq!(Amount::try_new(i64::MAX), Err(NotAnAmount));
        assert_eq!(Amount::try_new(MAX_MINOR_UNITS + 1), Err(NotAnAmount));
        assert_eq!(Amount::try_new(1).unwrap().minor_units(), 1);
        assert_eq!(Amount::try_new(MAX_MINOR_UNITS).unwrap().minor_units(), MAX_MINOR_UNITS);
    }
}
