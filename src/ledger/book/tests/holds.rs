//! Holds: money that is reserved, and how that ends: once.

use chrono::TimeDelta;

use super::*;
use crate::ledger::{
    due_item::{DueItem, DueKind, WalletDue},
    hold::{Hold, HoldState},
    operation::{Capture, PlaceHold},
};

const HOLD: u128 = 500;

fn id(number: u128) -> OperationId {
    OperationId(Uuid::from_u128(number))
}

pub(super) fn place(amount: i64, reference: u128, expires_at: Option<Timestamp>) -> Action {
    let (amount, reference) = (Amount::try_new(amount).unwrap(), ReferenceId(Uuid::from_u128(reference)));
    Action::Hold(PlaceHold { amount, reference, expires_at, note: None })
}

fn capture(amount: Option<i64>, to: Option<u8>, reference: u128) -> Action {
    capture_of(id(HOLD), amount, to, reference)
}

pub(super) fn capture_of(hold: OperationId, amount: Option<i64>, to: Option<u8>, reference: u128) -> Action {
    Action::Capture(Capture {
        hold,
        amount: amount.map(|amount| Amount::try_new(amount).unwrap()),
        to: to.map(|number| wallet(number, Status::Enabled, 0).id),
        fee_bps: 150,
        reference: ReferenceId(Uuid::from_u128(reference)),
    })
}

const fn void() -> Action {
    Action::Void { hold: OperationId(Uuid::from_u128(HOLD)) }
}

/// Wallet 1 with 50 available and a hold of 100 that expires at second 60; wallet 2 is empty, 3 is disabled.
fn held() -> PriorState {
    let mut holder = wallet(1, Status::Enabled, 50);
    holder.buckets.held = 100;
    holder.next_due_at = Some(at(60));
    let hold = Hold { transaction: id(HOLD), wallet: holder.id, amount: 100, expires_at: at(60) };
    PriorState {
        wallets: vec![holder, wallet(2, Status::Enabled, 0), wallet(3, Status::Disabled, 0)],
        holds: vec![HoldState { hold, closed: None }],
        ..PriorState::default()
    }
}

fn buckets(available: i64, held: i64) -> Buckets {
    Buckets { available, held, unreleased: 0 }
}

#[test]
fn a_hold_reserves_money_for_seven_days_or_as_long_as_it_says() {
    let mut book = book([wallet(1, Status::Enabled, 100)]);
    let first = receipt(decide(&mut book, &operation(1, 1, place(60, 1, None)), at(1)));
    assert_eq!((first.balance.buckets, first.due_at), (buckets(40, 60), Some(at(1) + TimeDelta::days(7))));
    let short = Refusal::InsufficientFunds { available: 40, required: 41 };
    assert_eq!(decide(&mut book, &operation(2, 1, place(41, 2, None)), at(1)), Err(short.clone()));
    assert_eq!(decide(&mut book, &operation(3, 1, withdraw(41, 3)), at(1)), Err(short));
    for wrong in [at(1), at(0), at(1) + TimeDelta::days(90) + TimeDelta::microseconds(1)] {
        let refused = decide(&mut book, &operation(4, 1, place(1, 4, Some(wrong))), at(1));
        assert_eq!(refused, Err(Refusal::ExpiryOutOfRange));
    }
    decide(&mut book, &operation(5, 1, place(1, 5, Some(at(30)))), at(1)).unwrap();
    let changes = book.into_changes();
    assert_eq!(changes.wallets[0].after.next_due_at, Some(at(30)));
    assert_eq!(changes.placed_holds.len(), 2);
}

#[test]
fn a_capture_takes_what_is_asked_and_gives_the_rest_back() {
    for (asked, to, amount, fee, left) in [
        (None, None, 100, 0, buckets(50, 0)),
        (Some(30), None, 30, 0, buckets(120, 0)),
        // With 1.5 %: 99 and 1.
        (None, Some(2), 99, 1, buckets(50, 0)),
        (Some(40), Some(2), 40, 1, buckets(109, 0)),
    ] {
        let mut book = Book::new(held());
        let receipt = receipt(decide(&mut book, &operation(1, 1, capture(asked, to, 1)), at(1)));
        assert_eq!((receipt.id, receipt.amount, receipt.fee), (id(HOLD), amount, fee));
        assert_eq!(receipt.balance.buckets, left);
        let changes = book.into_changes();
        let [step] = &changes.steps[..] else { panic!("{:?}", changes.steps) };
        assert_eq!((step.id, step.transaction, step.number), (id(1), id(HOLD), 2));
        let out = if to.is_some() { Kind::HoldCaptureOut } else { Kind::HoldCapture };
        assert_eq!((step.kind, step.amount, step.fee), (out, amount, fee));
        assert!(changes.transactions.is_empty());
        assert_eq!(changes.proof(), Some(Proof::Step(id(1))));
        assert_eq!((changes.closed_holds.len(), changes.closed_holds[0].by), (1, id(1)));
        let paid = changes.entries.iter().find(|entry| entry.kind == Kind::HoldCaptureIn);
        assert_eq!(paid.map(|entry| entry.after.available), to.map(|_| amount));
        assert_eq!(paid.map(|entry| (entry.wallet, entry.version)), step.other);
    }
}

#[test]
fn a_hold_ends_once_and_says_how() {
    for (ending, refusal) in [(capture(None, None, 1), Refusal::HoldCaptured), (void(), Refusal::HoldVoided)]
    {
        let mut book = Book::new(held());
        decide(&mut book, &operation(1, 1, ending), at(1)).unwrap();
        for again in [capture(Some(1), None, 2), void()] {
            assert_eq!(decide(&mut book, &operation(2, 1, again), at(1)), Err(refusal.clone()));
        }
        assert_eq!(book.into_changes().closed_holds.len(), 1);
    }
    let mut voided = Book::new(held());
    let receipt = receipt(decide(&mut voided, &operation(1, 1, void()), at(1)));
    assert_eq!((receipt.amount, receipt.balance.buckets), (100, buckets(150, 0)));
}

#[test]
fn a_hold_that_is_met_expired_is_booked_as_such() {
    for ending in [capture(None, None, 1), void()] {
        let mut book = Book::new(held());
        assert_eq!(decide(&mut book, &operation(1, 1, ending.clone()), at(60)), Err(Refusal::HoldExpired));
        assert_eq!(decide(&mut book, &operation(2, 1, ending), at(60)), Err(Refusal::HoldExpired));
        let changes = book.into_changes();
        let [step] = &changes.steps[..] else { panic!("{:?}", changes.steps) };
        assert_eq!((step.kind, step.amount, step.actor.as_str()), (Kind::HoldExpiry, 100, "worker:due"));
        assert_eq!(changes.wallets[0].after.buckets, buckets(150, 0));
    }
}

#[test]
fn an_expired_hold_is_spent_from_and_cannot_be_captured_after() {
    let prior = held();
    let item = DueItem {
        kind: DueKind::HoldExpiry,
        transaction: id(HOLD),
        amount: 100,
        due_at: at(60),
        last_step: 1,
    };
    let due = WalletDue { wallet: prior.wallets[0].id, items: vec![item], next_due_at: None };
    let mut book = Book::new(PriorState { due: vec![due], ..prior });
    let spent = receipt(decide(&mut book, &operation(1, 1, withdraw(150, 1)), at(61)));
    assert_eq!(spent.balance.buckets, buckets(0, 0));
    assert_eq!(
        decide(&mut book, &operation(2, 1, capture(None, None, 1)), at(61)),
        Err(Refusal::HoldExpired)
    );
    assert_eq!(book.into_changes().closed_holds.len(), 1);
}

#[test]
fn what_may_not_be_captured_is_refused_in_order_and_the_hold_stays_open() {
    let mut frozen = held();
    frozen.wallets[0].frozen_at = Some(at(0));
    let mut foreign = held();
    foreign.wallets[1].currency = "EUR".parse().unwrap();
    let exceeded = |required| Refusal::HoldExceeded { held: 100, required };
    for (prior, action, refusal) in [
        (&frozen, capture(Some(101), Some(1), 1), Refusal::WalletFrozen),
        (&held(), capture(Some(101), Some(1), 1), Refusal::SelfTransfer),
        (&held(), capture(Some(101), None, 1), exceeded(101)),
        (&held(), capture(Some(100), Some(3), 1), exceeded(102)),
        (&held(), capture(Some(1), Some(3), 1), Refusal::RecipientUnavailable),
        (&held(), capture(Some(1), Some(9), 1), Refusal::RecipientUnavailable),
        (&foreign, capture(Some(1), Some(2), 1), Refusal::CurrencyMismatch),
    ] {
        let mut book = Book::new(prior.clone());
        assert_eq!(decide(&mut book, &operation(1, 1, action), at(1)), Err(refusal));
        assert!(book.into_changes().is_empty());
    }
    // Another wallet's hold does not exist, and neither does one that was never placed.
    let mut book = Book::new(held());
    assert_eq!(decide(&mut book, &operation(1, 2, void()), at(1)), Err(Refusal::HoldNotFound));
    let unknown = operation(2, 1, Action::Void { hold: id(7) });
    assert_eq!(decide(&mut book, &unknown, at(1)), Err(Refusal::HoldNotFound));
}

#[test]
fn a_disabled_wallets_hold_is_captured_and_a_frozen_ones_voided() {
    let mut disabled = held();
    disabled.wallets[0].status = Status::Disabled;
    decide(&mut Book::new(disabled.clone()), &operation(1, 1, capture(None, None, 1)), at(1)).unwrap();
    disabled.wallets[0].frozen_at = Some(at(0));
    decide(&mut Book::new(disabled), &operation(1, 1, void()), at(1)).unwrap();
}

#[test]
fn a_captures_reference_names_its_hold() {
    let mut book = Book::new(held());
    decide(&mut book, &operation(1, 1, capture(Some(1), None, 1)), at(1)).unwrap();
    let again = decide(&mut book, &operation(2, 1, capture(Some(1), None, 1)), at(1));
    assert_eq!(again, Err(Refusal::DuplicateReference { transaction_id: id(HOLD) }));
}
