//! The face of the wallet room.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};

use super::{error::WalletError, store};
use crate::{
    cache::{BalanceCache, Freshness, StatusView, ViewPart, WalletView},
    db::Database,
    kernel::{
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId, Xid},
        money::Amount,
        page::{Page, PageRequest},
    },
    ledger::{Action, Ledger, Operation, Receipt, Status, history::HistoryItem},
};

/// A wallet and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedWallet {
    pub wallet: WalletId,
    pub owner: Xid,
}

/// What a customer can do with a wallet.
#[async_trait]
pub trait Wallets: Interface {
    /// The customer's wallet; customer and wallet are made if they are not there.
    async fn open(&self, owner: Xid) -> Result<OwnedWallet, WalletError>;

    /// The wallet as it stands, at version `at_least` or later. A disabled wallet is shown too; whoever may not see
    /// it is refused by the caller.
    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, WalletError>;

    /// Lets the wallet be used. Answers with the wallet after it.
    async fn enable(&self, wallet: OwnedWallet, actor: &str) -> Result<Receipt, WalletError>;

    /// Keeps the wallet from being used; its money stays. Answers with the wallet after it.
    async fn disable(&self, wallet: OwnedWallet, actor: &str) -> Result<Receipt, WalletError>;

    /// Brings money in.
    async fn deposit(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
    ) -> Result<Receipt, WalletError>;

    /// Takes money out.
    async fn withdraw(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
    ) -> Result<Receipt, WalletError>;

    /// What was booked on an enabled wallet, newest first, at version `at_least` or later.
    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        at_least: Option<i64>,
    ) -> Result<(WalletView, Page<HistoryItem>), WalletError>;

    /// Fills the cache with every wallet; answers how many. What is newer in the cache stays.
    async fn rebuild_cache(&self) -> Result<u64, WalletError>;
}

/// How many wallets are read from Postgres at once when the cache is rebuilt.
const REBUILD_STEP: i64 = 1_000;

/// The wallets over the ledger, Postgres and the cache.
#[derive(Component)]
#[shaku(interface = Wallets)]
pub struct WalletService {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    #[shaku(inject)]
    ledger: Arc<dyn Ledger>,
    #[shaku(inject)]
    cache: Arc<dyn BalanceCache>,
    freshness: Arc<Freshness>,
    currency: Currency,
}

#[async_trait]
impl Wallets for WalletService {
    async fn open(&self, owner: Xid) -> Result<OwnedWallet, WalletError> {
        let wallet = store::open(self.db.connection(), owner, self.currency).await?;
        Ok(OwnedWallet { wallet, owner })
    }

    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, WalletError> {
        let new_enough = |view: &WalletView| at_least.is_none_or(|version| view.money.version >= version);
        if self.freshness.cache_may_answer() {
            // A cache that is away is no error of the reader's: it has counted and logged it itself.
            if let Some(view) = self.cache.get(wallet).await.ok().flatten().filter(new_enough) {
                metrics::counter!("wallet_balance_reads_total", "from" => "cache").increment(1);
                return Ok(view);
            }
        }
        let view = store::view(self.db.connection(), wallet).await?.ok_or(WalletError::NotFound)?;
        metrics::counter!("wallet_balance_reads_total", "from" => "postgres").increment(1);
        if !new_enough(&view) {
            return Err(WalletError::VersionNotReached { current: view.money.version });
        }
        let _ = self.cache.fill(&view).await;
        Ok(view)
    }

    async fn enable(&self, wallet: OwnedWallet, actor: &str) -> Result<Receipt, WalletError> {
        self.change_status(wallet, Action::Enable { actor: actor.to_owned() }).await
    }

    async fn disable(&self, wallet: OwnedWallet, actor: &str) -> Result<Receipt, WalletError> {
        self.change_status(wallet, Action::Disable { actor: actor.to_owned() }).await
    }

    async fn deposit(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
    ) -> Result<Receipt, WalletError> {
        self.post(wallet, Action::Deposit { amount, reference }).await
    }

    async fn withdraw(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
    ) -> Result<Receipt, WalletError> {
        self.post(wallet, Action::Withdraw { amount, reference }).await
    }

    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        at_least: Option<i64>,
    ) -> Result<(WalletView, Page<HistoryItem>), WalletError> {
        let view = self.view(wallet, at_least).await?;
        if !view.status.enabled {
            return Err(WalletError::Disabled);
        }
        Ok((view, self.ledger.history(wallet, page).await?))
    }

    async fn rebuild_cache(&self) -> Result<u64, WalletError> {
        let mut last = WalletId(uuid::Uuid::nil());
        let mut filled = 0;
        loop {
            let views = store::views(self.db.connection(), last, REBUILD_STEP).await?;
            let Some(end) = views.last() else {
                return Ok(filled);
            };
            last = end.id;
            for view in &views {
                self.cache.fill(view).await?;
                filled += 1;
            }
        }
    }
}

impl WalletService {
    async fn post(&self, wallet: WalletId, action: Action) -> Result<Receipt, WalletError> {
        Ok(self.ledger.post(Operation { id: OperationId::generate(), wallet, action }).await?)
    }

    /// A status does not lag: it is in the cache before the caller hears of it. Should the cache be away, the
    /// refresher mends it when it is back.
    async fn change_status(&self, of: OwnedWallet, action: Action) -> Result<Receipt, WalletError> {
        let receipt = self.post(of.wallet, action).await?;
        let state = &receipt.wallet;
        let status = StatusView {
            enabled: state.status == Status::Enabled,
            frozen: state.frozen_at.is_some(),
            enabled_at: state.enabled_at,
            disabled_at: state.disabled_at,
            version: state.status_version,
        };
        let _ = self.cache.refresh(&[(of.wallet, ViewPart::Status { owner: of.owner, status })]).await;
        Ok(receipt)
    }
}
