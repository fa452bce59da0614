//! Who is meant by a recipient: a wallet's id, or a customer's xid.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache as ExpiringCache;
use quick_cache::sync::Cache;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    db::{DbError, Pool},
    kernel::{currency::Currency, ids::WalletId},
    ledger::wallets::{self, RecipientMatch, RecipientQuery},
};

/// The most recipients that one statement looks up; the others wait for the next one.
const LOOK_UP_MAX: usize = 1_000;

/// The maximum number of wallets remembered as recipients. About 40 bytes each; the least used are evicted one by one.
const WALLETS_MAX: usize = 1_000_000;

/// The maximum number of customers remembered as recipients, and of senders with their currencies. About 60 bytes each.
const CUSTOMERS_MAX: usize = 250_000;

/// The maximum number of outcomes remembered for [`REMEMBERED_FOR`]. About 250 bytes each.
const OUTCOMES_MAX: u64 = 20_000;

/// How long the outcome of a look-up is remembered for the sender who asked, also if none was found: a newcomer can be
/// paid within this time.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// Recipients that were looked up before. What is remembered for good never changes: a wallet keeps its id and its
/// currency, and a customer has at most one wallet in a currency.
///
/// A sender whose transfer is refused must not learn from the time it took whether the recipient exists. So every refused
/// transfer costs one look-up, or none within [`REMEMBERED_FOR`] of the last one: that of an unknown recipient before the
/// decision ([`Recipients::find`]), that of a remembered one after it ([`Recipients::refused`]).
pub struct Recipients {
    /// Ids that are a wallet's: they mean that wallet for every sender.
    wallets: Cache<WalletId, ()>,
    /// The currencies of those who paid a customer.
    currencies: Cache<WalletId, Currency>,
    /// A customer's wallet in a currency.
    customers: Cache<(Uuid, Currency), WalletId>,
    /// What came of a sender's own look-ups of late.
    lately: ExpiringCache<RecipientQuery, Option<WalletId>>,
    look_ups: Arc<LookUps>,
    /// The history of the books that all of this is of.
    history: AtomicU64,
}

/// Look-ups that wait for their turn. One at a time is under way, and the next one asks for all that came meanwhile: a
/// crowd of unknown recipients costs a few statements, and one connection.
#[derive(Default)]
struct LookUps {
    waiting: Mutex<Vec<LookUp>>,
    turn: tokio::sync::Mutex<()>,
}

struct LookUp {
    asked: RecipientQuery,
    answer: oneshot::Sender<Result<Option<RecipientMatch>, DbError>>,
}

impl Default for Recipients {
    fn default() -> Self {
        Self {
            wallets: Cache::new(WALLETS_MAX),
            currencies: Cache::new(CUSTOMERS_MAX),
            customers: Cache::new(CUSTOMERS_MAX),
            lately: ExpiringCache::builder().max_capacity(OUTCOMES_MAX).time_to_live(REMEMBERED_FOR).build(),
            look_ups: Arc::default(),
            history: AtomicU64::default(),
        }
    }
}

impl Recipients {
    /// Forgets everything if the books have begun another history, in which other wallets may exist.
    pub fn of_history(&self, history: u64) -> &Self {
        if self.history.swap(history, Ordering::AcqRel) != history {
            self.wallets.clear();
            self.currencies.clear();
            self.customers.clear();
            self.lately.invalidate_all();
        }
        self
    }

    /// The wallet that `recipient` stands for when `sender` pays; none if there is none. Where a UUID is both, the
    /// wallet's id wins; of a customer's wallets it is the one in the sender's currency, if there is one.
    pub async fn find(
        &self,
        db: &Pool,
        sender: WalletId,
        recipient: Uuid,
    ) -> Result<Option<WalletId>, DbError> {
        match self.remembered(sender, recipient) {
            Some(wallet) => Ok(Some(wallet)),
            None => self.look_up(db, RecipientQuery { sender, recipient }).await,
        }
    }

    /// Does for a refused transfer what [`Recipients::find`] left out because the recipient was remembered for good, so
    /// that the refusal takes as long as that of an unknown recipient, and fails where that fails.
    pub async fn refused(&self, db: &Pool, sender: WalletId, recipient: Uuid) -> Result<(), DbError> {
        if self.remembered(sender, recipient).is_some() {
            self.look_up(db, RecipientQuery { sender, recipient }).await?;
        }
        Ok(())
    }

    /// What is remembered for good.
    fn remembered(&self, sender: WalletId, recipient: Uuid) -> Option<WalletId> {
        if self.wallets.get(&WalletId(recipient)).is_some() {
            return Some(WalletId(recipient));
        }
        self.currencies.get(&sender).and_then(|currency| self.customers.get(&(recipient, currency)))
    }

    /// What the books know, at most [`REMEMBERED_FOR`] ago.
    async fn look_up(&self, db: &Pool, asked: RecipientQuery) -> Result<Option<WalletId>, DbError> {
        if let Some(wallet) = self.lately.get(&asked) {
            return Ok(wallet);
        }
        let found = self.look_ups.ask(db, asked).await?;
        match found.and_then(|found| Some((found.currency, found.wallet.filter(|_| found.is_for_good)?))) {
            Some((_, wallet)) if wallet.0 == asked.recipient => self.wallets.insert(wallet, ()),
            Some((currency, wallet)) => {
                self.currencies.insert(asked.sender, currency);
                self.customers.insert((asked.recipient, currency), wallet);
            }
            None => {}
        }
        let wallet = found.and_then(|found| found.wallet);
        self.lately.insert(asked, wallet);
        Ok(wallet)
    }
}

impl LookUps {
    /// None: the sender is not there.
    async fn ask(
        self: &Arc<Self>,
        db: &Pool,
        asked: RecipientQuery,
    ) -> Result<Option<RecipientMatch>, DbError> {
        let (answer, found) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(LookUp { asked, answer });
        let (own, db) = (Arc::clone(self), db.clone());
        // A task of its own: a client that closes its connection does not take the look-up of others along, nor a connection that
        // would have to be cleaned up before the pool can use it again.
        tokio::spawn(async move { own.look_up(&db).await });
        found.await.unwrap_or_else(|_| Err(DbError::Defect("a look-up of recipients died".to_owned())))
    }

    /// Answers those who have waited longest, [`LOOK_UP_MAX`] at most. Each request brings a turn of its own, so all are
    /// answered; a turn without a waiting request does nothing.
    async fn look_up(&self, db: &Pool) {
        let _turn = self.turn.lock().await;
        let waiting = self.take(LOOK_UP_MAX);
        if waiting.is_empty() {
            return;
        }
        let asked: Vec<RecipientQuery> = waiting.iter().map(|look_up| look_up.asked).collect();
        // A client that has closed its connection needs no answer.
        match wallets::recipients(db, &asked).await {
            Ok(found) => waiting.into_iter().zip(found).for_each(|(look_up, found)| {
                let _ = look_up.answer.send(Ok(found));
            }),
            // Who came meanwhile would wait for the same database, and for a second time limit.
            Err(error) => waiting.into_iter().chain(self.take(usize::MAX)).for_each(|look_up| {
                let _ = look_up.answer.send(Err(error.clone()));
            }),
        }
    }

    /// The first of those who wait.
    fn take(&self, at_most: usize) -> Vec<LookUp> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(at_most);
        let rest = waiting.split_off(count);
        std::mem::replace(&mut *waiting, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_takes_a_thousand_at_most_and_leaves_the_rest_in_their_order() {
        let look_ups = LookUps::default();
        let id = |n: usize| Uuid::from_u128(n as u128);
        for n in 0..LOOK_UP_MAX * 2 + 5 {
            let asked = RecipientQuery { sender: WalletId(id(0)), recipient: id(n) };
            look_ups.waiting.lock().unwrap().push(LookUp { asked, answer: oneshot::channel().0 });
        }
        let mut next = 0;
        for expected in [LOOK_UP_MAX, LOOK_UP_MAX, 5, 0] {
            let taken = look_ups.take(LOOK_UP_MAX);
            assert_eq!(taken.len(), expected);
            for look_up in taken {
                assert_eq!(look_up.asked.recipient, id(next));
                next += 1;
            }
        }
    }
}
