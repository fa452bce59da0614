//! A balance cache inside this process. Other processes cannot update it, so each part of a view is used for two seconds:
//! from when an event arrived, or from before Postgres was read.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use moka::sync::Cache;
use shaku::Component;
use tokio::time::Instant;

use crate::{
    cache::{
        BalanceCache, CacheError, CacheMark, KnownBefore, Lookup, MoneyView, NextRelease, StatusView, Ticket,
        ViewPart, WalletView,
    },
    kernel::{
        books::Standing,
        currency::Currency,
        ids::{CustomerXid, WalletId},
    },
};

/// How long a part is used: the maximum delay of a change by another process.
const TIME_TO_LIVE: Duration = Duration::from_secs(2);
/// Maximum number of wallets that are cached; some tens of megabytes.
const WALLETS_MAX: u64 = 100_000;

/// The cache that the module has by default.
#[derive(Component, Default)]
#[shaku(interface = BalanceCache)]
pub struct InProcessCache {
    #[shaku(default)]
    wallets: Wallets,
    #[shaku(default)]
    mark: Mark,
}

/// Which history of the books the cached views are of.
#[derive(Default)]
pub struct Mark(Mutex<Option<CacheMark>>);

impl Mark {
    fn lock(&self) -> MutexGuard<'_, Option<CacheMark>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cached parts of each wallet.
pub struct Wallets(Cache<WalletId, Parts>);

impl Default for Wallets {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(WALLETS_MAX).time_to_live(TIME_TO_LIVE).build())
    }
}

#[derive(Clone, Copy)]
struct Parts {
    owner: CustomerXid,
    money: Option<Confirmed<(Currency, MoneyView)>>,
    status: Option<Confirmed<StatusView>>,
}

/// A part, and the last moment at which it was known to be the newest.
#[derive(Clone, Copy)]
struct Confirmed<T> {
    part: T,
    at: Instant,
}

impl<T: Copy> Confirmed<T> {
    fn if_fresh(&self) -> Option<T> {
        (self.at.elapsed() < TIME_TO_LIVE).then_some(self.part)
    }
}

impl Parts {
    /// Returns the version that was known before.
    fn write_money(&mut self, currency: Currency, money: MoneyView, at: Instant) -> KnownBefore {
        let known = self.money.map(|known| known.part.1.version);
        if known < Some(money.version) {
            self.money = Some(Confirmed { part: (currency, money), at });
        } else if known == Some(money.version)
            && let Some(same) = &mut self.money
        {
            same.at = same.at.max(at);
            if same.part.1.next_release == NextRelease::Unknown {
                same.part.1.next_release = money.next_release;
            }
        }
        known
    }

    /// Two sources of one status may know different times of it: both are stored. Returns the version that was known
    /// before.
    fn write_status(&mut self, mut status: StatusView, mut at: Instant) -> KnownBefore {
        let known = self.status.map(|known| known.part.version);
        if known > Some(status.version) {
            return known;
        }
        if let Some(same) = self.status.filter(|known| known.part.version == status.version) {
            status.enabled_at = same.part.enabled_at.or(status.enabled_at);
            status.disabled_at = same.part.disabled_at.or(status.disabled_at);
            at = at.max(same.at);
        }
        self.status = Some(Confirmed { part: status, at });
        known
    }
}

impl Wallets {
    /// Changes a wallet's parts; one change at a time for each wallet.
    fn change<T>(
        &self,
        wallet: WalletId,
        owner: CustomerXid,
        change: impl FnOnce(&mut Parts) -> T,
    ) -> Option<T> {
        let mut answer = None;
        self.0.entry(wallet).and_upsert_with(|known| {
            let mut parts = known.map_or(Parts { owner, money: None, status: None }, moka::Entry::into_value);
            answer = Some(change(&mut parts));
            parts
        });
        answer
    }
}

#[async_trait]
impl BalanceCache for InProcessCache {
    async fn get(&self, wallet: WalletId) -> Result<Lookup, CacheError> {
        let view = self.wallets.0.get(&wallet).and_then(|parts| {
            let (currency, money) = parts.money?.if_fresh()?;
            let status = parts.status?.if_fresh()?;
            // An enabled wallet is shown with the time of its enabling.
            if status.enabled && status.enabled_at.is_none() {
                return None;
            }
            if money.next_release == NextRelease::Unknown {
                return None;
            }
            Some(WalletView { id: wallet, owner: parts.owner, currency, money, status })
        });
        Ok(view.map_or_else(|| Lookup::Miss(ticket(wallet)), Lookup::Hit))
    }

    async fn tickets(&self, wallets: &[WalletId]) -> Result<Vec<Ticket>, CacheError> {
        Ok(wallets.iter().copied().map(ticket).collect())
    }

    /// Every ticket is valid: a view counts from when its ticket was taken, and expires two seconds later.
    async fn fill(&self, views: &[(Ticket, WalletView)]) -> Result<usize, CacheError> {
        for (ticket, view) in views {
            self.wallets.change(view.id, view.owner, |parts| {
                parts.write_money(view.currency, view.money, ticket.taken);
                parts.write_status(view.status, ticket.taken);
            });
        }
        Ok(views.len())
    }

    async fn refresh(&self, parts: &[(WalletId, ViewPart)]) -> Result<Vec<KnownBefore>, CacheError> {
        let now = Instant::now();
        let known_before = parts.iter().map(|(wallet, part)| match *part {
            ViewPart::Money { owner, currency, money } => {
                self.wallets.change(*wallet, owner, |parts| parts.write_money(currency, money, now)).flatten()
            }
            ViewPart::Status { owner, status } => {
                self.wallets.change(*wallet, owner, |parts| parts.write_status(status, now)).flatten()
            }
        });
        Ok(known_before.collect())
    }

    async fn mark(&self) -> Result<Option<CacheMark>, CacheError> {
        Ok(self.mark.lock().clone())
    }

    async fn adopt(
        &self,
        known: Option<CacheMark>,
        standing: &Standing,
        is_to_be_replaced: bool,
    ) -> Result<(), CacheError> {
        if is_to_be_replaced || !known.is_some_and(|known| standing.continues(&known.standing)) {
            self.wallets.0.invalidate_all();
        }
        *self.mark.lock() = Some(CacheMark { standing: standing.clone(), epoch: String::new() });
        Ok(())
    }

    fn has_adopted(&self) -> bool {
        self.mark.lock().is_some()
    }

    async fn ping(&self) -> Result<(), CacheError> {
        Ok(())
    }

    fn name(&self) -> &'static str {
        "in-process"
    }
}

fn ticket(wallet: WalletId) -> Ticket {
    Ticket { wallet, taken: Instant::now(), state: String::new() }
}
