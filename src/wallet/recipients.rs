//! Who is meant by a recipient: a wallet's id, or a customer's xid.

use std::sync::{Arc, Mutex, PoisonError};

use moka::sync::Cache;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::store;
use crate::{
    db::{DbError, Pool},
    kernel::{currency::Currency, ids::WalletId},
};

/// How many are remembered at most, of each kind.
const REMEMBERED: u64 = 100_000;

/// Recipients that were looked up before. What is remembered never changes: a wallet keeps its id and its currency, and
/// a customer has at most one wallet in a currency.
#[derive(Clone)]
pub struct Recipients {
    /// Ids that are a wallet's: they mean that wallet, whoever pays.
    wallets: Cache<WalletId, ()>,
    /// The currencies of those who paid a customer.
    currencies: Cache<WalletId, Currency>,
    /// A customer's wallet in a currency.
    customers: Cache<(Uuid, Currency), WalletId>,
    look_ups: Arc<LookUps>,
}

/// Look-ups that wait for their turn. One at a time is under way, and the next one asks for all that came meanwhile: a
/// crowd of unknown recipients costs a few statements, and one connection.
#[derive(Default)]
struct LookUps {
    waiting: Mutex<Vec<LookUp>>,
    turn: tokio::sync::Mutex<()>,
}

struct LookUp {
    asked: Asked,
    answer: oneshot::Sender<Result<Option<Found>, DbError>>,
}

/// Whom a sender means by an id.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub sender: WalletId,
    pub recipient: Uuid,
}

/// What the books know of a sender and a recipient.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The sender's.
    pub currency: Currency,
    pub wallet: Option<WalletId>,
    /// It will always be this wallet.
    pub is_for_good: bool,
}

impl Default for Recipients {
    fn default() -> Self {
        Self {
            wallets: Cache::new(REMEMBERED),
            currencies: Cache::new(REMEMBERED),
            customers: Cache::new(REMEMBERED),
            look_ups: Arc::default(),
        }
    }
}

impl Recipients {
    /// The wallet that `recipient` stands for when `sender` pays; none if there is none. Where a UUID is both, the
    /// wallet's id wins; of a customer's wallets it is the one in the sender's currency, if there is one.
    pub async fn find(
        &self,
        db: &Pool,
        sender: WalletId,
        recipient: Uuid,
    ) -> Result<Option<WalletId>, DbError> {
        if self.wallets.contains_key(&WalletId(recipient)) {
            return Ok(Some(WalletId(recipient)));
        }
        let known =
            self.currencies.get(&sender).and_then(|currency| self.customers.get(&(recipient, currency)));
        if known.is_some() {
            return Ok(known);
        }
        let Some(found) = self.look_ups.ask(db, Asked { sender, recipient }).await? else { return Ok(None) };
        match found.wallet.filter(|_| found.is_for_good) {
            Some(wallet) if wallet.0 == recipient => self.wallets.insert(wallet, ()),
            Some(wallet) => {
                self.currencies.insert(sender, found.currency);
                self.customers.insert((recipient, found.currency), wallet);
            }
            None => {}
        }
        Ok(found.wallet)
    }
}

impl LookUps {
    /// None: the sender is not there.
    async fn ask(self: &Arc<Self>, db: &Pool, asked: Asked) -> Result<Option<Found>, DbError> {
        let (answer, found) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(LookUp { asked, answer });
        let (own, db) = (Arc::clone(self), db.clone());
        // A task of its own: a client that hangs up does not take the look-up of others along, nor a connection that
        // would have to be cleaned up before the pool can use it again.
        tokio::spawn(async move { own.look_up(&db).await });
        found.await.unwrap_or_else(|_| Err(DbError::Defect("a look-up of recipients died".to_owned())))
    }

    /// Answers everybody who waits by now; somebody else may have done so in the meantime.
    async fn look_up(&self, db: &Pool) {
        let _turn = self.turn.lock().await;
        let waiting = self.take();
        if waiting.is_empty() {
            return;
        }
        let asked: Vec<Asked> = waiting.iter().map(|look_up| look_up.asked).collect();
        // Who has gone away needs no answer.
        match store::recipients(db, &asked).await {
            Ok(found) => waiting.into_iter().zip(found).for_each(|(look_up, found)| {
                let _ = look_up.answer.send(Ok(found));
            }),
            // Who came meanwhile would wait for the same database, and for a second time limit.
            Err(error) => waiting.into_iter().chain(self.take()).for_each(|look_up| {
                let _ = look_up.answer.send(Err(error.clone()));
            }),
        }
    }

    fn take(&self) -> Vec<LookUp> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
