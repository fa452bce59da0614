//! Putting wallets into the cache as the books have them.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};
use uuid::Uuid;

use super::{error::AccountError, views::view};
use crate::{
    cache::{BalanceCache, Ticket, WalletView},
    db::Database,
    kernel::ids::WalletId,
    ledger::wallets,
};

/// Maximum number of wallets that are read from Postgres at once.
const STEP: usize = 500;
/// How often wallets are read again whose tickets did not hold.
const ATTEMPTS: usize = 3;

/// Fills the balance cache from the books.
#[async_trait]
pub trait CacheFill: Interface {
    /// Reads these wallets from Postgres into the cache. What is newer in the cache stays.
    async fn refill(&self, wallets: &[WalletId]) -> Result<(), AccountError>;

    /// Reads every wallet into the cache; answers how many there are. What is newer in the cache stays.
    async fn rebuild(&self) -> Result<u64, AccountError>;
}

/// Fills the cache over Postgres.
#[derive(Component)]
#[shaku(interface = CacheFill)]
pub struct CacheFiller {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    #[shaku(inject)]
    cache: Arc<dyn BalanceCache>,
}

#[async_trait]
impl CacheFill for CacheFiller {
    async fn refill(&self, wallets: &[WalletId]) -> Result<(), AccountError> {
        for step in wallets.chunks(STEP) {
            let mut attempts = 0;
            while !self.fill(step).await? && attempts < ATTEMPTS {
                attempts += 1;
            }
        }
        Ok(())
    }

    async fn rebuild(&self) -> Result<u64, AccountError> {
        let mut last = WalletId(Uuid::nil());
        let mut filled = 0;
        loop {
            let wallets = wallets::wallets_after(self.db.pool(), last, STEP).await?;
            let Some(end) = wallets.last() else { return Ok(filled) };
            last = *end;
            self.refill(&wallets).await?;
            filled += wallets.len() as u64;
        }
    }
}

impl CacheFiller {
    /// Whether every ticket held: they are taken before Postgres is asked, and not for long.
    async fn fill(&self, wallets: &[WalletId]) -> Result<bool, AccountError> {
        let tickets = self.cache.tickets(wallets).await?;
        let found = wallets::wallets(self.db.pool(), wallets).await?;
        let mut filling: Vec<(Ticket, WalletView)> = Vec::with_capacity(found.len());
        let mut views = found.iter().map(view).peekable();
        // Both are in the order in which they were asked for; a wallet that does not exist has no view.
        for ticket in tickets {
            if let Some(view) = views.next_if(|view| view.id == ticket.wallet) {
                filling.push((ticket, view));
            }
        }
        Ok(self.cache.fill(&filling).await? == filling.len())
    }
}
