//! What becomes of an operation beside its decision: its preview, and what proves its batch.

use super::*;
use crate::ledger::outcome::StatusReceipt;

#[test]
fn a_preview_shows_the_balance_as_it_would_be_at_the_version_that_the_wallet_has() {
    let mut sender = wallet(1, Status::Enabled, 100);
    sender.version = 7;
    let all = || book([sender.clone(), wallet(2, Status::Enabled, 0)]);
    let previewed = all().preview(&operation(1, 1, transfer(2, 60, 2, 1)), at(1));
    let balance = BalanceAfter { currency: sender.currency, buckets: Buckets::available(38), version: 7 };
    let preview = Preview { occurred_at: at(1), amount: 60, fee: 2, due_at: None, balance };
    assert_eq!(previewed, Ok(Ok(Done::Preview(preview))));
    let short = Refusal::InsufficientFunds { available: 100, required: 101 };
    assert_eq!(all().preview(&operation(1, 1, withdraw(101, 1)), at(1)), Ok(Err(short)));
}

#[test]
fn a_batch_is_proved_by_an_entry_else_by_a_status_change_else_by_a_key() {
    let proof = |operations: &[Operation]| {
        let mut book = book([wallet(1, Status::Enabled, 5)]);
        for operation in operations {
            book.apply(operation, at(1)).unwrap();
        }
        let changes = book.into_changes();
        (changes.proof(), changes)
    };
    let (refused, off, paid) = (
        with_key(operation(1, 1, transfer(9, 1, 0, 1)), "k", 1),
        operation(2, 1, disable()),
        operation(3, 1, deposit(1, 1)),
    );
    let (by_entry, changes) = proof(&[refused.clone(), paid, off.clone()]);
    let Entry { wallet, version, hash, .. } = changes.entries[0].clone();
    assert_eq!(by_entry, Some(Proof::Entry { wallet, version, hash }));
    assert_eq!(proof(&[refused.clone(), off.clone()]).0, Some(Proof::StatusChange(off.id)));
    let name = refused.key.clone().map(|key| key.name).unwrap();
    assert_eq!(proof(std::slice::from_ref(&refused)).0, Some(Proof::Key { name, operation: refused.id }));
    assert_eq!(proof(&[Operation { key: None, ..refused }]).0, None, "nothing is written");
}

#[test]
fn a_frozen_wallet_keeps_its_status_and_its_money_and_is_as_before_when_it_is_unfrozen() {
    let reason = || "a test".to_owned();
    for status in [Status::Enabled, Status::Disabled] {
        let mut book = book([wallet(1, status, 5)]);
        let receipts: Vec<StatusReceipt> =
            [Action::Freeze { reason: reason() }, Action::Unfreeze { reason: reason() }]
                .into_iter()
                .zip(1..)
                .map(|(action, id)| match decide(&mut book, &operation(id, 1, action), at(1)) {
                    Ok(Done::Status(receipt)) => receipt,
                    other => panic!("{other:?}"),
                })
                .collect();
        let shown = receipts.iter().map(|r| (r.status, r.frozen, r.status_version, r.balance.buckets));
        let money = Buckets::available(5);
        assert_eq!(shown.collect::<Vec<_>>(), [(status, true, 1, money), (status, false, 2, money)]);
        let changes = book.into_changes();
        assert!(changes.entries.is_empty() && changes.wallets.is_empty());
        let written: Vec<_> =
            changes.status_changes.iter().map(|c| (c.status, c.frozen, c.reason.clone())).collect();
        assert_eq!(written, [(status, true, Some(reason())), (status, false, Some(reason()))]);
    }
}

#[test]
fn an_adjustment_goes_either_way_whatever_the_status_and_says_who_made_it_and_why() {
    let mut locked = wallet(1, Status::Disabled, 5);
    locked.frozen_at = Some(at(0));
    let mut book = book([locked]);
    decide(&mut book, &operation(1, 1, adjust(7, true, 1)), at(1)).unwrap();
    decide(&mut book, &operation(2, 1, adjust(12, false, 2)), at(1)).unwrap();
    let changes = book.into_changes();
    let entries: Vec<_> =
        changes.entries.iter().map(|e| (e.kind, e.delta.available, e.after.available)).collect();
    assert_eq!(entries, [(Kind::Adjustment, 7, 12), (Kind::Adjustment, -12, 0)]);
    let notes: Vec<_> = changes.adjustments.iter().map(|n| (n.actor.as_str(), n.reason.as_str())).collect();
    assert_eq!(notes, [("service:a test", "a test"); 2]);
    assert!(changes.transactions.iter().all(|t| t.amount > 0 && t.kind == Kind::Adjustment));
}
