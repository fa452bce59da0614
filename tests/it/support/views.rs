//! Views of wallets for tests.

use async_trait::async_trait;
use uuid::Uuid;
use wallet::{
    cache::{BalanceCache, CacheError, Lookup, MoneyView, NextRelease, StatusView, ViewPart, WalletView},
    kernel::{
        clock::Timestamp,
        currency::Currency,
        ids::{CustomerXid, WalletId},
    },
};

pub fn usd() -> Currency {
    "USD".parse().unwrap()
}

/// A moment; each number is another one.
pub fn moment(n: i64) -> Timestamp {
    Timestamp::from_timestamp_micros(1_767_225_600_000_001 + n * 1_000_000).unwrap()
}

/// Money whose numbers contain its version.
pub fn money(version: i64) -> MoneyView {
    MoneyView {
        available: version * 100,
        held: version * 10,
        unreleased: 0,
        next_release: NextRelease::Never,
        version,
    }
}

/// Enabled at odd versions, disabled at even ones, as an event has it.
pub fn status(version: i64) -> StatusView {
    let enabled = version % 2 == 1;
    let at = Some(moment(version));
    StatusView {
        enabled,
        frozen: false,
        enabled_at: at.filter(|_| enabled),
        disabled_at: at.filter(|_| !enabled),
        version,
    }
}

/// A new enabled wallet.
pub fn wallet(version: i64) -> WalletView {
    WalletView {
        id: WalletId(Uuid::new_v4()),
        owner: CustomerXid(Uuid::new_v4()),
        currency: usd(),
        money: money(version),
        status: status(1),
    }
}

pub fn money_part(view: &WalletView, version: i64) -> (WalletId, ViewPart) {
    (view.id, ViewPart::Money { owner: view.owner, currency: view.currency, money: money(version) })
}

pub fn status_part(view: &WalletView, status: StatusView) -> (WalletId, ViewPart) {
    (view.id, ViewPart::Status { owner: view.owner, status })
}

/// A cache without tickets, as most tests use it.
#[async_trait]
pub trait Untroubled: BalanceCache {
    /// The view, if it is cached.
    async fn found(&self, wallet: WalletId) -> Result<Option<WalletView>, CacheError> {
        Ok(match self.get(wallet).await? {
            Lookup::Hit(view) => Some(view),
            Lookup::Miss(_) => None,
        })
    }

    /// Fills the view under a ticket that was taken just now.
    async fn put(&self, view: &WalletView) -> Result<(), CacheError> {
        let tickets = self.tickets(&[view.id]).await?;
        let filling: Vec<_> = tickets.into_iter().map(|ticket| (ticket, *view)).collect();
        assert_eq!(self.fill(&filling).await?, 1, "a new ticket holds");
        Ok(())
    }
}

impl<C: BalanceCache + ?Sized> Untroubled for C {}
