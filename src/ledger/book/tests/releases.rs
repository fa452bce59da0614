//! Deposits that wait: when their money may be spent, and that it is released once.

use chrono::TimeDelta;

use super::*;
use crate::ledger::{
    due_item::{DueItem, DueKind, WalletDue},
    entry::Step,
    outcome::Settled,
};

pub(super) fn waiting(amount: i64, reference: u128, release_at: Timestamp) -> Action {
    let Action::Deposit(at_once) = deposit(amount, reference) else { panic!("a deposit") };
    Action::Deposit(Deposit { release_at: Some(release_at), ..at_once })
}

/// A wallet with money that waits, and what of it was read as due.
fn with_due(available: i64, items: &[(i64, i64)], next: Option<i64>) -> Book {
    let mut wallet = wallet(1, Status::Enabled, available);
    wallet.buckets.unreleased = items.iter().map(|(amount, _)| amount).sum::<i64>() + 1_000;
    wallet.next_due_at = items.first().map(|(_, second)| at(*second));
    let items = items.iter().zip(901..).map(|((amount, second), id)| DueItem {
        kind: DueKind::Release,
        transaction: OperationId(Uuid::from_u128(id)),
        amount: *amount,
        due_at: at(*second),
        last_step: 1,
    });
    let due = WalletDue { wallet: wallet.id, items: items.collect(), next_due_at: next.map(at) };
    Book::new(PriorState { wallets: vec![wallet], due: vec![due], ..PriorState::default() })
}

#[test]
fn a_deposit_that_waits_counts_at_once_and_cannot_be_spent() {
    let mut book = book([wallet(1, Status::Enabled, 5)]);
    let receipt = receipt(decide(&mut book, &operation(1, 1, waiting(100, 1, at(60))), at(1)));
    assert_eq!((receipt.amount, receipt.due_at), (100, Some(at(60))));
    assert_eq!(receipt.balance.buckets, Buckets { available: 5, held: 0, unreleased: 100 });
    let short = Refusal::InsufficientFunds { available: 5, required: 6 };
    assert_eq!(decide(&mut book, &operation(2, 1, withdraw(6, 2)), at(1)), Err(short));
    // A later one does not put off the next moment.
    decide(&mut book, &operation(3, 1, waiting(1, 3, at(90))), at(1)).unwrap();
    let changes = book.into_changes();
    assert_eq!(changes.releases.len(), 2);
    assert_eq!(changes.wallets[0].after.next_due_at, Some(at(60)));
}

#[test]
fn a_release_lies_within_the_next_ten_years() {
    let ten_years = TimeDelta::days(3_653);
    let mut book = book([wallet(1, Status::Enabled, 0)]);
    for wrong in [at(0), at(1), at(1) + ten_years + TimeDelta::microseconds(1)] {
        let refused = decide(&mut book, &operation(1, 1, waiting(1, 1, wrong)), at(1));
        assert_eq!(refused, Err(Refusal::ReleaseOutOfRange), "{wrong}");
    }
    for (right, id) in [(at(1) + TimeDelta::microseconds(1), 2), (at(1) + ten_years, 3)] {
        decide(&mut book, &operation(id, 1, waiting(1, id, right)), at(1)).unwrap();
    }
}

#[test]
fn what_is_due_is_released_before_it_is_spent() {
    let mut book = with_due(10, &[(30, 1), (40, 2), (50, 3)], Some(70));
    let receipt = receipt(decide(&mut book, &operation(1, 1, withdraw(75, 1)), at(2)));
    assert_eq!(receipt.balance.buckets, Buckets { available: 5, held: 0, unreleased: 1_050 });
    let changes = book.into_changes();
    let entries: Vec<_> = changes.entries.iter().map(|e| (e.kind, e.version, e.delta.total())).collect();
    assert_eq!(entries, [(Kind::Release, 1, 0), (Kind::Release, 2, 0), (Kind::Withdrawal, 3, -75)]);
    let steps: Vec<_> = changes.steps.iter().map(|s| (s.number, s.amount, s.version)).collect();
    assert_eq!(steps, [(2, 30, 1), (2, 40, 2)]);
    let closed: Vec<_> = changes.closed_releases.iter().map(|c| c.by).collect();
    assert_eq!(closed, changes.steps.iter().map(|step| step.id).collect::<Vec<_>>());
    assert_eq!(changes.wallets[0].after.next_due_at, Some(at(3)));
}

#[test]
fn what_is_released_stays_so_when_the_operation_is_refused() {
    let mut book = with_due(0, &[(30, 1)], None);
    let short = Refusal::InsufficientFunds { available: 30, required: 31 };
    assert_eq!(decide(&mut book, &operation(1, 1, withdraw(31, 1)), at(2)), Err(short));
    let changes = book.into_changes();
    let kinds: Vec<_> = changes.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::Release, Kind::Withdrawal]);
    assert_eq!(changes.wallets[0].after.next_due_at, None);
}

#[test]
fn funds_are_never_insufficient_while_more_is_due() {
    let mut book = with_due(0, &[(30, 1)], Some(2));
    assert_eq!(book.apply(&operation(1, 1, withdraw(31, 1)), at(2)), Err(MoreDue));
    assert_eq!(book.apply(&operation(2, 1, transfer(2, 31, 0, 2)), at(2)), Err(MoreDue));
    // Enough for this one.
    decide(&mut book, &operation(3, 1, withdraw(30, 3)), at(2)).unwrap();
    let changes = book.into_changes();
    assert_eq!((changes.entries.len(), changes.transactions.len(), changes.keys.len()), (2, 1, 0));
    assert_eq!(changes.wallets[0].after.next_due_at, Some(at(2)));
}

#[test]
fn the_worker_releases_whatever_the_status_and_again_does_nothing() {
    let mut book = with_due(0, &[(30, 1), (40, 2)], Some(9));
    decide(&mut book, &operation(1, 1, disable()), at(2)).unwrap();
    let settle =
        |book: &mut Book| match decide(book, &operation(2, 1, Action::SettleDue { at_most: 500 }), at(2)) {
            Ok(Done::Settled(Settled { steps, is_more_due, .. })) => (steps, is_more_due),
            other => panic!("{other:?}"),
        };
    assert_eq!(settle(&mut book), (2, false));
    assert_eq!(settle(&mut book), (0, false));
    let changes = book.into_changes();
    assert_eq!((changes.steps.len(), changes.wallets[0].after.next_due_at), (2, Some(at(9))));
    assert_eq!(changes.wallets[0].after.buckets, Buckets { available: 70, held: 0, unreleased: 1_000 });
}

#[test]
fn a_preview_counts_what_is_due_and_books_nothing() {
    let previewed = with_due(0, &[(30, 1)], None).preview(&operation(1, 1, withdraw(30, 1)), at(2));
    let Ok(Ok(Done::Preview(preview))) = previewed else { panic!("{previewed:?}") };
    assert_eq!((preview.balance.buckets.available, preview.balance.version), (0, 0));
    let more = with_due(0, &[(30, 1)], Some(2)).preview(&operation(1, 1, withdraw(31, 1)), at(2));
    assert_eq!(more, Err(MoreDue));
}

#[test]
fn a_steps_id_follows_from_its_transaction_and_kind() {
    let id = |transaction| Step::derived_id(OperationId(Uuid::from_u128(transaction)), Kind::Release);
    assert_eq!(id(1), id(1));
    assert_ne!(id(1), id(2));
    assert_eq!(id(1).0.get_version_num(), 8);
}

#[test]
fn a_lost_batch_is_not_proved_by_what_another_batch_would_book_to_the_bit() {
    // The wallet's last entry lies in the future, so what is due is dated alike by every batch that meets it.
    let book = || {
        let mut book = with_due(50, &[(30, 1)], None);
        let wallet = book.batch.wallet(WalletId(Uuid::from_u128(1))).unwrap();
        wallet.last_entry_at = Some(at(90));
        book
    };
    let mut worker = book();
    decide(&mut worker, &operation(1, 1, Action::SettleDue { at_most: 1 }), at(2)).unwrap();
    let mut spender = book();
    decide(&mut spender, &operation(2, 1, withdraw(60, 1)), at(3)).unwrap();
    let (worker, spender) = (worker.into_changes(), spender.into_changes());
    assert_eq!(worker.entries[0], spender.entries[0]);
    assert_ne!(worker.proof(), spender.proof());
    assert!(matches!(spender.proof(), Some(Proof::Entry { version: 2, .. })));
}

#[test]
fn a_worker_books_no_more_than_it_says_and_a_spender_the_rest() {
    let mut book = with_due(0, &[(30, 1), (40, 2)], None);
    let done = decide(&mut book, &operation(1, 1, Action::SettleDue { at_most: 1 }), at(2));
    assert!(matches!(done, Ok(Done::Settled(Settled { steps: 1, is_more_due: true, .. }))), "{done:?}");
    decide(&mut book, &operation(2, 1, withdraw(70, 1)), at(2)).unwrap();
    assert_eq!(book.into_changes().wallets[0].after.next_due_at, None);
}
