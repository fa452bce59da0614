//! Callbacks: what the simulated bank sends, and whose the wallet takes.

use chrono::Utc;
use standardwebhooks::Webhook;
use wallet::{
    adapters::bank::WebhookVerifier,
    config::Secret,
    kernel::{ids::OperationId, payout_failure::PayoutFailure},
    payouts::{
        Bank, BankMessage, BankStatus, CallbackHeaders, CallbackVerifier, InvalidSignature, PayoutInstruction,
    },
    simulated_bank::{CallbackSettings, SimulatedBank},
};

use super::{LATER, SECRET, client, payment_to, report, settings, start};
use crate::support::{
    callbacks::{Callback, CallbackReceiver},
    wait::until,
};

/// A bank that calls this receiver.
async fn calling(receiver: &CallbackReceiver) -> SimulatedBank {
    let callbacks = CallbackSettings { url: receiver.url.clone(), secret: SECRET.to_owned() };
    start(super::SimulatedBankSettings { callbacks: Some(callbacks), ..settings() }).await
}

fn verifier() -> WebhookVerifier {
    WebhookVerifier::try_new(&Secret::new(SECRET.to_owned())).expect("a secret")
}

/// The callback is the bank's, and reports this of the payment.
#[track_caller]
fn says(callback: &Callback, payment: &PayoutInstruction, status: BankStatus) {
    assert_eq!(verifier().verify(callback.headers(), &callback.body), Ok(()));
    let message = BankMessage::parse(&callback.body).expect("a message");
    assert_eq!(message.into_report(), (payment.id, report(status)));
}

async fn received(receiver: &CallbackReceiver, count: usize) -> Vec<Callback> {
    let enough = async || Some(receiver.received()).filter(|received| received.len() >= count);
    until("the callbacks", LATER, enough).await
}

#[tokio::test]
async fn a_change_after_the_answer_is_called_back() {
    for (ending, status) in [
        ("9001", BankStatus::Settled),
        ("9002", BankStatus::Rejected(PayoutFailure::AccountClosed)),
        ("9031", BankStatus::Bounced(PayoutFailure::AccountClosed)),
    ] {
        let receiver = CallbackReceiver::start(0).await;
        let bank = calling(&receiver).await;
        let payment = payment_to(ending);
        client(bank.base()).submit(&payment).await.expect("an answer");
        assert_eq!(receiver.received(), []);
        says(&received(&receiver, 1).await[0], &payment, status);
    }
}

#[tokio::test]
async fn a_callback_comes_before_the_answer_and_again_after_it() {
    let receiver = CallbackReceiver::start(0).await;
    let bank = calling(&receiver).await;
    let payment = payment_to("9023");
    client(bank.base()).submit(&payment).await.expect("an answer");
    assert!(!receiver.received().is_empty(), "before the answer");
    let both = received(&receiver, 2).await;
    both.iter().for_each(|callback| says(callback, &payment, BankStatus::Settled));
    assert_eq!((&both[0].id, &both[0].body), (&both[1].id, &both[1].body));
}

#[tokio::test]
async fn a_callback_that_is_refused_comes_again_with_its_id() {
    let receiver = CallbackReceiver::start(2).await;
    let bank = calling(&receiver).await;
    let payment = payment_to("9001");
    client(bank.base()).submit(&payment).await.expect("an answer");
    let all = received(&receiver, 3).await;
    all.iter().for_each(|callback| says(callback, &payment, BankStatus::Settled));
    assert!(all.iter().all(|callback| callback.id == all[0].id), "{all:?}");
}

#[test]
fn only_a_fresh_signature_of_the_bank_is_taken() {
    let body = format!(r#"{{"id":"{}","amount":1,"status":"settled"}}"#, OperationId::generate());
    let now = Utc::now().timestamp();
    let signed = |secret: &str, timestamp: i64| {
        let signature =
            Webhook::new(secret).and_then(|webhook| webhook.sign("msg_1", timestamp, body.as_bytes()));
        Callback {
            id: "msg_1".to_owned(),
            timestamp: timestamp.to_string(),
            signature: signature.expect("a signature"),
            body: body.clone().into_bytes(),
        }
    };
    let verify = |callback: &Callback| verifier().verify(callback.headers(), &callback.body);
    let right = signed(SECRET, now);
    for callback in [right.clone(), signed(SECRET, now - 290), signed(SECRET, now + 290)] {
        assert_eq!(verify(&callback), Ok(()));
    }
    let two = format!("v1,AAAA {}", right.signature);
    assert_eq!(verify(&Callback { signature: two, ..right.clone() }), Ok(()), "as while a secret is changed");
    let mut other_body = right.clone();
    other_body.body.push(b' ');
    for wrong in [
        signed("whsec_QW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3Rz", now),
        signed(SECRET, now - 310),
        signed(SECRET, now + 310),
        other_body,
        Callback { id: "msg_2".to_owned(), ..right.clone() },
        Callback { timestamp: (now + 1).to_string(), ..right.clone() },
        Callback { timestamp: "now".to_owned(), ..right.clone() },
        Callback { signature: "v1,".to_owned(), ..right.clone() },
        Callback { signature: String::new(), ..right.clone() },
        Callback { body: vec![0xff], ..right.clone() },
        Callback { id: "msg\n1".to_owned(), ..right.clone() },
    ] {
        assert_eq!(verify(&wrong), Err(InvalidSignature), "{wrong:?}");
    }
    let headers = right.headers();
    for missing in [
        CallbackHeaders { id: None, ..headers },
        CallbackHeaders { timestamp: None, ..headers },
        CallbackHeaders { signature: None, ..headers },
    ] {
        assert_eq!(verifier().verify(missing, &right.body), Err(InvalidSignature), "{missing:?}");
    }
    assert!(WebhookVerifier::try_new(&Secret::new("whsec_*".to_owned())).is_err());
}
