//! The rules of money, tried without a database.

use std::collections::HashMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::kernel::ids::ReferenceId;

fn wallet(number: u8, status: Status, available: i64) -> WalletState {
    WalletState {
        id: WalletId(Uuid::from_u128(u128::from(number))),
        currency: "USD".parse().unwrap(),
        status,
        frozen_at: None,
        status_version: 0,
        enabled_at: None,
        disabled_at: None,
        buckets: Buckets::available(available),
        version: 0,
        head_hash: [0; 32],
        last_entry_at: None,
    }
}

fn operation(id: u128, wallet: u8, action: Action) -> Operation {
    Operation {
        id: OperationId(Uuid::from_u128(id)),
        wallet: WalletId(Uuid::from_u128(u128::from(wallet))),
        action,
    }
}

fn deposit(amount: i64, reference: u128) -> Action {
    Action::Deposit {
        amount: Amount::try_new(amount).unwrap(),
        reference: ReferenceId(Uuid::from_u128(reference)),
    }
}

fn withdraw(amount: i64, reference: u128) -> Action {
    Action::Withdraw {
        amount: Amount::try_new(amount).unwrap(),
        reference: ReferenceId(Uuid::from_u128(reference)),
    }
}

fn enable() -> Action {
    Action::Enable { actor: "a test".to_owned() }
}

fn disable() -> Action {
    Action::Disable { actor: "a test".to_owned() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

/// Each line breaks its own rule and all that stand below it: the first that holds is the answer.
#[test]
fn refusals_come_in_their_documented_order() {
    let used = OperationId(Uuid::from_u128(99));
    let references = |kind| {
        let wallet = WalletId(Uuid::from_u128(1));
        [(ReferenceKey { wallet, kind, reference: ReferenceId(Uuid::from_u128(7)) }, used)]
    };
    let mut frozen_and_disabled = wallet(1, Status::Disabled, 5);
    frozen_and_disabled.frozen_at = Some(at(0));
    let mut frozen = wallet(1, Status::Enabled, 5);
    frozen.frozen_at = Some(at(0));
    let full = wallet(1, Status::Enabled, MAX_MINOR_UNITS);

    let known = Refusal::DuplicateReference { transaction_id: used };
    let short = Refusal::InsufficientFunds { available: 5, required: 6 };
    for (state, action, refusal) in [
        (None, withdraw(6, 7), Refusal::WalletNotFound),
        (Some(&frozen_and_disabled), withdraw(6, 7), known.clone()),
        (Some(&frozen_and_disabled), deposit(6, 7), known),
        (Some(&frozen_and_disabled), withdraw(6, 8), Refusal::WalletDisabled),
        (Some(&frozen), withdraw(6, 8), Refusal::WalletFrozen),
        (Some(&frozen), deposit(6, 8), Refusal::WalletFrozen),
        (Some(&wallet(1, Status::Enabled, 5)), withdraw(6, 8), short),
        (Some(&full), deposit(1, 8), Refusal::BalanceLimit),
        (Some(&frozen_and_disabled), disable(), Refusal::AlreadyDisabled),
        (Some(&frozen), enable(), Refusal::AlreadyEnabled),
    ] {
        let known = [references(Kind::Deposit), references(Kind::Withdrawal)].concat();
        let mut book = Book::new(state.cloned(), known);
        assert_eq!(book.apply(&operation(1, 1, action.clone()), at(1)), Err(refusal), "{action:?}");
    }
}

#[test]
fn a_withdrawal_refused_for_want_of_funds_is_kept_and_leaves_its_reference_free() {
    let mut book = Book::new([wallet(1, Status::Enabled, 5)], []);
    assert!(book.apply(&operation(1, 1, withdraw(6, 7)), at(1)).is_err());
    assert!(book.apply(&operation(2, 1, withdraw(5, 7)), at(1)).is_ok());
    let changes = book.into_changes();
    let statuses: Vec<_> = changes.transactions.iter().map(|t| (t.status, t.amount, t.version)).collect();
    assert_eq!(statuses, [(TransactionStatus::Refused, 6, 1), (TransactionStatus::Completed, 5, 2)]);
    assert_eq!(changes.entries[0].delta, Buckets::default());
    assert_eq!(changes.entries[0].after, Buckets::available(5));
}

#[test]
fn a_reference_is_known_to_later_operations_of_the_same_batch_for_each_kind() {
    let mut book = Book::new([wallet(1, Status::Enabled, 5)], []);
    let first = operation(1, 1, deposit(6, 7));
    assert!(book.apply(&first, at(1)).is_ok());
    let known = Refusal::DuplicateReference { transaction_id: first.id };
    assert_eq!(book.apply(&operation(2, 1, deposit(6, 7)), at(1)), Err(known));
    assert!(book.apply(&operation(3, 1, withdraw(6, 7)), at(1)).is_ok());
}

#[test]
fn a_balance_may_reach_its_limit_and_not_pass_it() {
    let mut book = Book::new([wallet(1, Status::Enabled, MAX_MINOR_UNITS - 1)], []);
    assert_eq!(book.apply(&operation(1, 1, deposit(2, 1)), at(1)), Err(Refusal::BalanceLimit));
    let receipt = book.apply(&operation(2, 1, deposit(1, 2)), at(1)).unwrap();
    assert_eq!(receipt.wallet.buckets.total(), MAX_MINOR_UNITS);
}

#[test]
fn no_entry_is_dated_before_the_one_it_follows() {
    let mut book = Book::new([wallet(1, Status::Enabled, 0)], []);
    book.apply(&operation(1, 1, deposit(1, 1)), at(9)).unwrap();
    let receipt = book.apply(&operation(2, 1, deposit(1, 2)), at(3)).unwrap();
    assert_eq!(receipt.occurred_at, at(9));
}

/// What a random client asks for: wallets 1 to 3, small amounts, few references, so that all outcomes occur.
fn any_operation() -> impl Strategy<Value = (u8, Action)> {
    let action = prop_oneof![
        4 => (1..50_i64, 0..40_u128).prop_map(|(amount, reference)| deposit(amount, reference)),
        4 => (1..80_i64, 0..40_u128).prop_map(|(amount, reference)| withdraw(amount, reference)),
        1 => Just(enable()),
        1 => Just(disable()),
    ];
    (1..=4_u8, action)
}

/// Wallets 1 to 3 exist; 4 does not.
fn three_wallets() -> Vec<WalletState> {
    (1..=3).map(|number| wallet(number, Status::Enabled, 0)).collect()
}

/// Applies a list in batches of `size`, each on the state that the one before it has left.
fn in_batches(operations: &[Operation], size: usize) -> (Vec<Decision>, Vec<Changes>, Vec<WalletState>) {
    let mut wallets: HashMap<WalletId, WalletState> =
        three_wallets().into_iter().map(|w| (w.id, w)).collect();
    let (mut references, mut decisions, mut all) = (HashMap::new(), Vec::new(), Vec::new());
    for batch in operations.chunks(size) {
        let mut book = Book::new(wallets.values().cloned(), references.clone());
        decisions.extend(batch.iter().map(|operation| book.apply(operation, at(1))));
        let changes = book.into_changes();
        for transaction in changes.transactions.iter().filter(|t| t.status == TransactionStatus::Completed) {
            let (wallet, kind) = (transaction.wallet, transaction.kind);
            references.insert(
                ReferenceKey { wallet, kind, reference: transaction.reference.unwrap() },
                transaction.id,
            );
        }
        for changed in changes.wallets.iter().chain(&changes.statuses) {
            wallets.insert(changed.after.id, changed.after.clone());
        }
        all.push(changes);
    }
    let mut wallets: Vec<_> = wallets.into_values().collect();
    wallets.sort_by_key(|wallet| wallet.id);
    (decisions, all, wallets)
}

proptest! {
    #[test]
    fn the_books_stay_whole_whatever_is_asked(asked in prop::collection::vec(any_operation(), 1..120)) {
        let operations: Vec<_> =
            asked.into_iter().zip(1..).map(|((wallet, action), id)| operation(id, wallet, action)).collect();
        let (decisions, batches, wallets) = in_batches(&operations, 16);
        for state in &wallets {
            let entries: Vec<_> =
                batches.iter().flat_map(|batch| &batch.entries).filter(|entry| entry.wallet == state.id).collect();
            let (mut balance, mut previous) = (0, [0; 32]);
            for (entry, version) in entries.iter().zip(1..) {
                balance += entry.delta.total();
                prop_assert_eq!(entry.version, version);
                prop_assert_eq!(entry.after.total(), balance);
                prop_assert!(entry.after.available >= 0 && entry.after.held >= 0 && entry.after.unreleased >= 0);
                prop_assert_eq!(entry.hash, entry.chained(&previous));
                previous = entry.hash;
            }
            prop_assert_eq!(state.buckets.total(), balance);
            prop_assert_eq!(state.head_hash, previous);
            prop_assert_eq!(usize::try_from(state.version).unwrap(), entries.len());
        }
        let kept = |decision: &&Decision| matches!(decision, Ok(_) | Err(Refusal::InsufficientFunds { .. }));
        let written: usize = batches.iter().map(|b| b.transactions.len() + b.status_changes.len()).sum();
        prop_assert_eq!(decisions.iter().filter(kept).count(), written);
    }

    #[test]
    fn a_batch_is_its_operations_one_after_another(asked in prop::collection::vec(any_operation(), 1..120)) {
        let operations: Vec<_> =
            asked.into_iter().zip(1..).map(|((wallet, action), id)| operation(id, wallet, action)).collect();
        let (alone, alone_changes, alone_wallets) = in_batches(&operations, 1);
        let (together, together_changes, together_wallets) = in_batches(&operations, 256);
        prop_assert_eq!(alone, together);
        prop_assert_eq!(alone_wallets, together_wallets);
        let entries = |all: &[Changes]| all.iter().flat_map(|c| c.entries.clone()).collect::<Vec<_>>();
        prop_assert_eq!(entries(&alone_changes), entries(&together_changes));
    }
}
