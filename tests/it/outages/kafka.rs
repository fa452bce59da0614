//! Without Kafka money moves, balances are right, and the log waits.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::{MANNER, end_well, health, is, none_failed};
use crate::support::{load::Load, own_server::OwnServer, process::Server, reader::Reader, service::Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_kafka_is_away_money_moves_and_the_topic_catches_up() {
    let kafka = OwnServer::kafka().await;
    let mut service = Service::of(1, &[("KAFKA_BROKERS", kafka.address())]).await;
    let load = Load::start(&service.servers[0].base, 4, MANNER).await;
    let reader = Reader::start(&load, &service.servers[0].base);
    load.goes_on(50).await;
    is(&service.servers[0].base, "ok").await;
    kafka.kill().await;
    // A server starts without it, too, on a database that is ahead of the topic.
    service.servers.push(Server::start(&service.settings));
    let beside = load.beside(&service.servers[1].base, MANNER);
    let reader_beside = Reader::start(&load, &service.servers[1].base);
    for server in &service.servers {
        is(&server.base, "degraded").await;
        let bus = &health(&server.base).await.body["data"]["bus"];
        assert_eq!(*bus, json!({"kind": "kafka", "ok": false}));
    }
    // Longer than a balance may lag.
    sleep(Duration::from_secs(6)).await;
    load.goes_on(50).await;
    kafka.start().await;
    load.goes_on(50).await;
    for server in &service.servers {
        is(&server.base, "ok").await;
    }
    println!("{:?} {:?}", reader.stop().await, reader_beside.stop().await);
    none_failed(&end_well([load, beside], &service).await);
}
