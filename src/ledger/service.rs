//! The face of the ledger.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};

use super::{
    LedgerError, Posted,
    history::{self, HistoryItem},
    operation::Operation,
    posting_loop::PostingLoop,
};
use crate::{
    db::Database,
    kernel::{
        ids::WalletId,
        page::{Page, PageRequest},
    },
};

/// Where money changes, and where what happened to it is read.
#[async_trait]
pub trait Ledger: Interface {
    /// Decides an operation under the row locks; answers after the commit.
    async fn post(&self, operation: Operation) -> Result<Posted, LedgerError>;

    /// What was booked on a wallet, newest first.
    async fn history(&self, wallet: WalletId, page: PageRequest) -> Result<Page<HistoryItem>, LedgerError>;
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
    async fn post(&self, operation: Operation) -> Result<Posted, LedgerError> {
        self.posting_loop.post(operation).await
    }

    async fn history(&self, wallet: WalletId, page: PageRequest) -> Result<Page<HistoryItem>, LedgerError> {
        history::list(self.db.connection(), wallet, page).await
    }
}
