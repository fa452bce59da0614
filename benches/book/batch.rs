//! The transfers, and the wallets that the posting loop would have locked for them.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;
use wallet::{
    kernel::{
        actor::Actor,
        buckets::Buckets,
        clock::Timestamp,
        ids::{OperationId, ReferenceId, WalletId},
        money::Amount,
        status::Status,
    },
    ledger::{Action, Key, KeyName, Operation, Outcome, Refusals, Transfer, WalletState, book::Changes},
};

use crate::event_loop::Move;

/// Transfers in a batch.
pub const BATCH: usize = 256;
const WALLETS: usize = 10_000;
const BATCHES: usize = 64;
/// What each wallet has at first, in minor units: enough for every transfer that a benchmark can make.
const BALANCE: i64 = 1_000_000_000_000;
const AMOUNT: i64 = 1_000;
const FEE: i64 = 15;

/// Whether the operations carry an Idempotency-Key.
#[derive(Clone, Copy, PartialEq)]
pub enum Keys {
    None,
    OneEach,
}

/// Operations, and the wallets they concern in the order of their ids, as Postgres hands them out.
pub struct Batch {
    pub operations: Vec<Operation>,
    pub wallets: Vec<WalletState>,
    pub now: Timestamp,
}

/// Batches of transfers between wallets that are drawn evenly, the same in every run but for the ids.
pub fn batches(keys: Keys) -> Vec<Batch> {
    let wallets: Vec<WalletState> = (0..WALLETS).map(|_| wallet()).collect();
    let mut draw = draws();
    let mut batch = || {
        let pairs = std::iter::repeat_with(|| (draw(WALLETS), draw(WALLETS))).filter(|(from, to)| from != to);
        let pairs: Vec<(usize, usize)> = pairs.take(BATCH).collect();
        let concerned: HashSet<usize> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
        let mut locked: Vec<WalletState> = concerned.into_iter().map(|at| wallets[at].clone()).collect();
        locked.sort_by_key(|wallet| wallet.id);
        let operation = |(from, to): (usize, usize)| operation(wallets[from].id, wallets[to].id, keys);
        Batch { operations: pairs.into_iter().map(operation).collect(), wallets: locked, now: now() }
    };
    (0..BATCHES).map(|_| batch()).collect()
}

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}

fn wallet() -> WalletState {
    WalletState {
        id: WalletId::generate(),
        currency: "USD".parse().unwrap(),
        status: Status::Enabled,
        frozen_at: None,
        status_version: 1,
        enabled_at: Some(now()),
        disabled_at: None,
        buckets: Buckets::available(BALANCE),
        version: 7,
        head_hash: [7; 32],
        last_entry_at: Some(now()),
        next_due_at: None,
    }
}

fn operation(from: WalletId, to: WalletId, keys: Keys) -> Operation {
    let key = || {
        let name = KeyName { actor: Uuid::new_v4().to_string(), key: Uuid::new_v4().to_string() };
        Key { name, request_hash: [3; 32] }
    };
    Operation {
        id: OperationId::generate(),
        actor: Actor::Service("a benchmark".to_owned()),
        wallet: from,
        action: Action::Transfer(Transfer {
            to,
            amount: Amount::try_new(AMOUNT).unwrap(),
            fee: FEE,
            reference: ReferenceId(Uuid::new_v4()),
            note: None,
        }),
        key: (keys == Keys::OneEach).then(key),
        refusals: Refusals::Stored,
    }
}

/// Numbers below a bound, evenly enough: SplitMix64.
fn draws() -> impl FnMut(usize) -> usize {
    let mut state = 0_u64;
    move |bound| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

impl Batch {
    /// Every wallet of the batch with its first balance, for the event loop.
    pub fn balances(&self) -> impl Iterator<Item = (WalletId, i64)> {
        self.wallets.iter().map(|wallet| (wallet.id, wallet.buckets.available))
    }

    /// The same transfers for the event loop.
    pub fn transfers(&self) -> Vec<Move> {
        let transfer = |operation: &Operation| match &operation.action {
            Action::Transfer(Transfer { to, amount, fee, .. }) => {
                Move { from: operation.wallet, to: *to, amount: amount.minor_units(), fee: *fee }
            }
            action => panic!("{action:?}"),
        };
        self.operations.iter().map(transfer).collect()
    }

    /// Every transfer succeeded, and the wallets are where one transfer after another brings them.
    pub fn check(&self, outcomes: &[Outcome], changes: &Changes) {
        assert_eq!(outcomes.len(), BATCH);
        assert!(outcomes.iter().all(|outcome| outcome.decision.is_ok() && !outcome.replayed));
        assert_eq!((changes.transactions.len(), changes.entries.len()), (BATCH, 2 * BATCH));
        let mut balances: HashMap<WalletId, i64> = self.balances().collect();
        for transfer in self.transfers() {
            transfer.make(&mut balances).unwrap();
        }
        assert_eq!(changes.wallets.len(), balances.len());
        assert!(changes.wallets.iter().all(|w| w.after.buckets.available == balances[&w.after.id]));
    }
}
