//! Security events: in the log as a sample, in the metrics all of them.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use uuid::Uuid;

use super::{figure, refused, service, wire};
use crate::support::{process::Server, wait::until};

const TURNED_AWAY: &str = "a request was turned away";
const LEFT_OUT: &str = "more requests were turned away";

fn series(reason: &str) -> String {
    format!("wallet_security_events_total{{reason=\"{reason}\"}}")
}

/// The line of the one event with this reason.
async fn line(server: &Server, reason: &str) -> String {
    let found = async || {
        let lines = server.logged(TURNED_AWAY);
        lines.into_iter().find(|line| line.contains(&format!("reason=\"{reason}\"")))
    };
    until("the line", Duration::from_secs(10), found).await
}

#[tokio::test]
async fn each_kind_of_event_is_a_line_with_source_and_route_and_a_figure() {
    let changes = [
        ("RATE_LIMIT_REFUSALS", "1/h"),
        ("RATE_LIMIT_FAILURES", "2/h"),
        ("RATE_LIMIT_MOVES", "3/h"),
        ("SERVICE_API_KEY", "the-key-of-the-shop"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let service = service(1, &changes).await;
    let (server, wire) = (&service.servers[0], wire(&service));
    let form = ("content-type", "application/x-www-form-urlencoded");
    let xid = format!("customer_xid={}", Uuid::new_v4());
    let init = async |key: &str, source: &str| {
        let headers = [form, ("x-api-key", key), ("x-forwarded-for", source), ("x-request-id", "init-1")];
        wire.send(Method::POST, "/api/v1/init", &headers, xid.clone().into()).await
    };
    let opened = init("the-key-of-the-shop", "192.0.2.1").await.json();
    let customer = wire.by(format!("Token {}", opened["data"]["token"].as_str().expect("a token")));
    assert_eq!(customer.post("/wallet", "", "").await.status, 201);

    let path = format!("/api/v1/wallet/transactions/{}", Uuid::new_v4());
    let headers = [("x-forwarded-for", "192.0.2.2"), ("x-request-id", "forged-1")];
    for status in [401, 401, 429] {
        let forged = wire.by("Bearer a-forged-token").send(Method::GET, &path, &headers, vec![]).await;
        assert_eq!(forged.status, status);
    }
    assert_eq!(init("a-wrong-key", "192.0.2.3").await.status, 401);
    assert_eq!(customer.get(&format!("/wallets/{}", Uuid::new_v4())).await.status, 403);
    for status in [400, 429, 429, 429] {
        assert_eq!(refused(&customer).await.status, status);
    }
    for (reason, count, parts) in [
        ("token", 2, ["source=192.0.2.2 ", "route=\"/api/v1/wallet/transactions/:id\"", "forged-1"]),
        ("limit_failures", 1, ["source=192.0.2.2 ", "route=\"/api/v1/wallet/transactions/:id\"", "forged-1"]),
        ("key", 1, ["source=192.0.2.3 ", "route=\"/api/v1/init\"", "init-1"]),
        ("scope", 1, ["source=127.0.0.1 ", "route=\"/api/v1/wallets/:id\"", " WARN "]),
        ("limit_refusals", 2, ["source=127.0.0.1 ", "route=\"/api/v1/wallet/withdrawals\"", " WARN "]),
        ("limit_moves", 1, ["source=127.0.0.1 ", "route=\"/api/v1/wallet/withdrawals\"", " WARN "]),
    ] {
        let line = line(server, reason).await;
        assert!(parts.iter().all(|part| line.contains(part)), "{reason}: {line}");
        assert_eq!(figure(&wire, &series(reason)).await, count, "{reason}");
    }
    let log = server.log().join("\n");
    assert!(!log.contains("a-forged-token") && !log.contains("a-wrong-key"), "{log}");
}

#[tokio::test]
async fn a_flood_of_events_is_ten_lines_a_second_and_one_that_counts_the_rest() {
    let service = service(1, &[]).await;
    let (server, wire) = (&service.servers[0], wire(&service));
    let forged = wire.by("Bearer forged");
    let replies = join_all((0..100).map(|_| forged.get("/wallet"))).await;
    assert!(replies.iter().all(|reply| reply.status == 401));
    assert_eq!(figure(&wire, &series("token")).await, 100);
    let all = async || {
        let (lines, left_out) = (server.logged(TURNED_AWAY), server.logged(LEFT_OUT));
        let number = |line: &String| line.rsplit_once("left_out=")?.1.trim().parse::<usize>().ok();
        let left_out: usize = left_out.iter().filter_map(number).sum();
        (lines.len() + left_out == 100).then_some(lines.len())
    };
    let lines = until("every event is a line or counted in one", Duration::from_secs(20), all).await;
    assert!((10..100).contains(&lines), "{lines}");
}
