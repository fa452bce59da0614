//! Filtered histories: a page looks at 10,000 entries at most, and then says where it goes on.

use wallet::{
    kernel::{
        ids::WalletId,
        pagination::{Cursor, Page, PageRequest},
    },
    ledger::{
        Kind,
        entry::TransactionStatus,
        posting::PostingLoop,
        read::{self, Filter, HistoryItem},
    },
};

use super::support::{
    database::TestDatabase,
    operations::{Expecting, deposit, settings},
};

/// A deposit, and 25,000 refused withdrawals after it.
async fn long_history(db: &TestDatabase) -> WalletId {
    let wallet = db.wallets(1).await[0];
    let posting_loop = PostingLoop::start(settings(&db.url), std::sync::Arc::default());
    posting_loop.book(deposit(wallet, 1)).await.unwrap();
    db.run(&format!(
        "insert into transactions (id, kind, status, wallet_id, version, amount, currency, created_at)
             select gen_random_uuid(), 2, 2, '{wallet}', n, 1, 'USD', '2040-01-01Z'::timestamptz + n * interval '1 s'
             from generate_series(2, 25001) n;
         insert into entries (wallet_id, version, transaction_id, kind, delta_available, delta_held, delta_unreleased,
                              available, held, unreleased, occurred_at, hash)
             select wallet_id, version, id, kind, 0, 0, 0, 1, 0, 0, created_at, decode(repeat('00', 32), 'hex')
             from transactions where version > 1;
         update wallets set version = 25001"
    ))
    .await;
    wallet
}

#[tokio::test]
async fn a_filtered_page_ends_where_it_has_looked_enough() {
    let db = TestDatabase::create().await.unaudited();
    let wallet = long_history(&db).await;
    let pool = wallet::db::connect(&db.url, 1).unwrap();
    let page = async |filter: &Filter, limit, after| -> Page<HistoryItem> {
        read::list(&pool, wallet, PageRequest { limit, after }, filter).await.unwrap()
    };
    let deposits = Filter { kinds: Some(vec![Kind::Deposit]), ..Filter::default() };
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let Page { items, next } = page(&deposits, 100, after).await;
        seen.push((items.len(), next));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [(0, Some(Cursor(15_002))), (0, Some(Cursor(5_002))), (1, None)]);

    let moment = |text: &str| Some(text.parse().unwrap());
    let late = Filter { from: moment("2040-01-01T05:00:00Z"), ..deposits.clone() };
    assert_eq!(page(&late, 100, None).await.next, None, "whatever is older is too old");
    let early = Filter { from: moment("2026-01-01T00:00:00Z"), ..deposits };
    assert_eq!(page(&early, 100, None).await.next, Some(Cursor(15_002)));

    let refused = Filter { statuses: Some(vec![TransactionStatus::Refused]), ..Filter::default() };
    let Page { items, next } = page(&refused, 2, None).await;
    assert_eq!(items.iter().map(|item| item.version).collect::<Vec<_>>(), [25_001, 25_000]);
    assert_eq!(next, Some(Cursor(25_000)));
    let between = Filter {
        from: moment("2040-01-01T00:00:10Z"),
        to: moment("2040-01-01T00:00:12Z"),
        ..Filter::default()
    };
    let Page { items, .. } = page(&between, 100, Some(Cursor(5_002))).await;
    assert_eq!(items.iter().map(|item| item.version).collect::<Vec<_>>(), [11, 10]);
    let none = Filter { kinds: Some(vec![]), ..Filter::default() };
    assert_eq!(page(&none, 100, Some(Cursor(5_002))).await.items, []);
}
