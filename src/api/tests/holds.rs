//! Holds: what the services are asked, and how their answers are shown.

use serde_json::json;
use uuid::Uuid;

use super::{TestApi, answers, services::Call};
use crate::{
    accounts::Versioned,
    kernel::{
        ids::{OperationId, WalletId},
        pagination::{DueCursor, Page},
    },
    payments::{Capture, Mode, Order, Payment},
};

#[tokio::test]
async fn a_capture_is_ordered_of_the_holds_own_wallet() {
    let api = TestApi::new();
    let shop = "service:shop";
    let (hold, to, reference) = (Uuid::from_u128(7), Uuid::from_u128(8), Uuid::from_u128(9));
    let body = format!("amount=40&to={to}&reference_id={reference}");
    let answer = api.post(&format!("/api/v1/holds/{hold}/capture"), shop, &body).await;
    let shown = &answer.json()["data"]["capture"];
    assert_eq!((answer.status, &shown["hold"], &shown["to"]), (200, &json!(hold), &json!(to)));
    let calls = api.services.calls();
    let [Call::Hold(asked), Call::Payment(Order { wallet, payment }, Mode::Book(_))] = &calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!((asked.0, *wallet), (hold, WalletId(Uuid::from_u128(2))));
    let Payment::Capture(Capture { hold: of, amount: Some(amount), to: Some(receiver), .. }) = payment else {
        panic!("{payment:?}")
    };
    assert_eq!((of.0, amount.minor_units(), *receiver), (hold, 40, to));
}

#[tokio::test]
async fn a_customer_sees_the_open_holds() {
    let api = TestApi::new();
    let token = api.customer();
    let hold = answers::hold(OperationId(Uuid::from_u128(7)));
    api.script(move || {
        Ok(Versioned { value: Page { items: vec![hold], next: None::<DueCursor> }, version: 3 })
    });
    let answer = api.get("/api/v1/wallet/holds?limit=5", &token).await;
    let at = "2027-01-15T08:00:00.123Z";
    let shown = json!({
        "transaction_id": Uuid::from_u128(7), "amount": 100, "held_at": at, "expires_at": at, "note": null,
    });
    assert_eq!((answer.status, &answer.json()["data"]["holds"]), (200, &json!([shown])));
    let calls = api.services.calls();
    assert!(matches!(&calls[..], [Call::Holds(page, None)] if page.limit == 5), "{calls:?}");
}
