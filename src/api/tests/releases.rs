//! The list of what is to come: what the service is asked, and how its answer is shown.

use serde_json::json;
use uuid::Uuid;

use super::{TestApi, answers::moment, services::Call};
use crate::{
    accounts::Versioned,
    kernel::{
        ids::OperationId,
        pagination::{DueCursor, Page},
    },
    ledger::read::OpenRelease,
};

const LIST: &str = "/api/v1/wallet/releases";

#[tokio::test]
async fn a_page_of_releases_says_where_the_next_one_begins() {
    let api = TestApi::new();
    let token = api.customer();
    let id = Uuid::from_u128(7);
    let next = DueCursor { due_at: moment(), id };
    let release = OpenRelease { transaction: OperationId(id), amount: 40, due_at: moment() };
    api.script(move || Ok(Versioned { value: Page { items: vec![release], next: Some(next) }, version: 3 }));
    let answer = api.get(&format!("{LIST}?limit=1"), &token).await;
    let shown = json!({"transaction_id": id, "amount": 40, "release_at": "2027-01-15T08:00:00.123Z"});
    let data = &answer.json()["data"];
    assert_eq!((answer.status, &data["releases"]), (200, &json!([shown])));
    let after = data["page"]["next"].as_str().expect("a next page").to_owned();
    api.services.calls();

    api.get(&format!("{LIST}?after={after}"), &token).await;
    let calls = api.services.calls();
    let [Call::Releases(page, None)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((page.limit, page.after), (100, Some(next)));
    for wrong in ["after=v0000000000000001", "limit=0", "after=d"] {
        let answer = api.get(&format!("{LIST}?{wrong}"), &token).await;
        assert_eq!((answer.status, answer.json()["data"]["code"].clone()), (400, json!("validation_failed")));
    }
}
