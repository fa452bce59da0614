//! The list of transactions: pages, filters, versions, and the lines of each kind.

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    TestApi,
    answers::{line, refused},
    request,
    services::Call,
};
use crate::{
    accounts::{AccountError, Versioned},
    kernel::{
        clock::Timestamp,
        pagination::{Cursor, Page},
    },
    ledger::{
        Kind, Refusal,
        entry::TransactionStatus::{self, Completed, Pending, Refused},
        read::Filter,
    },
};

const MOMENT: &str = "2027-01-15T08:00:00.123Z";
const LIST: &str = "/api/v1/wallet/transactions";
const WITHDRAWALS: &str = "/api/v1/wallet/withdrawals";

/// The names in an object, in their order.
fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn what_is_not_there_cannot_be_taken_and_the_attempt_is_listed() {
    let api = TestApi::new();
    let token = api.customer();
    let reference = Uuid::now_v7().to_string();
    api.script(|| Ok(refused(Refusal::InsufficientFunds { available: 100, required: 101 })));
    let refused = api.post(WITHDRAWALS, &token, &format!("amount=101&reference_id={reference}")).await;
    let expected =
        json!({"status": "fail", "data": {"error": "Insufficient funds", "code": "insufficient_funds"}});
    assert_eq!((refused.status, refused.json()), (400, expected));

    let lines = vec![
        line(Kind::Withdrawal, Completed, 100, 3),
        line(Kind::Withdrawal, Refused, 101, 2),
        line(Kind::Deposit, Completed, 100, 1),
    ];
    let reference = lines[1].reference.unwrap().to_string();
    api.script(|| Ok(Versioned { value: Page { items: lines, next: None::<Cursor> }, version: 3 }));
    let list = api.get(LIST, &token).await;
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
    let api = TestApi::new();
    let token = api.customer();
    for (amounts, next) in [(vec![5, 4], Some(4)), (vec![3, 2], Some(2)), (vec![1], None)] {
        let items = amounts.into_iter().map(|n| line(Kind::Deposit, Completed, n, n)).collect();
        let page = Page { items, next: next.map(Cursor) };
        api.script(|| Ok(Versioned { value: page, version: 5 }));
    }
    let (mut seen, mut path) = (Vec::<Vec<i64>>::new(), format!("{LIST}?limit=2"));
    loop {
        let data = api.get(&path, &token).await.json()["data"].clone();
        seen.push(
            data["transactions"].as_array().unwrap().iter().map(|l| l["amount"].as_i64().unwrap()).collect(),
        );
        let Some(next) = data["page"]["next"].as_str() else { break };
        path = format!("{LIST}?limit=2&after={next}");
    }
    assert_eq!(seen, [vec![5, 4], vec![3, 2], vec![1]]);
    let pages: Vec<_> = api
        .services
        .calls()
        .into_iter()
        .map(|call| match call {
            Call::Transactions(page, ..) => (page.limit, page.after),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(pages, [(2, None), (2, Some(Cursor(4))), (2, Some(Cursor(2)))]);
}

#[tokio::test]
async fn wrong_paging_is_answered_with_all_errors_at_once() {
    let api = TestApi::new();
    let token = api.customer();
    let limit = json!(["Must be an integer from 1 to 1000."]);
    let after = json!(["Not a cursor of this list."]);
    for wrong in
        ["0", "1001", "-1", "+5", "1.0", "1e2", "", "ten", "%20", "%", "99999999999999999999", "%D9%A1"]
    {
        let answer = api.get(&format!("{LIST}?limit={wrong}"), &token).await;
        assert_eq!(answer.fields(), json!({"limit": limit}), "{wrong}");
    }
    for wrong in ["", "1", "v1", "v0000000000000000", "%ff", "null"] {
        let answer = api.get(&format!("{LIST}?limit=0&after={wrong}"), &token).await;
        assert_eq!(answer.fields(), json!({"limit": limit, "after": after}), "{wrong}");
    }
    assert!(api.services.calls().is_empty());
    for fine in ["limit=1", "limit=1000", "limit=0&limit=7", "limit=007", "other=%", "&&", "LIMIT=0"] {
        assert_eq!(api.get(&format!("{LIST}?{fine}"), &token).await.status, 200, "{fine}");
    }
}

#[tokio::test]
async fn the_list_can_be_filtered() {
    let api = TestApi::new();
    let token = api.customer();
    let kinds = |kinds: &[Kind]| Filter { kinds: Some(kinds.to_vec()), ..Filter::default() };
    let statuses =
        |statuses: &[TransactionStatus]| Filter { statuses: Some(statuses.to_vec()), ..Filter::default() };
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let from = |text| Filter { from: at(text), ..Filter::default() };
    let to = |text| Filter { to: at(text), ..Filter::default() };
    for (query, expected) in [
        ("", Filter::default()),
        ("type=deposit", kinds(&[Kind::Deposit])),
        ("type=withdrawal", kinds(&[Kind::Withdrawal])),
        ("type=transfer_in", kinds(&[Kind::TransferIn, Kind::HoldCaptureIn])),
        ("type=hold", kinds(&[Kind::Hold])),
        ("type=payout", kinds(&[Kind::Payout])),
        ("type=reversal", kinds(&[Kind::WithdrawalReversal])),
        ("status=success", statuses(&[Completed])),
        ("status=failed", statuses(&[Refused])),
        ("status=pending", statuses(&[Pending])),
        ("type=deposit&status=failed", Filter { statuses: Some(vec![Refused]), ..kinds(&[Kind::Deposit]) }),
        ("from=2027-01-15T08:00:00Z", from("2027-01-15T08:00:00Z")),
        ("from=2027-01-15T08:00:01Z", from("2027-01-15T08:00:01Z")),
        ("to=2027-01-15T09:00:00%2B01:00", to("2027-01-15T08:00:00Z")),
        ("to=2027-01-15T08:00:01Z", to("2027-01-15T08:00:01Z")),
    ] {
        assert_eq!(api.get(&format!("{LIST}?{query}"), &token).await.status, 200, "{query}");
        let calls = api.services.calls();
        let [Call::Transactions(_, filter, None)] = &calls[..] else { panic!("{calls:?}") };
        assert_eq!(*filter, expected, "{query}");
    }
    let wrong = api.get(&format!("{LIST}?type=gift&status=ok&from=today&to=2027-01-15"), &token).await;
    let moment = json!(["Must be a moment in RFC 3339, such as 2026-01-31T00:00:00Z."]);
    let all = json!({
        "type": ["Not a type of transactions."], "status": ["Must be success, pending or failed."],
        "from": moment, "to": moment,
    });
    assert_eq!(wrong.fields(), all);
}

#[tokio::test]
async fn a_read_is_never_older_than_it_may_be() {
    let api = TestApi::new();
    let token = api.customer();
    for path in ["/api/v1/wallet", LIST] {
        let read = async |version: &str| {
            api.send(request(Method::GET, path, &token).header("min-wallet-version", version).finish()).await
        };
        for (sent, expected) in [("0", 0), ("1", 1), ("01", 1)] {
            assert_eq!(read(sent).await.status, 200, "{sent}");
            let calls = api.services.calls();
            let [Call::View(_, Some(at_least)) | Call::Transactions(.., Some(at_least))] = calls[..] else {
                panic!("{calls:?}")
            };
            assert_eq!(at_least, expected);
        }
        api.services.script::<()>(|| Err(AccountError::VersionNotReached { current: 1 }));
        let early = read("2").await;
        assert_eq!(early.code(), (412, "version_not_reached".to_owned()));
        assert_eq!(early.header("wallet-version"), "1");
        for wrong in ["-1", "+1", "", "1.0", "one", " 1", "1,1", "9223372036854775808"] {
            assert_eq!(read(wrong).await.code(), (400, "invalid_header".to_owned()), "{wrong}");
        }
        let twice = request(Method::GET, path, &token).header("min-wallet-version", "1");
        let twice = api.send(twice.header("min-wallet-version", "1").finish()).await;
        assert_eq!(twice.code(), (400, "invalid_header".to_owned()));
        api.services.calls();
    }
}

#[tokio::test]
async fn one_transaction_is_read_by_its_id() {
    let api = TestApi::new();
    let token = api.customer();
    let id = Uuid::now_v7();
    let answer = api.get(&format!("{LIST}/{id}"), &token).await;
    let transaction = &answer.json()["data"]["transaction"];
    assert_eq!((answer.status, answer.header("wallet-version")), (200, "1"));
    assert_eq!((&transaction["id"], &transaction["type"]), (&json!(id), &json!("deposit")));
    let calls = api.services.calls();
    let [Call::Transaction(asked, None)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(asked.0, id);
    assert_eq!(api.get(&format!("{LIST}/me"), &token).await.code(), (404, "not_found".to_owned()));
    api.services.script::<()>(|| Err(AccountError::NotFound));
    assert_eq!(api.get(&format!("{LIST}/{id}"), &token).await.code(), (404, "not_found".to_owned()));
}
