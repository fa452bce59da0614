//! The mini-wallet exercise, row by row.

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Room, request};

const MOMENT: &str = "2027-01-15T08:00:00.123Z";

/// The names in an object, in the order in which they stand.
fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn disable(room: &Room, token: &str) -> Answer {
    let request =
        request(Method::PATCH, "/api/v1/wallet", token).content_type("application/x-www-form-urlencoded");
    room.send(request.body("is_disabled=true")).await
}

#[tokio::test]
async fn init_gives_a_token_and_the_same_wallet_again() {
    let room = Room::new();
    let form = format!("customer_xid={}", Uuid::now_v7());
    let first = room.post("/api/v1/init", "", &form).await;
    assert_eq!(first.status, 201);
    assert_eq!(names(&first.json()["data"]), ["token"]);
    let token = first.json()["data"]["token"].as_str().unwrap().to_owned();
    assert_eq!(room.post("/api/v1/wallet", &token, "").await.status, 201);
    let again = room.post("/api/v1/init", "", &form).await;
    assert_eq!(again.status, 201);
    assert_eq!(room.get("/api/v1/wallet", again.json()["data"]["token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_wallet_is_enabled_once() {
    let room = Room::new();
    let token = room.disabled_customer().await;
    let answer = room.post("/api/v1/wallet", &token, "").await;
    let expected = json!({
        "id": token, "owned_by": token, "status": "enabled", "enabled_at": MOMENT, "balance": 0,
        "available_balance": 0, "currency": "USD", "version": 0,
    });
    assert_eq!((answer.status, &answer.json()["data"]["wallet"]), (201, &expected));
    assert_eq!(
        names(&answer.json()["data"]["wallet"])[..5],
        ["id", "owned_by", "status", "enabled_at", "balance"]
    );
    assert_eq!(answer.header("wallet-version"), "0");
    let again = room.post("/api/v1/wallet", &token, "").await;
    assert_eq!(
        again.json(),
        json!({"status": "fail", "data": {"error": "Already enabled", "code": "already_enabled"}})
    );
    assert_eq!(again.status, 400);
}

#[tokio::test]
async fn a_disabled_wallet_shows_nothing_and_moves_nothing() {
    let room = Room::new();
    let token = room.disabled_customer().await;
    let money = format!("amount=1&reference_id={}", Uuid::now_v7());
    for answer in [
        room.get("/api/v1/wallet", &token).await,
        room.get("/api/v1/wallet/transactions", &token).await,
        room.post("/api/v1/wallet/deposits", &token, &money).await,
        room.post("/api/v1/wallet/withdrawals", &token, &money).await,
    ] {
        let expected =
            json!({"status": "fail", "data": {"error": "Wallet disabled", "code": "wallet_disabled"}});
        assert_eq!((answer.status, answer.json()), (404, expected));
    }
    assert_eq!(disable(&room, &token).await.code(), (400, "already_disabled".to_owned()));
}

#[tokio::test]
async fn disabling_keeps_the_balance() {
    let room = Room::new();
    let token = room.customer(700).await;
    let answer = disable(&room, &token).await;
    let expected = json!({
        "id": token, "owned_by": token, "status": "disabled", "disabled_at": MOMENT, "balance": 700,
        "available_balance": 700, "currency": "USD", "version": 1,
    });
    assert_eq!((answer.status, &answer.json()["data"]["wallet"]), (200, &expected));
    assert_eq!(answer.header("wallet-version"), "1");
    let again = disable(&room, &token).await;
    assert_eq!((again.status, &again.json()["data"]["error"]), (400, &json!("Already disabled")));
    assert_eq!(room.post("/api/v1/wallet", &token, "").await.json()["data"]["wallet"]["balance"], 700);
}

#[tokio::test]
async fn money_comes_in_and_goes_out() {
    let room = Room::new();
    let token = room.customer(0).await;
    let reference = Uuid::now_v7().to_string();
    let form = format!("amount=500&reference_id={reference}");
    let answer = room.post("/api/v1/wallet/deposits", &token, &form).await;
    let deposit = &answer.json()["data"]["deposit"];
    let expected = json!({
        "id": deposit["id"], "deposited_by": token, "status": "success", "deposited_at": MOMENT, "amount": 500,
        "reference_id": reference, "balance": 500, "available_balance": 500, "currency": "USD", "version": 1,
    });
    assert_eq!((answer.status, deposit), (201, &expected));
    assert_eq!(answer.header("wallet-version"), "1");

    // A withdrawal may share the deposit's reference.
    let form = format!("amount=200&reference_id={reference}");
    let answer = room.post("/api/v1/wallet/withdrawals", &token, &form).await;
    let withdrawal = &answer.json()["data"]["withdrawal"];
    let expected = json!({
        "id": withdrawal["id"], "withdrawn_by": token, "status": "success", "withdrawn_at": MOMENT, "amount": 200,
        "reference_id": reference, "balance": 300, "available_balance": 300, "currency": "USD", "version": 2,
    });
    assert_eq!((answer.status, withdrawal), (201, &expected));
    assert_eq!(answer.header("wallet-version"), "2");
    assert_eq!(room.get("/api/v1/wallet", &token).await.json()["data"]["wallet"]["balance"], 300);
}

#[tokio::test]
async fn a_reference_books_once_and_names_the_first() {
    let room = Room::new();
    let token = room.customer(100).await;
    let form = format!("amount=50&reference_id={}", Uuid::now_v7());
    for (path, name) in [("/api/v1/wallet/deposits", "deposit"), ("/api/v1/wallet/withdrawals", "withdrawal")]
    {
        let first = room.post(path, &token, &form).await.json()["data"][name]["id"].clone();
        let again = room.post(path, &token, &form).await;
        assert_eq!(again.code(), (400, "duplicate_reference".to_owned()));
        assert_eq!(again.json()["data"]["transaction_id"], first);
    }
    assert_eq!(room.wallets.balances(), 100);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_taken_and_the_attempt_is_listed() {
    let room = Room::new();
    let token = room.customer(100).await;
    let reference = Uuid::now_v7().to_string();
    let too_much = format!("amount=101&reference_id={reference}");
    let refused = room.post("/api/v1/wallet/withdrawals", &token, &too_much).await;
    let expected =
        json!({"status": "fail", "data": {"error": "Insufficient funds", "code": "insufficient_funds"}});
    assert_eq!((refused.status, refused.json()), (400, expected));
    let enough = format!("amount=100&reference_id={reference}");
    assert_eq!(room.post("/api/v1/wallet/withdrawals", &token, &enough).await.status, 201);

    let list = room.get("/api/v1/wallet/transactions", &token).await;
    let data = &list.json()["data"];
    let lines = data["transactions"].as_array().unwrap();
    let seen: Vec<_> =
        lines.iter().map(|l| (l["type"].as_str(), l["status"].as_str(), l["amount"].as_i64())).collect();
    assert_eq!(
        seen,
        [
            (Some("withdrawal"), Some("success"), Some(100)),
            (Some("withdrawal"), Some("failed"), Some(101)),
            (Some("deposit"), Some("success"), Some(100)),
        ]
    );
    assert_eq!(names(&lines[1]), ["id", "status", "transacted_at", "type", "amount", "reference_id"]);
    assert_eq!((&lines[1]["transacted_at"], &lines[1]["reference_id"]), (&json!(MOMENT), &json!(reference)));
    assert_eq!(
        (list.status, list.header("wallet-version"), &data["page"]),
        (200, "3", &json!({"next": null}))
    );
}

#[tokio::test]
async fn the_list_goes_on_where_a_page_ended() {
    let room = Room::new();
    let token = room.customer(1).await;
    for amount in 2..=5 {
        let form = format!("amount={amount}&reference_id={}", Uuid::now_v7());
        assert_eq!(room.post("/api/v1/wallet/deposits", &token, &form).await.status, 201);
    }
    let (mut seen, mut path) = (Vec::<Vec<i64>>::new(), "/api/v1/wallet/transactions?limit=2".to_owned());
    loop {
        let data = room.get(&path, &token).await.json()["data"].clone();
        seen.push(
            data["transactions"].as_array().unwrap().iter().map(|l| l["amount"].as_i64().unwrap()).collect(),
        );
        let Some(next) = data["page"]["next"].as_str() else { break };
        path = format!("/api/v1/wallet/transactions?limit=2&after={next}");
    }
    assert_eq!(seen, [vec![5, 4], vec![3, 2], vec![1]]);
}

#[tokio::test]
async fn wrong_paging_is_told_of_all_at_once() {
    let room = Room::new();
    let token = room.customer(1).await;
    let limit = json!(["Must be an integer from 1 to 1000."]);
    let after = json!(["Not a cursor of this list."]);
    for wrong in
        ["0", "1001", "-1", "+5", "1.0", "1e2", "", "ten", "%20", "%", "99999999999999999999", "%D9%A1"]
    {
        let answer = room.get(&format!("/api/v1/wallet/transactions?limit={wrong}"), &token).await;
        assert_eq!(answer.fields(), json!({"limit": limit}), "{wrong}");
    }
    for wrong in ["", "1", "v1", "v0000000000000000", "%ff", "null"] {
        let answer = room.get(&format!("/api/v1/wallet/transactions?limit=0&after={wrong}"), &token).await;
        assert_eq!(answer.fields(), json!({"limit": limit, "after": after}), "{wrong}");
    }
    for fine in ["limit=1", "limit=1000", "limit=0&limit=7", "limit=007", "other=%", "&&", "LIMIT=0"] {
        assert_eq!(
            room.get(&format!("/api/v1/wallet/transactions?{fine}"), &token).await.status,
            200,
            "{fine}"
        );
    }
}

#[tokio::test]
async fn the_list_can_be_filtered() {
    let room = Room::new();
    let token = room.customer(100).await;
    let too_much = format!("amount=101&reference_id={}", Uuid::now_v7());
    assert_eq!(room.post("/api/v1/wallet/withdrawals", &token, &too_much).await.status, 400);
    let count = async |query: &str| {
        let answer = room.get(&format!("/api/v1/wallet/transactions?{query}"), &token).await;
        answer.json()["data"]["transactions"].as_array().unwrap_or_else(|| panic!("{query}")).len()
    };
    for (query, expected) in [
        ("type=deposit", 1),
        ("type=withdrawal", 1),
        ("type=transfer_in", 0),
        ("type=payout", 0),
        ("status=success", 1),
        ("status=failed", 1),
        ("status=pending", 0),
        ("type=deposit&status=failed", 0),
        ("from=2027-01-15T08:00:00Z", 2),
        ("from=2027-01-15T08:00:01Z", 0),
        ("to=2027-01-15T09:00:00%2B01:00", 0),
        ("to=2027-01-15T08:00:01Z", 2),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    let wrong =
        room.get("/api/v1/wallet/transactions?type=gift&status=ok&from=today&to=2027-01-15", &token).await;
    let moment = json!(["Must be a moment in RFC 3339, such as 2026-01-31T00:00:00Z."]);
    let all = json!({
        "type": ["Not a type of transactions."], "status": ["Must be success, pending or failed."],
        "from": moment, "to": moment,
    });
    assert_eq!(wrong.fields(), all);
}

#[tokio::test]
async fn a_read_is_never_older_than_it_may_be() {
    let room = Room::new();
    let token = room.customer(10).await;
    for path in ["/api/v1/wallet", "/api/v1/wallet/transactions"] {
        let read = async |version: &str| {
            room.send(request(Method::GET, path, &token).header("min-wallet-version", version).finish()).await
        };
        for reached in ["0", "1", "01"] {
            assert_eq!(read(reached).await.status, 200, "{reached}");
        }
        let early = read("2").await;
        assert_eq!(early.code(), (412, "version_not_reached".to_owned()));
        assert_eq!(early.header("wallet-version"), "1");
        for wrong in ["-1", "+1", "", "1.0", "one", " 1", "1,1", "9223372036854775808"] {
            assert_eq!(read(wrong).await.code(), (400, "invalid_header".to_owned()), "{wrong}");
        }
        let twice = request(Method::GET, path, &token).header("min-wallet-version", "1");
        let twice = room.send(twice.header("min-wallet-version", "1").finish()).await;
        assert_eq!(twice.code(), (400, "invalid_header".to_owned()));
    }
}

#[tokio::test]
async fn a_frozen_wallet_is_seen_but_not_used() {
    let room = Room::new();
    let token = room.customer(10).await;
    room.wallets.freeze(crate::kernel::ids::WalletId(Uuid::try_parse(&token).unwrap()));
    let form = format!("amount=1&reference_id={}", Uuid::now_v7());
    for path in ["/api/v1/wallet/deposits", "/api/v1/wallet/withdrawals"] {
        assert_eq!(room.post(path, &token, &form).await.code(), (403, "wallet_frozen".to_owned()));
    }
    assert_eq!(room.get("/api/v1/wallet", &token).await.status, 200);
}

#[tokio::test]
async fn a_balance_has_a_limit() {
    let room = Room::new();
    let token = room.customer(9_007_199_254_740_991).await;
    let form = format!("amount=1&reference_id={}", Uuid::now_v7());
    let answer = room.post("/api/v1/wallet/deposits", &token, &form).await;
    assert_eq!(answer.code(), (400, "balance_limit".to_owned()));
    assert_eq!(
        room.get("/api/v1/wallet", &token).await.json()["data"]["wallet"]["balance"],
        9_007_199_254_740_991i64
    );
}

#[tokio::test]
async fn a_token_of_another_installation_finds_nothing() {
    let room = Room::new();
    let token = Uuid::now_v7().to_string();
    let form = format!("amount=1&reference_id={}&is_disabled=true", Uuid::now_v7());
    for answer in [
        room.get("/api/v1/wallet", &token).await,
        room.get("/api/v1/wallet/transactions", &token).await,
        room.post("/api/v1/wallet", &token, "").await,
        room.post("/api/v1/wallet/deposits", &token, &form).await,
        room.post("/api/v1/wallet/withdrawals", &token, &form).await,
        disable(&room, &token).await,
    ] {
        assert_eq!(answer.code(), (404, "not_found".to_owned()));
    }
}
