//! Payouts: what is ordered, what is read, and what the bank reports.

use poem::http::Method;
use serde_json::json;
use uuid::Uuid;

use super::{
    TestApi,
    answers::{self, moment},
    request,
    services::Call,
};
use crate::{
    accounts::AccountError,
    kernel::{
        ids::{OperationId, ReferenceId},
        pagination::Cursor,
        payout_failure::PayoutFailure,
    },
    ledger::entry::TransactionStatus,
    payments::{Mode, Order, Payment},
    payouts::{BankReport, BankStatus},
};

const PAYOUTS: &str = "/api/v1/wallet/payouts";

fn form(number: &str) -> String {
    let reference = Uuid::from_u128(7);
    format!(
        "amount=100&reference_id={reference}&bank_code=cobadeffxxx&account_number={number}&account_name=+Ada+Obi+"
    )
}

#[tokio::test]
async fn a_payout_is_ordered_with_an_account_that_a_bank_takes() {
    let api = TestApi::new();
    let token = api.customer();
    let answer = api.post(PAYOUTS, &token, &form("de89+3704+0044+0532+0130+00")).await;
    assert_eq!(answer.status, 202);
    let payout = &answer.json()["data"]["payout"];
    assert_eq!((&payout["status"], &payout["account_last4"]), (&json!("pending"), &json!("3000")));
    assert!(!answer.text.contains("0044"), "{}", answer.text);
    let calls = api.services.calls();
    let [Call::Payment(Order { payment: Payment::Payout(payout), .. }, Mode::Book(_))] = &calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!(payout.reference, ReferenceId(Uuid::from_u128(7)));
    assert_eq!(payout.account.bank_code.as_str(), "COBADEFFXXX");
    assert_eq!(payout.account.number.as_str(), "DE89370400440532013000");
    assert_eq!(payout.account.holder.as_str(), "Ada Obi");
    let wrong = api.post(PAYOUTS, &token, &form("DE89370400440532013001")).await;
    assert!(wrong.fields()["account_number"][0].as_str().unwrap().contains("checksum"));
    assert_eq!(api.services.calls().len(), 0);
}

#[tokio::test]
async fn payouts_are_read_as_they_stand() {
    let api = TestApi::new();
    let (token, id) = (api.customer(), Uuid::from_u128(9));
    api.script(move || {
        let mut found = answers::payout(OperationId(id));
        found.value.status = TransactionStatus::Completed;
        found.value.ended_at = Some(moment());
        found.value.failure = Some(PayoutFailure::AccountClosed);
        found.value.reversal = Some((OperationId(Uuid::from_u128(10)), moment()));
        Ok(found)
    });
    let found = api.get(&format!("{PAYOUTS}/{id}"), &token).await.json()["data"]["payout"].clone();
    assert_eq!((&found["status"], &found["failure_code"]), (&json!("success"), &json!("account_closed")));
    assert_eq!(found["reversal_id"], Uuid::from_u128(10).to_string());
    let calls = api.services.calls();
    let [Call::Payout(OperationId(asked), None)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(*asked, id);
    let after = Cursor(5).encode();
    let listed = api.get(&format!("{PAYOUTS}?limit=2&after={after}"), &token).await;
    assert_eq!(listed.json()["data"], json!({"payouts": [], "page": {"next": null}}));
    let calls = api.services.calls();
    let [Call::Payouts(page, None)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((page.limit, page.after), (2, Some(Cursor(5))));
    api.script::<()>(|| Err(AccountError::Disabled));
    assert_eq!(api.get(PAYOUTS, &token).await.code(), (404, "wallet_disabled".to_owned()));
}

#[tokio::test]
async fn only_a_signed_report_is_passed_on() {
    let api = TestApi::new();
    let report =
        json!({"id": Uuid::from_u128(9), "amount": 100, "status": "rejected", "reason": "name_mismatch"});
    let sent = |signature: &'static str, body: String| {
        let request = request(Method::POST, "/api/v1/bank/callbacks", "");
        request.content_type("application/json").header("webhook-signature", signature).body(body)
    };
    let refused = api.send(sent("wrong", report.to_string())).await;
    assert_eq!(refused.code(), (401, "unauthorized".to_owned()));
    assert!(refused.header("www-authenticate").starts_with("Signature"));
    assert_eq!(api.send(sent("right", "{}".to_owned())).await.code(), (400, "malformed_body".to_owned()));
    assert!(api.services.calls().is_empty());
    let taken = api.send(sent("right", report.to_string())).await;
    assert_eq!(taken.json()["data"], json!({"callback": {"result": "booked"}}));
    let calls = api.services.calls();
    let [Call::Report(id, BankReport { amount: 100, status })] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((id.0, *status), (Uuid::from_u128(9), BankStatus::Rejected(PayoutFailure::NameMismatch)));
}
