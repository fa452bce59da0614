//! Who is meant by a recipient: a wallet's id, or a customer's xid.

use moka::sync::Cache;
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
    currencies: Cache<WalletId, Currency>,
    wallets: Cache<(Uuid, Currency), WalletId>,
}

impl Default for Recipients {
    fn default() -> Self {
        Self { currencies: Cache::new(REMEMBERED), wallets: Cache::new(REMEMBERED) }
    }
}

/// What the books know of a sender and a recipient.
pub struct Found {
    /// The sender's.
    pub currency: Currency,
    pub wallet: Option<WalletId>,
    /// It will always be this wallet.
    pub is_for_good: bool,
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
        let known =
            self.currencies.get(&sender).and_then(|currency| self.wallets.get(&(recipient, currency)));
        if known.is_some() {
            return Ok(known);
        }
        // A client that hangs up does not take the look-up along: its connection would have to be cleaned up before
        // the pool can use it again, and the client's next attempt would begin from nothing.
        let (own, db) = (self.clone(), db.clone());
        let looked_up = tokio::spawn(async move { own.look_up(&db, sender, recipient).await });
        looked_up.await.unwrap_or_else(|panicked| Err(DbError::Defect(panicked.to_string())))
    }

    async fn look_up(
        &self,
        db: &Pool,
        sender: WalletId,
        recipient: Uuid,
    ) -> Result<Option<WalletId>, DbError> {
        let Some(found) = store::recipient(db, sender, recipient).await? else { return Ok(None) };
        self.currencies.insert(sender, found.currency);
        if let Some(wallet) = found.wallet.filter(|_| found.is_for_good) {
            self.wallets.insert((recipient, found.currency), wallet);
        }
        Ok(found.wallet)
    }
}
