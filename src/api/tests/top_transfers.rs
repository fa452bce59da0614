//! The largest transfers: what is answered, and how a wrong limit is told. What is in them is tried on a real database.

use poem::http::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Room, request};

const PATH: &str = "/api/v1/wallet/top-transfers";

#[tokio::test]
async fn the_largest_each_way_are_told_as_the_list_tells_them() {
    let room = Room::new();
    let token = room.customer(500).await;
    for (path, amount) in [("deposits", 20), ("withdrawals", 7), ("withdrawals", 9), ("withdrawals", 1_000)] {
        let form = format!("amount={amount}&reference_id={}", Uuid::now_v7());
        room.post(&format!("/api/v1/wallet/{path}"), &token, &form).await;
    }
    let answer = room.get(PATH, &token).await;
    assert_eq!((answer.status, answer.header("wallet-version")), (200, "5"));
    let data = answer.json()["data"].clone();
    let list = room.get("/api/v1/wallet/transactions", &token).await.json()["data"]["transactions"].clone();
    // Newest first: the refused one, 9, 7, 20, 500.
    assert_eq!(data, json!({"incoming": [list[4], list[3]], "outgoing": [list[1], list[2]]}));
    let one = room.get(&format!("{PATH}?limit=1"), &token).await.json()["data"].clone();
    assert_eq!(one, json!({"incoming": [list[4]], "outgoing": [list[1]]}));
}

#[tokio::test]
async fn five_are_told_unless_told_otherwise_and_a_wrong_limit_is_a_field_error() {
    let room = Room::new();
    let token = room.customer(1).await;
    for amount in 2..=7 {
        let form = format!("amount={amount}&reference_id={}", Uuid::now_v7());
        assert_eq!(room.post("/api/v1/wallet/deposits", &token, &form).await.status, 201);
    }
    let count = async |query: &str| {
        let answer = room.get(&format!("{PATH}{query}"), &token).await;
        answer.json()["data"]["incoming"].as_array().unwrap_or_else(|| panic!("{query}")).len()
    };
    for (query, expected) in [("", 5), ("?limit=6", 6), ("?limit=100", 7), ("?limit=0&limit=002", 2)] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    for wrong in ["0", "101", "1000", "-1", "+5", "1.0", "", "ten", "65537", "%D9%A1"] {
        let answer = room.get(&format!("{PATH}?limit={wrong}"), &token).await;
        assert_eq!(answer.code(), (400, "validation_failed".to_owned()), "{wrong}");
        assert_eq!(answer.fields(), json!({"limit": ["Must be an integer from 1 to 100."]}), "{wrong}");
    }
}

#[tokio::test]
async fn it_is_read_as_every_part_of_a_wallet_is() {
    let room = Room::new();
    let token = room.customer(1).await;
    let read = async |version: &str| {
        room.send(request(Method::GET, PATH, &token).header("min-wallet-version", version).finish()).await
    };
    assert_eq!(read("1").await.status, 200);
    assert_eq!(read("2").await.code(), (412, "version_not_reached".to_owned()));
    assert_eq!(read("x").await.code(), (400, "invalid_header".to_owned()));
    assert_eq!(room.get(PATH, "").await.status, 401);
    assert_eq!(room.get(PATH, &Uuid::now_v7().to_string()).await.code(), (404, "not_found".to_owned()));
    let never_enabled = room.disabled_customer().await;
    assert_eq!(room.get(PATH, &never_enabled).await.code(), (404, "wallet_disabled".to_owned()));
}
