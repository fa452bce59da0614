//! The bank of the run: what it does with each account, and that each payout has ended as its account says.

use std::collections::HashMap;

use uuid::Uuid;
use wallet::simulated_bank::SimulatedBank;

use super::{books::History, operation::Kind};
use crate::support::{
    bank::{ORDINARY, agrees},
    database::TestDatabase,
};

/// Accounts, each with how a payout to it ends; a reversal follows a settlement. docs/bank-api.md says how the bank is
/// slow, forgetful, or answers twice on the way.
pub const ACCOUNTS: [(&str, Kind); 11] = [
    (ORDINARY, Kind::PayoutSettled),
    ("0532019001", Kind::PayoutSettled),
    ("0532019002", Kind::PayoutReturned),
    ("0532019012", Kind::PayoutReturned),
    ("0532019015", Kind::PayoutReturned),
    ("0532019021", Kind::PayoutSettled),
    ("0532019022", Kind::PayoutSettled),
    ("0532019023", Kind::PayoutSettled),
    ("0532019024", Kind::PayoutSettled),
    ("0532019025", Kind::PayoutSettled),
    ("0532019031", Kind::PayoutReversal),
];

/// The bank has paid what the books say that it has, and each payout has ended as its account says.
pub async fn has_paid(history: &History, bank: &SimulatedBank, db: &TestDatabase) {
    agrees(bank, db).await;
    let at_the_bank: HashMap<Uuid, _> = bank.entries().into_iter().map(|entry| (entry.id, entry)).collect();
    for (id, item) in history.waiting.all().filter(|(_, item)| item.kind == Kind::Payout) {
        let Some(entry) = at_the_bank.get(id) else { panic!("the bank was never asked to pay {id}") };
        let of_it = ACCOUNTS.iter().find(|(account, _)| account.ends_with(&entry.account_last4));
        let (account, expected) = of_it.expect("an account of ours");
        let last = item.reversal.or(item.end.map(|(step, _)| step)).expect("an end");
        assert_eq!(history.steps[last].operation.kind, *expected, "payout {id} to {account}");
    }
}
