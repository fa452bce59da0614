//! Limits: what a customer or a source may ask too often, over real servers and a real Redis.

mod events;
mod failures;
mod refusals;
mod shared;
mod unstored;

use std::time::Duration;

use reqwest::Method;
use uuid::Uuid;

use crate::{
    contract::wire::{Reply, Wire},
    support::{service::Service, tokens::token, wait::until},
};

/// A server with these settings, at a time at which the hour's window does not end in the middle of a test.
async fn service(count: usize, changes: &[(&str, &str)]) -> Service {
    until("an hour that has just begun, or goes on", Duration::from_secs(40), async || {
        let second = chrono::Utc::now().timestamp() % 3_600;
        (second < 3_570).then_some(())
    })
    .await;
    Service::of(count, changes).await
}

fn wire(service: &Service) -> Wire {
    Wire::to(&service.servers[0].base)
}

/// Holds an answer to what it says of its limit.
#[track_caller]
fn assert_limited(reply: &Reply) {
    assert_eq!(reply.code(), (429, "rate_limited".to_owned()), "{reply:?}");
    reply.assert_jsend();
    let seconds: u64 = reply.header("retry-after").parse().expect("whole seconds");
    assert!((1..=7_200).contains(&seconds), "{reply:?}");
}

/// Sends a form with a key.
async fn keyed(customer: &Wire, path: &str, key: &str, fields: &[(&str, &str)]) -> Reply {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("idempotency-key", key)];
    let body = serde_urlencoded::to_string(fields).expect("a form");
    customer.send(Method::POST, &format!("/api/v1{path}"), &headers, body.into()).await
}

/// A withdrawal that no balance of these tests covers.
async fn refused(customer: &Wire) -> Reply {
    customer.withdraw(1_000_000, Uuid::new_v4()).await
}

/// A back end, by the token that the command prints.
fn back_end(service: &Service) -> Wire {
    wire(service).by(format!("Bearer {}", token(&service.settings, "service", "shop")))
}

/// A figure of `/metrics`; 0 where it is not there yet.
async fn figure(wire: &Wire, series: &str) -> u64 {
    let text = wire.send(Method::GET, "/metrics", &[], vec![]).await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0, |figure| figure.parse().expect("a count"))
}
