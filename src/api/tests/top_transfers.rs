//! The largest transfers: the answer, and a wrong limit. Which they are is tried on a real database.

use poem::http::Method;
use serde_json::json;
use uuid::Uuid;

use super::{TestApi, answers::line, request, services::Call};
use crate::{
    accounts::{AccountError, Versioned},
    kernel::pagination::{Cursor, Page},
    ledger::{Kind, LargestTransfers, entry::TransactionStatus::Completed},
};

const PATH: &str = "/api/v1/wallet/top-transfers";

#[tokio::test]
async fn the_largest_each_way_are_shown_as_in_the_list() {
    let api = TestApi::new();
    let token = api.customer();
    let items =
        [(Kind::Withdrawal, 9, 4), (Kind::Withdrawal, 7, 3), (Kind::Deposit, 20, 2), (Kind::Deposit, 500, 1)]
            .map(|(kind, amount, version)| line(kind, Completed, amount, version));
    let [nine, seven, twenty, most] = items.clone();
    let (incoming, outgoing) = (vec![most, twenty], vec![nine, seven]);
    api.script(|| Ok(LargestTransfers { version: 5, incoming, outgoing }));
    let answer = api.get(PATH, &token).await;
    assert_eq!((answer.status, answer.header("wallet-version")), (200, "5"));
    let data = answer.json()["data"].clone();
    api.script(|| Ok(Versioned { value: Page { items: items.into(), next: None::<Cursor> }, version: 5 }));
    let list = api.get("/api/v1/wallet/transactions", &token).await.json()["data"]["transactions"].clone();
    assert_eq!(data, json!({"incoming": [list[3], list[2]], "outgoing": [list[0], list[1]]}));
}

#[tokio::test]
async fn five_are_asked_for_by_default_and_a_wrong_limit_is_a_field_error() {
    let api = TestApi::new();
    let token = api.customer();
    for (query, expected) in
        [("", 5), ("?limit=1", 1), ("?limit=6", 6), ("?limit=100", 100), ("?limit=0&limit=002", 2)]
    {
        assert_eq!(api.get(&format!("{PATH}{query}"), &token).await.status, 200, "{query}");
        let calls = api.services.calls();
        let [Call::TopTransfers(limit, None)] = calls[..] else { panic!("{calls:?}") };
        assert_eq!(limit, expected, "{query}");
    }
    for wrong in ["0", "101", "1000", "-1", "+5", "1.0", "", "ten", "65537", "%D9%A1"] {
        let answer = api.get(&format!("{PATH}?limit={wrong}"), &token).await;
        assert_eq!(answer.code(), (400, "validation_failed".to_owned()), "{wrong}");
        assert_eq!(answer.fields(), json!({"limit": ["Must be an integer from 1 to 100."]}), "{wrong}");
    }
    assert!(api.services.calls().is_empty());
}

#[tokio::test]
async fn it_is_read_as_every_part_of_a_wallet_is() {
    let api = TestApi::new();
    let token = api.customer();
    let read = async |version: &str| {
        api.send(request(Method::GET, PATH, &token).header("min-wallet-version", version).finish()).await
    };
    assert_eq!(read("1").await.status, 200);
    assert!(matches!(api.services.calls()[..], [Call::TopTransfers(5, Some(1))]));
    api.services.script::<()>(|| Err(AccountError::VersionNotReached { current: 1 }));
    assert_eq!(read("2").await.code(), (412, "version_not_reached".to_owned()));
    assert_eq!(read("x").await.code(), (400, "invalid_header".to_owned()));
    assert_eq!(api.get(PATH, "").await.status, 401);
    api.services.script::<()>(|| Err(AccountError::NotFound));
    assert_eq!(api.get(PATH, &Uuid::now_v7().to_string()).await.code(), (404, "not_found".to_owned()));
    api.services.script::<()>(|| Err(AccountError::Disabled));
    assert_eq!(api.get(PATH, &token).await.code(), (404, "wallet_disabled".to_owned()));
}
