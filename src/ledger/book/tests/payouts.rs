//! Payouts: money that is reserved for a bank, and how that ends: once.

use super::*;
use crate::{
    kernel::bank_account::{AccountName, AccountNumber, BankAccount, BankCode},
    ledger::{
        operation::{EndPayout, PayoutEnding, RequestPayout},
        payout::PayoutState,
    },
};

const PAYOUT: OperationId = OperationId(Uuid::from_u128(700));
const CLOSED: PayoutFailure = PayoutFailure::AccountClosed;
const BLOCKED: PayoutFailure = PayoutFailure::AccountBlocked;

pub(super) fn pay_out(amount: i64, reference: u128) -> Action {
    let account = BankAccount {
        bank_code: BankCode::try_new("044").unwrap(),
        number: AccountNumber::try_new("0532013000").unwrap(),
        holder: AccountName::try_new("Ada Obi").unwrap(),
    };
    let (amount, reference) = (Amount::try_new(amount).unwrap(), ReferenceId(Uuid::from_u128(reference)));
    Action::RequestPayout(RequestPayout { amount, account, reference })
}

pub(super) fn end_of(payout: OperationId, end: PayoutEnding) -> Action {
    Action::EndPayout(EndPayout { payout, end, reason: None })
}

/// Wallet 1 with 50 available and a payout of 100, which ended like this.
fn paying(closed: Option<Kind>, is_reversed: bool) -> Book {
    let mut wallet = wallet(1, Status::Enabled, 50);
    wallet.buckets.held = if closed.is_none() { 100 } else { 0 };
    let payout = PayoutState { transaction: PAYOUT, wallet: wallet.id, amount: 100, closed, is_reversed };
    Book::new(PriorState { wallets: vec![wallet], payouts: vec![payout], ..PriorState::default() })
}

fn end(book: &mut Book, id: u128, end: PayoutEnding) -> Decision {
    decide(book, &operation(id, 1, end_of(PAYOUT, end)), at(1))
}

fn buckets(available: i64, held: i64) -> Buckets {
    Buckets { available, held, unreleased: 0 }
}

#[test]
fn a_payout_holds_what_can_be_spent() {
    let mut book = book([wallet(1, Status::Enabled, 100), wallet(2, Status::Disabled, 100)]);
    let first = receipt(decide(&mut book, &operation(1, 1, pay_out(60, 1)), at(1)));
    assert_eq!((first.balance.buckets, first.amount, first.fee), (buckets(40, 60), 60, 0));
    let short = Refusal::InsufficientFunds { available: 40, required: 41 };
    assert_eq!(decide(&mut book, &operation(2, 1, pay_out(41, 2)), at(1)), Err(short));
    let again = decide(&mut book, &operation(3, 1, pay_out(1, 1)), at(1));
    assert_eq!(again, Err(Refusal::DuplicateReference { transaction_id: first.id }));
    assert_eq!(decide(&mut book, &operation(4, 2, pay_out(1, 1)), at(1)), Err(Refusal::WalletDisabled));
    let changes = book.into_changes();
    assert_eq!(changes.requested_payouts.len(), 1, "one is refused, one was there");
    assert_eq!((changes.requested_payouts[0].version, changes.requested_payouts[0].amount), (1, 60));
    assert!(changes.payout_changes.is_empty() && changes.steps.is_empty());
}

#[test]
fn a_payout_ends_once_whatever_the_status_of_its_wallet() {
    for (ending, left, kind, failure) in [
        (PayoutEnding::Settled, buckets(50, 0), Kind::PayoutSettled, None),
        (PayoutEnding::Returned(CLOSED), buckets(150, 0), Kind::PayoutReturned, Some(CLOSED)),
    ] {
        let mut book = paying(None, false);
        decide(&mut book, &operation(1, 1, Action::Freeze { reason: "a test".to_owned() }), at(1)).unwrap();
        decide(&mut book, &operation(2, 1, disable()), at(1)).unwrap();
        let receipt = receipt(end(&mut book, 3, ending));
        assert_eq!((receipt.id, receipt.balance.buckets), (PAYOUT, left));
        let ended = if failure.is_none() { Refusal::PayoutSettled } else { Refusal::PayoutReturned };
        for again in [PayoutEnding::Settled, PayoutEnding::Returned(BLOCKED)] {
            assert_eq!(end(&mut book, 4, again), Err(ended.clone()));
        }
        let changes = book.into_changes();
        let [step] = &changes.steps[..] else { panic!("{:?}", changes.steps) };
        assert_eq!((step.kind, step.amount, step.number), (kind, 100, 2));
        let [change] = &changes.payout_changes[..] else { panic!("{:?}", changes.payout_changes) };
        assert_eq!((change.closed_by, change.reversed_by, change.failure), (Some(step.id), None, failure));
    }
}

#[test]
fn a_settled_payout_comes_back_once_as_a_transaction_of_its_own() {
    assert_eq!(end(&mut paying(None, false), 1, PayoutEnding::Bounced(CLOSED)), Err(Refusal::PayoutPending));
    let returned = &mut paying(Some(Kind::PayoutReturned), false);
    assert_eq!(end(returned, 1, PayoutEnding::Bounced(CLOSED)), Err(Refusal::PayoutReturned));
    let reversed = &mut paying(Some(Kind::PayoutSettled), true);
    for again in [PayoutEnding::Bounced(CLOSED), PayoutEnding::Settled] {
        assert_eq!(end(reversed, 1, again), Err(Refusal::PayoutReversed));
    }
    // Settled and sent back within one batch.
    let mut book = paying(None, false);
    end(&mut book, 1, PayoutEnding::Settled).unwrap();
    let back = receipt(end(&mut book, 2, PayoutEnding::Bounced(BLOCKED)));
    assert_eq!((back.id.0.as_u128(), back.balance.buckets), (2, buckets(150, 0)));
    assert_eq!(end(&mut book, 3, PayoutEnding::Bounced(BLOCKED)), Err(Refusal::PayoutReversed));
    let changes = book.into_changes();
    let [change] = &changes.payout_changes[..] else { panic!("{:?}", changes.payout_changes) };
    assert_eq!(change.closed_by.map(|id| id.0.as_u128()), Some(1));
    assert_eq!(change.reversed_by.map(|id| id.0.as_u128()), Some(2));
    assert_eq!(change.failure, Some(BLOCKED));
    assert_eq!(changes.transactions[0].kind, Kind::WithdrawalReversal);
}

#[test]
fn what_comes_back_may_be_too_much_for_the_wallet() {
    let mut full = wallet(1, Status::Enabled, MAX_MINOR_UNITS - 99);
    full.version = 1;
    let closed = Some(Kind::PayoutSettled);
    let payout =
        PayoutState { transaction: PAYOUT, wallet: full.id, amount: 100, closed, is_reversed: false };
    let mut book =
        Book::new(PriorState { wallets: vec![full], payouts: vec![payout], ..PriorState::default() });
    assert_eq!(end(&mut book, 1, PayoutEnding::Bounced(CLOSED)), Err(Refusal::BalanceLimit));
}

#[test]
fn a_payout_of_another_wallet_does_not_exist() {
    let payout = PayoutState {
        transaction: PAYOUT,
        wallet: wallet(2, Status::Enabled, 0).id,
        amount: 100,
        closed: None,
        is_reversed: false,
    };
    let wallets = vec![wallet(1, Status::Enabled, 50), wallet(2, Status::Enabled, 0)];
    let mut book = Book::new(PriorState { wallets, payouts: vec![payout], ..PriorState::default() });
    assert_eq!(end(&mut book, 1, PayoutEnding::Settled), Err(Refusal::PayoutNotFound));
}
