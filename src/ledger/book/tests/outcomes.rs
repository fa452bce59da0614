//! What becomes of an operation beside its decision: its preview, and what proves its batch.

use super::*;

#[test]
fn a_preview_shows_the_balance_as_it_would_be_at_the_version_that_the_wallet_has() {
    let mut sender = wallet(1, Status::Enabled, 100);
    sender.version = 7;
    let all = || book([sender.clone(), wallet(2, Status::Enabled, 0)]);
    let previewed = all().preview(&operation(1, 1, transfer(2, 60, 2, 1)), at(1));
    let balance = BalanceAfter { currency: sender.currency, buckets: Buckets::available(38), version: 7 };
    assert_eq!(previewed, Ok(Done::Preview(Preview { occurred_at: at(1), amount: 60, fee: 2, balance })));
    let short = Refusal::InsufficientFunds { available: 100, required: 101 };
    assert_eq!(all().preview(&operation(1, 1, withdraw(101, 1)), at(1)), Err(short));
}

#[test]
fn a_batch_is_proved_by_an_entry_else_by_a_status_change_else_by_a_key() {
    let proof = |operations: &[Operation]| {
        let mut book = book([wallet(1, Status::Enabled, 5)]);
        for operation in operations {
            book.apply(operation, at(1));
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
