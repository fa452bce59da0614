//! Keys: what a repeat gets, and which decisions are stored.

use chrono::TimeDelta;

use super::*;

#[test]
fn a_key_gets_its_first_answer_whatever_has_changed_since() {
    let mut book = book([wallet(1, Status::Enabled, 5), wallet(2, Status::Enabled, 0)]);
    let sent = with_key(operation(1, 1, transfer(2, 3, 0, 1)), "k", 1);
    let first = decide(&mut book, &sent, at(1));
    let refused = with_key(operation(2, 1, withdraw(9, 2)), "r", 1);
    let no = decide(&mut book, &refused, at(1));
    decide(&mut book, &operation(3, 2, disable()), at(1)).unwrap();
    decide(&mut book, &operation(4, 1, deposit(90, 3)), at(1)).unwrap();
    decide(&mut book, &operation(5, 1, disable()), at(1)).unwrap();
    let again = |id, asked: &Operation| Operation { id: OperationId(Uuid::from_u128(id)), ..asked.clone() };
    for (asked, answer) in [(&sent, &first), (&refused, &no)] {
        let outcome = book.apply(&again(6, asked), at(2)).unwrap();
        assert_eq!(outcome, Outcome { decision: answer.clone(), replayed: true });
    }
    let other = book.apply(&with_key(operation(7, 1, transfer(2, 3, 0, 1)), "k", 2), at(2)).unwrap();
    assert_eq!(other, Outcome { decision: Err(Refusal::KeyReused), replayed: false });

    let changes = book.into_changes();
    assert_eq!(changes.keys.len(), 2, "each key is kept once, and a reuse never");
    let [kept, kept_no] = &changes.keys[..] else { panic!() };
    assert_eq!((kept.operation, &kept.decision, kept.expires_at), (sent.id, &first, None));
    let day = at(1) + TimeDelta::hours(24);
    assert_eq!((kept_no.operation, &kept_no.decision, kept_no.expires_at), (refused.id, &no, Some(day)));
}

#[test]
fn a_status_change_is_remembered_with_its_key() {
    let mut book = book([wallet(1, Status::Disabled, 5)]);
    let first = decide(&mut book, &with_key(operation(1, 1, enable()), "k", 1), at(1));
    assert!(first.is_ok());
    let again = book.apply(&with_key(operation(2, 1, enable()), "k", 1), at(2)).unwrap();
    assert_eq!(again, Outcome { decision: first.clone(), replayed: true });
    let changes = book.into_changes();
    assert_eq!((&changes.keys[0].decision, changes.keys[0].expires_at), (&first, None));
}

#[test]
fn a_key_that_came_before_the_batch_is_looked_at_before_anything_else() {
    let name = KeyName { actor: "a test".to_owned(), key: "k".to_owned() };
    let decision = Err(Refusal::BalanceLimit);
    let stored = IdempotencyRecord { request_hash: [1; 32], decision: decision.clone() };
    let mut book = Book::new(PriorState { known_keys: vec![(name, stored)], ..PriorState::default() });
    let outcome = book.apply(&with_key(operation(1, 1, deposit(1, 1)), "k", 1), at(1)).unwrap();
    assert_eq!(outcome, Outcome { decision, replayed: true });
    assert!(book.into_changes().is_empty());
}

#[test]
fn a_refusal_that_is_not_to_be_stored_leaves_nothing_and_a_success_is_booked_as_ever() {
    let mut book = book([wallet(1, Status::Enabled, 5), wallet(2, Status::Disabled, 0)]);
    let not_stored = |operation: Operation| Operation { refusals: Refusals::NotStored, ..operation };
    let asked = [
        (withdraw(6, 1), Refusal::InsufficientFunds { available: 5, required: 6 }),
        (transfer(2, 6, 0, 1), Refusal::InsufficientFunds { available: 5, required: 6 }),
        (transfer(2, 5, 0, 1), Refusal::RecipientUnavailable),
        (enable(), Refusal::AlreadyEnabled),
    ];
    for (number, (action, refusal)) in (1..).zip(asked) {
        let asked = not_stored(with_key(operation(number, 1, action), "k", 1));
        assert_eq!(decide(&mut book, &asked, at(1)), Err(refusal));
    }
    let booked = not_stored(with_key(operation(9, 1, withdraw(5, 1)), "k", 1));
    assert_eq!(receipt(decide(&mut book, &booked, at(1))).balance.version, 1);
    let again = book.apply(&booked, at(1)).unwrap();
    assert!(again.replayed && again.decision.is_ok());
    let changes = book.into_changes();
    assert_eq!((changes.transactions.len(), changes.entries.len(), changes.keys.len()), (1, 1, 1));
    assert_eq!(changes.keys[0].operation, booked.id);
}

#[test]
fn a_stored_refusal_is_told_again_to_an_operation_whose_own_would_not_be_stored() {
    let mut book = book([wallet(1, Status::Enabled, 5)]);
    let first = decide(&mut book, &with_key(operation(1, 1, withdraw(6, 1)), "k", 1), at(1));
    let again = with_key(operation(2, 1, withdraw(6, 1)), "k", 1);
    let again = book.apply(&Operation { refusals: Refusals::NotStored, ..again }, at(1)).unwrap();
    assert_eq!(again, Outcome { decision: first, replayed: true });
}
