//! The face of the ledger.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};

use super::{
    error::LedgerError,
    operation::Operation,
    outcome::Outcome,
    posting::{PostingLoop, preview},
    read::{self, Filter, HistoryItem, HoldView, OpenRelease, PayoutView, TransactionView},
    top_transfers::{self, LargestTransfers},
};
use crate::{
    db::Database,
    kernel::{
        ids::{OperationId, WalletId},
        pagination::{DueCursor, Page, PageRequest},
    },
};

/// Where money changes, and where what happened to it is read.
#[async_trait]
pub trait Ledger: Interface {
    /// Decides an operation under the row locks; answers after the commit.
    async fn post(&self, operation: Operation) -> Result<Outcome, LedgerError>;

    /// What would become of an operation now: every check, nothing stored, no version taken. Its key is not looked at.
    async fn preview(&self, operation: Operation) -> Result<Outcome, LedgerError>;

    /// What was booked on a wallet, newest first.
    async fn history(
        &self,
        wallet: WalletId,
        page: PageRequest,
        filter: &Filter,
    ) -> Result<Page<HistoryItem>, LedgerError>;

    /// A transaction as this wallet sees it; none where it is another's, or does not exist.
    async fn transaction(
        &self,
        wallet: WalletId,
        id: OperationId,
    ) -> Result<Option<TransactionView>, LedgerError>;

    /// What is to come in a wallet, the next release first.
    async fn releases(
        &self,
        wallet: WalletId,
        page: PageRequest<DueCursor>,
    ) -> Result<Page<OpenRelease, DueCursor>, LedgerError>;

    /// A hold; none where it does not exist.
    async fn hold(&self, id: OperationId) -> Result<Option<HoldView>, LedgerError>;

    /// A wallet's open holds, the next one to expire first.
    async fn holds(
        &self,
        wallet: WalletId,
        page: PageRequest<DueCursor>,
    ) -> Result<Page<HoldView, DueCursor>, LedgerError>;

    /// A payout of this wallet; none where it is another's, or does not exist.
    async fn payout(&self, wallet: WalletId, id: OperationId) -> Result<Option<PayoutView>, LedgerError>;

    /// A wallet's payouts, newest first.
    async fn payouts(&self, wallet: WalletId, page: PageRequest) -> Result<Page<PayoutView>, LedgerError>;

    /// The largest transfers of a wallet, at most `limit` each way.
    async fn top_transfers(&self, wallet: WalletId, limit: u16) -> Result<LargestTransfers, LedgerError>;
}

/// The ledger over Postgres.
#[derive(Component)]
#[shaku(interface = Ledger)]
pub struct LedgerService {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    posting_loop: PostingLoop,
}

#[async_trait]
impl Ledger for LedgerService {
    async fn post(&self, operation: Operation) -> Result<Outcome, LedgerError> {
        self.posting_loop.post(operation).await
    }

    async fn preview(&self, operation: Operation) -> Result<Outcome, LedgerError> {
        preview(self.db.pool(), operation).await
    }

    async fn history(
        &self,
        wallet: WalletId,
        page: PageRequest,
        filter: &Filter,
    ) -> Result<Page<HistoryItem>, LedgerError> {
        read::list(self.db.pool(), wallet, page, filter).await
    }

    async fn transaction(
        &self,
        wallet: WalletId,
        id: OperationId,
    ) -> Result<Option<TransactionView>, LedgerError> {
        read::find(self.db.pool(), wallet, id).await
    }

    async fn releases(
        &self,
        wallet: WalletId,
        page: PageRequest<DueCursor>,
    ) -> Result<Page<OpenRelease, DueCursor>, LedgerError> {
        read::open_releases(self.db.pool(), wallet, page).await
    }

    async fn hold(&self, id: OperationId) -> Result<Option<HoldView>, LedgerError> {
        read::find_hold(self.db.pool(), id).await
    }

    async fn holds(
        &self,
        wallet: WalletId,
        page: PageRequest<DueCursor>,
    ) -> Result<Page<HoldView, DueCursor>, LedgerError> {
        read::open_holds(self.db.pool(), wallet, page).await
    }

    async fn payout(&self, wallet: WalletId, id: OperationId) -> Result<Option<PayoutView>, LedgerError> {
        read::find_payout(self.db.pool(), wallet, id).await
    }

    async fn payouts(&self, wallet: WalletId, page: PageRequest) -> Result<Page<PayoutView>, LedgerError> {
        read::payouts(self.db.pool(), wallet, page).await
    }

    async fn top_transfers(&self, wallet: WalletId, limit: u16) -> Result<LargestTransfers, LedgerError> {
        top_transfers::largest(self.db.pool(), wallet, limit).await
    }
}
