//! The audit of the balance cache: every view in it, compared with the books. A view may be behind, never ahead.

use futures_util::future::try_join_all;
use uuid::Uuid;

use super::{error::AccountError, views::view};
use crate::{
    cache::{BalanceCache, CacheMark, Lookup, StatusView, WalletView},
    db::Database,
    kernel::{
        finding::{Finding, Findings},
        ids::WalletId,
    },
    ledger::wallets,
};

const IS_OF_THE_BOOKS: &str = "the cache is from the books' own history";
const IS_NOT_AHEAD: &str = "no view in the cache is newer than the books";
const IS_EQUAL: &str = "a view in the cache says what the books say at its version";

/// Every rule of the comparison.
pub const CACHE_RULES: [&str; 3] = [IS_OF_THE_BOOKS, IS_NOT_AHEAD, IS_EQUAL];

/// Maximum number of wallets that are asked for at once.
const STEP: usize = 200;

/// The outcome of a comparison.
#[derive(Clone, Debug, Default)]
pub struct CacheAudited {
    /// Empty: nothing in the cache contradicts the books.
    pub findings: Vec<Finding>,
    /// Wallets whose view is in the cache.
    pub views: u64,
    /// Those of them that are older than the books.
    pub behind: u64,
    /// Wallets without a view.
    pub absent: u64,
}

impl CacheAudited {
    /// Of a cache whose mark the books do not continue: no process believes anything in it.
    #[must_use]
    pub fn of_another_history(mark: &CacheMark) -> Self {
        let mut findings = Findings::default();
        findings.add(IS_OF_THE_BOOKS, || format!("its mark is {:?}", mark.standing));
        Self { findings: findings.into_vec(), ..Self::default() }
    }
}

/// Compares the view of every wallet with the books. Money may move meanwhile: each view is read before its wallet is.
pub async fn audit_cache(db: &dyn Database, cache: &dyn BalanceCache) -> Result<CacheAudited, AccountError> {
    let mut audited = CacheAudited::default();
    let mut findings = Findings::default();
    let mut last = WalletId(Uuid::nil());
    loop {
        let ids = wallets::wallets_after(db.pool(), last, STEP).await?;
        let Some(end) = ids.last() else { break };
        last = *end;
        let cached = try_join_all(ids.iter().map(|wallet| cache.get(*wallet))).await?;
        let found = wallets::wallets(db.pool(), &ids).await?;
        let mut books = found.iter().map(view).peekable();
        for (wallet, lookup) in ids.iter().zip(cached) {
            let Some(books) = books.next_if(|view| view.id == *wallet) else { continue };
            match lookup {
                Lookup::Hit(view) => {
                    audited.views += 1;
                    audited.behind += u64::from(compare(&view, &books, &mut findings));
                }
                Lookup::Miss(_) => audited.absent += 1,
            }
        }
    }
    audited.findings = findings.into_vec();
    Ok(audited)
}

/// Whether the view is older than the books.
fn compare(view: &WalletView, books: &WalletView, findings: &mut Findings) -> bool {
    let wallet = view.id;
    let parts = [
        ("version", view.money.version, books.money.version, view.money == books.money),
        ("status version", view.status.version, books.status.version, agree(&view.status, &books.status)),
    ];
    for (part, cached, booked, is_equal) in parts {
        if cached > booked {
            findings
                .add(IS_NOT_AHEAD, || format!("wallet {wallet}, {part} {cached}: the books have {booked}"));
        } else if cached == booked && !is_equal {
            findings.add(IS_EQUAL, || format!("wallet {wallet}, {part} {cached}: {view:?}, not {books:?}"));
        }
    }
    if (view.owner, view.currency) != (books.owner, books.currency) {
        findings.add(IS_EQUAL, || format!("wallet {wallet}: {view:?}, not {books:?}"));
    }
    parts.iter().any(|(_, cached, booked, _)| cached < booked)
}

/// A status view that was made of an event knows its own moment only.
fn agree(view: &StatusView, books: &StatusView) -> bool {
    (view.enabled, view.frozen) == (books.enabled, books.frozen)
        && (view.enabled_at.is_none() || view.enabled_at == books.enabled_at)
        && (view.disabled_at.is_none() || view.disabled_at == books.disabled_at)
}
