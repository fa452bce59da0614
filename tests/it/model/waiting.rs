//! Money that waits: a deposit's until it is released, a hold's until it ends, a payout's until the bank has decided.

use std::collections::HashMap;

use uuid::Uuid;

use super::operation::Kind;

#[derive(Clone, Debug)]
pub struct Item {
    /// `Deposit`, `Hold` or `Payout`.
    pub kind: Kind,
    pub wallet: Uuid,
    /// Minor units.
    pub amount: i64,
    /// When it is released or expires, or [`NEVER`]. Microseconds since 1970.
    pub due_at: i64,
    /// The step that began it.
    begun: usize,
    /// The step that ended it, and its kind.
    pub end: Option<(usize, Kind)>,
    /// The step by which a payout came back after it was paid.
    pub reversal: Option<usize>,
}

/// The moment of what becomes due by no clock.
pub const NEVER: i64 = i64::MAX;

impl Item {
    /// How it has ended before this step; `None`: it is open, if it has begun.
    pub fn ended(&self, before: usize) -> Option<Kind> {
        self.end.filter(|(step, _)| *step < before).map(|(_, kind)| kind)
    }

    fn is_open(&self, before: usize) -> bool {
        self.begun < before && self.ended(before).is_none()
    }
}

/// Everything that has waited, by its transaction, and the transactions of each wallet.
#[derive(Default)]
pub struct Waiting {
    items: HashMap<Uuid, Item>,
    of_wallets: HashMap<Uuid, Vec<Uuid>>,
}

impl Waiting {
    pub fn begin(
        &mut self,
        kind: Kind,
        transaction: Uuid,
        wallet: Uuid,
        amount: i64,
        due_at: i64,
        begun: usize,
    ) {
        self.items
            .insert(transaction, Item { kind, wallet, amount, due_at, begun, end: None, reversal: None });
        self.of_wallets.entry(wallet).or_default().push(transaction);
    }

    pub fn end(&mut self, transaction: Uuid, step: usize, kind: Kind) {
        self.items.get_mut(&transaction).expect("it waits").end = Some((step, kind));
    }

    pub fn reverse(&mut self, transaction: Uuid, step: usize) {
        self.items.get_mut(&transaction).expect("it was paid").reversal = Some(step);
    }

    /// An item that had begun before this step.
    pub fn find(&self, transaction: Uuid, before: usize) -> Option<&Item> {
        self.items.get(&transaction).filter(|item| item.begun < before)
    }

    pub fn all(&self) -> impl Iterator<Item = (&Uuid, &Item)> {
        self.items.iter()
    }

    /// What is open in this wallet before this step.
    pub fn open(&self, wallet: Uuid, before: usize) -> impl Iterator<Item = &Item> {
        let of_wallet = self.of_wallets.get(&wallet).into_iter().flatten();
        of_wallet.map(|transaction| &self.items[transaction]).filter(move |item| item.is_open(before))
    }

    /// Whether something is open before this step whose moment has come at this time.
    pub fn is_due(&self, wallet: Uuid, before: usize, at: i64) -> bool {
        self.open(wallet, before).any(|item| item.due_at <= at)
    }
}
