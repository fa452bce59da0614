//! What holds whatever is asked, tried with random operations.

use proptest::prelude::*;

use super::{
    holds::{capture_of, place},
    payouts::{end_of, pay_out},
    releases::waiting,
    *,
};
use crate::ledger::{
    due_item::{DueItem, DueKind, WalletDue},
    hold::{Hold, HoldState},
    operation::PayoutEnding,
    payout::PayoutState,
    release::Release,
};

/// What a random client asks for: wallets 1 to 3, small amounts, few references and keys, so that all outcomes occur.
fn any_operation() -> impl Strategy<Value = (u8, Action, Option<(u8, u8)>)> {
    let action = prop_oneof![
        4 => (1..50_i64, 0..40_u128).prop_map(|(amount, reference)| deposit(amount, reference)),
        4 => (1..80_i64, 0..40_u128).prop_map(|(amount, reference)| withdraw(amount, reference)),
        6 => (0..=4_u8, 1..60_i64, 0..3_i64, 0..40_u128)
            .prop_map(|(to, amount, fee, reference)| transfer(to, amount, fee, reference)),
        1 => (1..60_i64, any::<bool>(), 0..40_u128)
            .prop_map(|(amount, is_credit, reference)| adjust(amount, is_credit, reference)),
        2 => (1..50_i64, 0..40_u128).prop_map(|(amount, reference)| waiting(amount, reference, at(9))),
        2 => Just(Action::SettleDue { at_most: 500 }),
        2 => (1..50_i64, 0..40_u128).prop_map(|(amount, reference)| place(amount, reference, Some(at(9)))),
        3 => (0..6_usize, prop::option::of(1..70_i64), prop::option::of(1..=4_u8), 0..40_u128).prop_map(
            |(hold, amount, to, reference)| capture_of(open_holds()[hold].hold.transaction, amount, to, reference)),
        1 => (0..6_usize).prop_map(|hold| Action::Void { hold: open_holds()[hold].hold.transaction }),
        2 => (1..50_i64, 0..40_u128).prop_map(|(amount, reference)| pay_out(amount, reference)),
        3 => (0..3_usize, prop::sample::select(ENDINGS.to_vec()))
            .prop_map(|(payout, end)| end_of(open_payouts()[payout].transaction, end)),
        1 => Just(enable()),
        1 => Just(disable()),
        1 => Just(Action::Freeze { reason: "a test".to_owned() }),
        2 => Just(Action::Unfreeze { reason: "a test".to_owned() }),
    ];
    (1..=4_u8, action, prop::option::weighted(0.3, (0..20_u8, 0..2_u8)))
}

fn any_operations() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(any_operation(), 1..120).prop_map(|asked| {
        let numbered = asked.into_iter().zip(1..);
        numbered
            .map(|((wallet, action, key), id)| {
                let operation = operation(id, wallet, action);
                match key {
                    Some((key, request)) => with_key(operation, &key.to_string(), request),
                    None => operation,
                }
            })
            .collect()
    })
}

/// Wallets 1 to 3 exist; 4 does not. Each has [`UNRELEASED`] from deposits before, and [`HELD`].
fn three_wallets() -> Vec<WalletState> {
    let unreleased = |number| {
        let mut wallet = wallet(number, Status::Enabled, 0);
        wallet.buckets.unreleased = UNRELEASED;
        wallet.buckets.held = HELD;
        wallet.next_due_at = Some(at(0));
        wallet
    };
    (1..=3).map(unreleased).collect()
}

const UNRELEASED: i64 = 60;
/// For two holds and a payout.
const HELD: i64 = 100 + PAID_OUT;
const PAID_OUT: i64 = 25;

const ENDINGS: [PayoutEnding; 3] = [
    PayoutEnding::Settled,
    PayoutEnding::Returned(PayoutFailure::AccountClosed),
    PayoutEnding::Bounced(PayoutFailure::AccountClosed),
];

/// The open payouts of the three wallets, one of each.
fn open_payouts() -> Vec<PayoutState> {
    let of = |wallet: &WalletState| {
        let transaction = OperationId(Uuid::from_u128(wallet.id.0.as_u128() * 1_000 + 300_000));
        PayoutState { transaction, wallet: wallet.id, amount: PAID_OUT, closed: None, is_reversed: false }
    };
    three_wallets().iter().map(of).collect()
}

/// The open holds of the three wallets: one of each has expired at second 1.
fn open_holds() -> Vec<HoldState> {
    let of = |wallet: &WalletState| {
        let wallet = wallet.id;
        [(40, 1), (60, 5)].map(|(amount, second): (i64, i64)| {
            let number = wallet.0.as_u128() * 1_000 + 200_000 + u128::from(second.unsigned_abs());
            let transaction = OperationId(Uuid::from_u128(number));
            HoldState { hold: Hold { transaction, wallet, amount, expires_at: at(second) }, closed: None }
        })
    };
    three_wallets().iter().flat_map(of).collect()
}

fn expiry(hold: &Hold) -> (WalletId, DueItem) {
    let Hold { transaction, wallet, amount, expires_at } = *hold;
    (wallet, DueItem { kind: DueKind::HoldExpiry, transaction, amount, due_at: expires_at, last_step: 1 })
}

/// The open releases of the three wallets: two of each are due at second 1.
fn open_releases() -> Vec<(WalletId, DueItem)> {
    let of = |wallet: &WalletState| {
        let id = wallet.id;
        [(10, 0), (20, 1), (30, 5)].map(|(amount, second): (i64, i64)| {
            let transaction = OperationId(Uuid::from_u128(
                id.0.as_u128() * 1_000 + 100_000 + u128::from(second.unsigned_abs()),
            ));
            (id, DueItem { kind: DueKind::Release, transaction, amount, due_at: at(second), last_step: 1 })
        })
    };
    three_wallets().iter().flat_map(of).collect()
}

/// What is due at second 1, as the loop reads it.
fn due(open: &[(WalletId, DueItem)], wallets: impl Iterator<Item = WalletState>) -> Vec<WalletDue> {
    let met = wallets.filter(|wallet| wallet.next_due_at.is_some_and(|next| next <= at(1)));
    met.map(|wallet| {
        let own = open.iter().filter(|(owner, _)| *owner == wallet.id).map(|(_, item)| *item);
        let (mut items, later): (Vec<DueItem>, Vec<DueItem>) = own.partition(|item| item.due_at <= at(1));
        items.sort_by_key(|item| (item.due_at, item.transaction.0));
        WalletDue { wallet: wallet.id, items, next_due_at: later.iter().map(|item| item.due_at).min() }
    })
    .collect()
}

/// Applies a list in batches of `size`, each on the state that the one before it has left.
fn in_batches(operations: &[Operation], size: usize) -> (Vec<Outcome>, Vec<Changes>, Vec<WalletState>) {
    let mut wallets: HashMap<WalletId, WalletState> =
        three_wallets().into_iter().map(|w| (w.id, w)).collect();
    let (mut references, mut keys) = (HashMap::new(), HashMap::new());
    let (mut holds, mut payouts) = (open_holds(), open_payouts());
    let mut open = open_releases();
    open.extend(holds.iter().map(|state| expiry(&state.hold)));
    let (mut outcomes, mut all) = (Vec::new(), Vec::new());
    for batch in operations.chunks(size) {
        let mut book = Book::new(PriorState {
            wallets: wallets.values().cloned().collect(),
            used_references: references.clone().into_iter().collect(),
            known_keys: keys.clone().into_iter().collect(),
            holds: holds.clone(),
            payouts: payouts.clone(),
            due: due(&open, wallets.values().cloned()),
        });
        let decided: Vec<_> = batch.iter().map(|operation| book.apply(operation, at(1)).unwrap()).collect();
        let changes = book.into_changes();
        for transaction in changes.transactions.iter().filter(|t| t.status == TransactionStatus::Completed) {
            let (wallet, kind) = (transaction.wallet, transaction.kind);
            // Only a reversal has none.
            assert_eq!(transaction.reference.is_none(), kind == Kind::WithdrawalReversal);
            if let Some(reference) = transaction.reference {
                references.insert(ReferenceKey { wallet, kind, reference }, transaction.id);
            }
        }
        for AnsweredKey { key, operation, .. } in &changes.keys {
            let first = batch.iter().position(|asked| asked.id == *operation).unwrap();
            let remembered = IdempotencyRecord {
                request_hash: key.request_hash,
                decision: decided[first].decision.clone(),
            };
            assert!(keys.insert(key.name.clone(), remembered).is_none(), "a key was answered twice");
        }
        for step in &changes.steps {
            if let Some(reference) = step.reference {
                let key = ReferenceKey { wallet: step.wallet, kind: Kind::HoldCapture, reference };
                references.insert(key, step.transaction);
            }
            if let Some(ended) = holds.iter_mut().find(|state| state.hold.transaction == step.transaction) {
                assert_eq!(ended.closed.replace(step.kind), None, "a hold ended twice");
            }
        }
        for change in &changes.payout_changes {
            let state = payouts.iter_mut().find(|state| state.transaction == change.transaction).unwrap();
            if let Some(step) = change.closed_by {
                let kind = changes.steps.iter().find(|found| found.id == step).unwrap().kind;
                assert_eq!(state.closed.replace(kind), None, "a payout ended twice");
            }
            if change.reversed_by.is_some() {
                assert!(!std::mem::replace(&mut state.is_reversed, true), "a payout came back twice");
                assert_eq!(state.closed, Some(Kind::PayoutSettled));
            }
        }
        payouts.extend(changes.requested_payouts.iter().map(|payout| PayoutState {
            transaction: payout.transaction,
            wallet: payout.wallet,
            amount: payout.amount,
            closed: None,
            is_reversed: false,
        }));
        holds.extend(changes.placed_holds.iter().map(|hold| HoldState { hold: *hold, closed: None }));
        open.extend(changes.placed_holds.iter().map(expiry));
        let closed = changes.closed_releases.iter().chain(&changes.closed_holds);
        let closed: Vec<OperationId> = closed.map(|closed| closed.transaction).collect();
        open.retain(|(_, item)| !closed.contains(&item.transaction));
        open.extend(changes.releases.iter().map(|release| {
            let Release { transaction, wallet, amount, due_at } = *release;
            (wallet, DueItem { kind: DueKind::Release, transaction, amount, due_at, last_step: 1 })
        }));
        for changed in changes.wallets.iter().chain(&changes.statuses) {
            wallets.insert(changed.after.id, changed.after.clone());
        }
        outcomes.extend(decided);
        all.push(changes);
    }
    for wallet in wallets.values() {
        let own: Vec<_> =
            open.iter().filter(|(owner, _)| *owner == wallet.id).map(|(_, item)| item).collect();
        let sum = |kind| own.iter().filter(|item| item.kind == kind).map(|item| item.amount).sum::<i64>();
        assert_eq!(wallet.buckets.unreleased, sum(DueKind::Release));
        let open_payouts =
            payouts.iter().filter(|payout| payout.wallet == wallet.id && payout.closed.is_none());
        let paying: i64 = open_payouts.map(|payout| payout.amount).sum();
        assert_eq!(wallet.buckets.held, sum(DueKind::HoldExpiry) + paying);
        assert!(own.iter().all(|item| wallet.next_due_at.is_some_and(|next| next <= item.due_at)));
    }
    let mut wallets: Vec<_> = wallets.into_values().collect();
    wallets.sort_by_key(|wallet| wallet.id);
    (outcomes, all, wallets)
}

/// The entries of a wallet hold together, from the first to the state that the wallet is in.
fn hold_together(state: &WalletState, entries: &[&Entry]) {
    let (mut balance, mut previous) = (UNRELEASED + HELD, [0; 32]);
    for (entry, version) in entries.iter().zip(1..) {
        balance += entry.delta.total();
        assert_eq!((entry.version, entry.after.total()), (version, balance));
        assert!(entry.after.available >= 0 && entry.after.held >= 0 && entry.after.unreleased >= 0);
        assert_eq!(entry.hash, entry.chained(&previous));
        previous = entry.hash;
    }
    assert_eq!((state.buckets.total(), state.head_hash), (balance, previous));
    assert_eq!(usize::try_from(state.version).unwrap(), entries.len());
}

/// What came in less what went out, for fees as well.
fn net(transactions: &[&Transaction]) -> i64 {
    let completed = transactions.iter().filter(|t| t.status == TransactionStatus::Completed);
    completed
        .map(|t| match t.kind {
            Kind::Deposit | Kind::WithdrawalReversal => t.amount,
            Kind::Withdrawal => -t.amount,
            // Its entry says which way.
            Kind::Adjustment => 0,
            _ => -t.fee,
        })
        .sum()
}

/// Amounts of which many lie at the limits, and those between them.
fn any_money(highest: i64) -> impl Strategy<Value = i64> {
    let limits = [1, RECEIVER_MAX - 1, RECEIVER_MAX, TRANSFER_MAX, RECEIVER_MAX + 1, MAX_MINOR_UNITS];
    let edges: Vec<i64> = limits.into_iter().filter(|limit| *limit <= highest).collect();
    prop_oneof![prop::sample::select(edges), 1..=highest, 1..=1_000_i64]
}

/// What a sender, wallet 1, may ask for to find out about wallet 2.
fn any_probe() -> impl Strategy<Value = Operation> {
    let action = prop_oneof![
        6 => (prop::sample::select(vec![1_u8, 2, 2, 2, 3]), any_money(MAX_MINOR_UNITS), 0..2_000_i64, 0..6_u128)
            .prop_map(|(to, amount, fee, reference)| transfer(to, amount, fee, reference)),
        1 => (any_money(MAX_MINOR_UNITS), 0..6_u128).prop_map(|(amount, reference)| deposit(amount, reference)),
        1 => (any_money(MAX_MINOR_UNITS), 0..6_u128).prop_map(|(amount, reference)| withdraw(amount, reference)),
        1 => Just(enable()),
        1 => Just(disable()),
        1 => Just(Action::Freeze { reason: "a test".to_owned() }),
        2 => Just(Action::Unfreeze { reason: "a test".to_owned() }),
    ];
    (action, prop::option::of((0..3_u8, 0..2_u8))).prop_map(|(action, key)| {
        let operation = operation(1, 1, action);
        key.map_or(operation.clone(), |(key, request)| with_key(operation, &key.to_string(), request))
    })
}

proptest! {
    /// Each probe meets fresh books: what the sender has given away himself is no secret to him.
    #[test]
    fn a_sender_learns_nothing_of_a_receivers_balance(
        probes in prop::collection::vec(any_probe(), 1..40),
        balances in (0..=RECEIVER_MAX, prop_oneof![Just(RECEIVER_MAX), 0..=RECEIVER_MAX]),
        own in any_money(MAX_MINOR_UNITS),
        is_frozen in any::<bool>(),
        is_enabled in any::<bool>(),
        is_foreign in any::<bool>(),
    ) {
        let outcome = |probe: &Operation, balance: i64| {
            let status = if is_enabled { Status::Enabled } else { Status::Disabled };
            let mut receiver = wallet(2, status, balance);
            receiver.frozen_at = is_frozen.then(|| at(0));
            if is_foreign {
                receiver.currency = "EUR".parse().unwrap();
            }
            let used = ReferenceKey {
                wallet: WalletId(Uuid::from_u128(1)),
                kind: Kind::TransferOut,
                reference: ReferenceId(Uuid::from_u128(5)),
            };
            let known = vec![(used, OperationId(Uuid::from_u128(99)))];
            Book::new(PriorState {
                wallets: vec![wallet(1, Status::Enabled, own), receiver],
                used_references: known,
                known_keys: vec![],
                holds: Vec::new(),
                payouts: Vec::new(),
                due: vec![],
            }).apply(probe, at(1)).unwrap()
        };
        for mut probe in probes {
            prop_assert_eq!(outcome(&probe, balances.0), outcome(&probe, balances.1), "{:?}", probe);
            // What is refused for want of funds is decided at the limit, too.
            if let Action::Transfer(transfer) = &mut probe.action {
                transfer.amount = Amount::try_new(own).unwrap();
                transfer.fee = 0;
            }
            prop_assert_eq!(outcome(&probe, balances.0), outcome(&probe, balances.1), "{:?}", probe);
        }
    }

    #[test]
    fn the_books_stay_whole_whatever_is_asked(operations in any_operations()) {
        let (outcomes, batches, wallets) = in_batches(&operations, 16);
        for state in &wallets {
            let all = batches.iter().flat_map(|batch| &batch.entries);
            hold_together(state, &all.filter(|entry| entry.wallet == state.id).collect::<Vec<_>>());
        }
        let transactions: Vec<_> = batches.iter().flat_map(|batch| &batch.transactions).collect();
        let balances: i64 = wallets.iter().map(|wallet| wallet.buckets.total()).sum();
        let steps = batches.iter().flat_map(|batch| &batch.steps);
        let captured: i64 = steps
            .map(|step| match step.kind {
                Kind::HoldCapture | Kind::PayoutSettled => -step.amount,
                Kind::HoldCaptureOut => -step.fee,
                _ => 0,
            })
            .sum();
        let corrections = batches.iter().flat_map(|batch| &batch.entries).filter(|e| e.kind == Kind::Adjustment);
        let corrected: i64 = corrections.map(|entry| entry.delta.total()).sum();
        prop_assert_eq!(balances, net(&transactions) + corrected + captured + 3 * (UNRELEASED + HELD));
        for transaction in &transactions {
            let all = batches.iter().flat_map(|batch| &batch.entries);
            let of_it: Vec<_> = all.filter(|entry| entry.transaction == transaction.id).collect();
            prop_assert_eq!(of_it.len(), if transaction.other.is_some() { 2 } else { 1 });
            let own = of_it.iter().find(|entry| entry.wallet == transaction.wallet);
            prop_assert_eq!(own.map(|entry| entry.occurred_at), Some(transaction.created_at));
        }
        let is_kept = |(outcome, operation): (&Outcome, &Operation)| !outcome.replayed
            && match outcome.decision {
                // Steps of transactions that were there before.
                Ok(Done::Settled(_)) => false,
                _ if operation.hold().is_some() => false,
                Ok(Done::Money(_)) if operation.payout().is_some() => {
                    matches!(&operation.action, Action::EndPayout(ended) if matches!(ended.end, PayoutEnding::Bounced(_)))
                }
                Ok(_) => true,
                Err(Refusal::InsufficientFunds { .. }) => matches!(operation.action, Action::Withdraw { .. }),
                Err(_) => false,
            };
        let kept = outcomes.iter().zip(&operations).filter(|pair| is_kept(*pair)).count();
        let written: usize = batches.iter().map(|b| b.transactions.len() + b.status_changes.len()).sum();
        prop_assert_eq!(kept, written);
    }

    #[test]
    fn a_batch_is_its_operations_one_after_another(operations in any_operations()) {
        let (alone, alone_changes, alone_wallets) = in_batches(&operations, 1);
        let (together, together_changes, together_wallets) = in_batches(&operations, 256);
        prop_assert_eq!(alone, together);
        prop_assert_eq!(alone_wallets, together_wallets);
        let entries = |all: &[Changes]| all.iter().flat_map(|c| c.entries.clone()).collect::<Vec<_>>();
        prop_assert_eq!(entries(&alone_changes), entries(&together_changes));
        let keys = |all: &[Changes]| all.iter().flat_map(|c| c.keys.clone()).collect::<Vec<_>>();
        prop_assert_eq!(keys(&alone_changes), keys(&together_changes));
    }
}
