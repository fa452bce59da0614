//! The service trait of the room.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};

use super::{
    booking::Booking,
    error::AccountError,
    sources::Sources,
    status_order::StatusOrder,
    views::{EnabledWallet, OwnedWallet, Versioned, changed},
};
use crate::{
    cache::{BalanceCache, Freshness, ViewPart, WalletView},
    customers,
    db::{Database, DbError},
    kernel::{
        actor::Actor,
        clock::Clock,
        currency::Currency,
        ids::{CustomerXid, OperationId, WalletId},
        pagination::{DueCursor, Page, PageRequest},
    },
    ledger::{
        Done, LargestTransfers, Ledger, Outcome,
        read::{Filter, HistoryItem, HoldView, OpenRelease, PayoutView, TransactionView},
        wallets,
    },
};

/// Opening wallets, reading them, and changing their status. `at_least` of a read is the oldest version that the reader
/// accepts.
#[async_trait]
pub trait Accounts: Interface {
    /// The customer's wallet in this currency, or in the default one; customer and wallet are made if they do not exist.
    async fn open(&self, owner: CustomerXid, currency: Option<Currency>)
    -> Result<OwnedWallet, AccountError>;

    /// Opens a wallet as [`Accounts::open`] does, and reads it.
    async fn open_and_view(
        &self,
        owner: CustomerXid,
        currency: Option<Currency>,
    ) -> Result<WalletView, AccountError>;

    /// A wallet with its balance, whatever its status.
    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, AccountError>;

    /// An enabled wallet with its balance.
    async fn view_enabled(
        &self,
        wallet: WalletId,
        at_least: Option<i64>,
    ) -> Result<EnabledWallet, AccountError>;

    /// Changes the status of a wallet; its money stays. A customer can only change the own wallet.
    async fn change_status(
        &self,
        wallet: WalletId,
        order: StatusOrder,
        booking: Booking,
    ) -> Result<(OwnedWallet, Outcome), AccountError>;

    /// The transactions of an enabled wallet, newest first.
    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        filter: Filter,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<HistoryItem>>, AccountError>;

    /// A transaction of an enabled wallet, as that wallet sees it.
    async fn transaction(
        &self,
        wallet: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<Versioned<TransactionView>, AccountError>;

    /// What is to come in an enabled wallet, the next release first.
    async fn releases(
        &self,
        wallet: WalletId,
        page: PageRequest<DueCursor>,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<OpenRelease, DueCursor>>, AccountError>;

    /// What is reserved in an enabled wallet, the next hold to expire first.
    async fn holds(
        &self,
        wallet: WalletId,
        page: PageRequest<DueCursor>,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<HoldView, DueCursor>>, AccountError>;

    /// The payouts of an enabled wallet, newest first.
    async fn payouts(
        &self,
        wallet: WalletId,
        page: PageRequest,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<PayoutView>>, AccountError>;

    /// A payout of an enabled wallet.
    async fn payout(
        &self,
        wallet: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<Versioned<PayoutView>, AccountError>;

    /// The largest transfers of an enabled wallet, at most `limit` each way.
    async fn top_transfers(
        &self,
        wallet: WalletId,
        limit: u16,
        at_least: Option<i64>,
    ) -> Result<LargestTransfers, AccountError>;
}

/// Accounts over the ledger, Postgres and the cache.
#[derive(Component)]
#[shaku(interface = Accounts)]
pub struct AccountsService {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    #[shaku(inject)]
    ledger: Arc<dyn Ledger>,
    #[shaku(inject)]
    cache: Arc<dyn BalanceCache>,
    #[shaku(inject)]
    clock: Arc<dyn Clock>,
    freshness: Arc<Freshness>,
    /// The currency of a wallet that is opened without one.
    currency: Currency,
}

#[async_trait]
impl Accounts for AccountsService {
    async fn open(
        &self,
        owner: CustomerXid,
        currency: Option<Currency>,
    ) -> Result<OwnedWallet, AccountError> {
        let currency = currency.unwrap_or(self.currency);
        let db = self.db.pool();
        if let Some(wallet) = wallets::find(db, owner, currency).await? {
            return Ok(OwnedWallet { wallet, owner });
        }
        // A customer without a wallet, left by a failure in between, is harmless: the next attempt finds the customer.
        let customer = customers::ensure(db, owner).await?;
        let opened = match wallets::open(db, customer, currency).await? {
            None => wallets::find(db, owner, currency).await?,
            opened => opened,
        };
        let wallet = opened.ok_or_else(|| DbError::Defect("a wallet just opened is missing".to_owned()))?;
        Ok(OwnedWallet { wallet, owner })
    }

    async fn open_and_view(
        &self,
        owner: CustomerXid,
        currency: Option<Currency>,
    ) -> Result<WalletView, AccountError> {
        let opened = self.open(owner, currency).await?;
        self.view(opened.wallet, None).await
    }

    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, AccountError> {
        let sources = Sources {
            db: self.db.as_ref(),
            cache: self.cache.as_ref(),
            freshness: &self.freshness,
            clock: self.clock.as_ref(),
        };
        sources.view(wallet, at_least).await
    }

    async fn view_enabled(
        &self,
        wallet: WalletId,
        at_least: Option<i64>,
    ) -> Result<EnabledWallet, AccountError> {
        let view = self.view(wallet, at_least).await?;
        if !view.status.enabled {
            return Err(AccountError::Disabled);
        }
        let enabled_at = view.status.enabled_at;
        let enabled_at =
            enabled_at.ok_or_else(|| DbError::Defect("an enabled wallet without a time".to_owned()))?;
        Ok(EnabledWallet { view, enabled_at })
    }

    /// A status does not lag: it is in the cache before the caller is answered. Where the cache cannot be written, the
    /// refresher writes it later.
    async fn change_status(
        &self,
        wallet: WalletId,
        order: StatusOrder,
        booking: Booking,
    ) -> Result<(OwnedWallet, Outcome), AccountError> {
        let owner = match booking.actor {
            Actor::Customer(xid) => xid,
            // An owner never changes, so an older view will do.
            _ => self.view(wallet, None).await?.owner,
        };
        let outcome = self.ledger.post(booking.operation(wallet, order.into())).await?;
        if let Ok(Done::Status(receipt)) = &outcome.decision {
            let status = changed(receipt);
            let _ = self.cache.refresh(&[(wallet, ViewPart::Status { owner, status })]).await;
        }
        Ok((OwnedWallet { wallet, owner }, outcome))
    }

    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        filter: Filter,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<HistoryItem>>, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let value = self.ledger.history(wallet, page, &filter).await?;
        // The lines are read after the wallet, which may come from the cache: they may be newer.
        let version = value.items.first().map_or(0, |item| item.version).max(view.money.version);
        Ok(Versioned { value, version })
    }

    async fn transaction(
        &self,
        wallet: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<Versioned<TransactionView>, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let value = self.ledger.transaction(wallet, id).await?.ok_or(AccountError::NotFound)?;
        let newest = value.entries.last().map_or(value.item.version, |entry| entry.version);
        let version = newest.max(view.money.version);
        Ok(Versioned { value, version })
    }

    async fn releases(
        &self,
        wallet: WalletId,
        page: PageRequest<DueCursor>,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<OpenRelease, DueCursor>>, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let value = self.ledger.releases(wallet, page).await?;
        Ok(Versioned { value, version: view.money.version })
    }

    async fn holds(
        &self,
        wallet: WalletId,
        page: PageRequest<DueCursor>,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<HoldView, DueCursor>>, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let value = self.ledger.holds(wallet, page).await?;
        Ok(Versioned { value, version: view.money.version })
    }

    async fn payouts(
        &self,
        wallet: WalletId,
        page: PageRequest,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<PayoutView>>, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let value = self.ledger.payouts(wallet, page).await?;
        let version = value.items.first().map_or(0, |payout| payout.version).max(view.money.version);
        Ok(Versioned { value, version })
    }

    async fn payout(
        &self,
        wallet: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<Versioned<PayoutView>, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let value = self.ledger.payout(wallet, id).await?.ok_or(AccountError::NotFound)?;
        let version = value.version.max(view.money.version);
        Ok(Versioned { value, version })
    }

    async fn top_transfers(
        &self,
        wallet: WalletId,
        limit: u16,
        at_least: Option<i64>,
    ) -> Result<LargestTransfers, AccountError> {
        self.view_enabled(wallet, at_least).await?;
        Ok(self.ledger.top_transfers(wallet, limit).await?)
    }
}
