//! A balance cache inside this process. Other processes do not reach it, so each part of a view is believed for two
//! seconds from the last time that somebody told it.

use std::time::Duration;

use async_trait::async_trait;
use moka::sync::Cache;
use shaku::Component;
use tokio::time::Instant;

use crate::{
    cache::{BalanceCache, CacheError, MoneyView, StatusView, ViewPart, WalletView},
    kernel::{
        currency::Currency,
        ids::{WalletId, Xid},
    },
};

/// How long a part is believed: what a change by another process may lag.
const TIME_TO_LIVE: Duration = Duration::from_secs(2);
/// As many wallets are remembered; some tens of megabytes.
const WALLETS_MAX: u64 = 100_000;

/// The cache that the module has by default.
#[derive(Component, Default)]
#[shaku(interface = BalanceCache)]
pub struct InProcessCache {
    #[shaku(default)]
    known: Known,
}

/// What is remembered of each wallet.
pub struct Known(Cache<WalletId, Parts>);

impl Default for Known {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(WALLETS_MAX).time_to_live(TIME_TO_LIVE).build())
    }
}

#[derive(Clone, Copy)]
struct Parts {
    owner: Xid,
    money: Option<Told<(Currency, MoneyView)>>,
    status: Option<Told<StatusView>>,
}

/// A part, and when somebody last told it.
#[derive(Clone, Copy)]
struct Told<T> {
    part: T,
    at: Instant,
}

impl<T: Copy> Told<T> {
    fn if_fresh(&self) -> Option<T> {
        (self.at.elapsed() < TIME_TO_LIVE).then_some(self.part)
    }
}

impl Parts {
    fn tell_money(&mut self, currency: Currency, money: MoneyView) {
        if self.money.is_none_or(|known| known.part.1.version <= money.version) {
            self.money = Some(Told { part: (currency, money), at: Instant::now() });
        }
    }

    /// Two tellers of one status may know different moments of it: both are kept.
    fn tell_status(&mut self, mut status: StatusView) {
        if let Some(Told { part: known, .. }) = self.status {
            if known.version > status.version {
                return;
            }
            if known.version == status.version {
                status.enabled_at = known.enabled_at.or(status.enabled_at);
                status.disabled_at = known.disabled_at.or(status.disabled_at);
            }
        }
        self.status = Some(Told { part: status, at: Instant::now() });
    }
}

impl Known {
    /// Changes a wallet's parts; one change at a time for each wallet.
    fn change(&self, wallet: WalletId, owner: Xid, change: impl FnOnce(&mut Parts)) {
        self.0.entry(wallet).and_upsert_with(|known| {
            let mut parts = known.map_or(Parts { owner, money: None, status: None }, moka::Entry::into_value);
            change(&mut parts);
            parts
        });
    }
}

#[async_trait]
impl BalanceCache for InProcessCache {
    async fn get(&self, wallet: WalletId) -> Result<Option<WalletView>, CacheError> {
        let view = self.known.0.get(&wallet).and_then(|parts| {
            let (currency, money) = parts.money?.if_fresh()?;
            let status = parts.status?.if_fresh()?;
            // Who shows an enabled wallet needs the moment of its enabling.
            if status.enabled && status.enabled_at.is_none() {
                return None;
            }
            Some(WalletView { id: wallet, owner: parts.owner, currency, money, status })
        });
        Ok(view)
    }

    async fn fill(&self, view: &WalletView) -> Result<(), CacheError> {
        self.known.change(view.id, view.owner, |parts| {
            parts.tell_money(view.currency, view.money);
            parts.tell_status(view.status);
        });
        Ok(())
    }

    async fn refresh(&self, parts: &[(WalletId, ViewPart)]) -> Result<(), CacheError> {
        for (wallet, part) in parts {
            match *part {
                ViewPart::Money { owner, currency, money } => {
                    self.known.change(*wallet, owner, |parts| parts.tell_money(currency, money));
                }
                ViewPart::Status { owner, status } => {
                    self.known.change(*wallet, owner, |parts| parts.tell_status(status));
                }
            }
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), CacheError> {
        Ok(())
    }

    fn name(&self) -> &'static str {
        "in-process"
    }
}
