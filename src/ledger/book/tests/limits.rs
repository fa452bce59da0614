//! The limits of balances and amounts.

use super::*;

#[test]
fn a_balance_may_reach_its_limit_and_not_pass_it() {
    let mut book = book([wallet(1, Status::Enabled, MAX_MINOR_UNITS - 1)]);
    assert_eq!(decide(&mut book, &operation(1, 1, deposit(2, 1)), at(1)), Err(Refusal::BalanceLimit));
    let receipt = receipt(decide(&mut book, &operation(2, 1, deposit(1, 2)), at(1)));
    assert_eq!(receipt.balance.buckets.total(), MAX_MINOR_UNITS);
}

#[test]
fn the_largest_transfer_fits_into_the_fullest_receiver_and_neither_may_be_larger_by_one() {
    for (balance, amount, is_booked) in [
        (RECEIVER_MAX, TRANSFER_MAX, true),
        (RECEIVER_MAX + 1, TRANSFER_MAX, false),
        (RECEIVER_MAX, TRANSFER_MAX + 1, false),
        (RECEIVER_MAX + 1, 1, false),
        (0, TRANSFER_MAX + 1, false),
    ] {
        let (sender, receiver) =
            (wallet(1, Status::Enabled, MAX_MINOR_UNITS), wallet(2, Status::Enabled, balance));
        let mut book = book([sender, receiver]);
        let decided = decide(&mut book, &operation(1, 1, transfer(2, amount, 0, 1)), at(1));
        let expected = if is_booked { None } else { Some(Refusal::RecipientUnavailable) };
        assert_eq!(decided.err(), expected, "{balance} {amount}");
        for changed in book.into_changes().wallets {
            assert!(changed.after.buckets.total() <= MAX_MINOR_UNITS, "{changed:?}");
        }
    }
}
