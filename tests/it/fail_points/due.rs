//! The server dies between any two steps of a release and of an expiry that its worker books, while nobody asks for
//! anything: what was not committed is booked by the next server, and what was committed is not booked once more.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;
use wallet::fail_point::ALL;

use super::{PASSED_WITHIN, SIGABRT, armed};
use crate::support::{
    books::Books, customer::Customer, process::Server, service::Service, tokens::shop, wait::until,
};

/// Everything that waits is due now: a moment that has come while no server was there. One transaction, so one moment.
const NOW: &str = "\
update releases set due_at = now() where closed_by is null;
update holds set expires_at = now() where closed_by is null;
update wallets set next_due_at = now() where next_due_at is not null";

/// The fail points that the worker's operation passes; it changes no status.
fn on_the_way() -> impl Iterator<Item = &'static str> {
    ALL.into_iter()
        .filter(|name| !name.starts_with("relay.") && *name != "write.status" && !name.contains("payout"))
}

/// A new customer with 100 to spend, of which 30 are held, and 10 that are released later.
async fn with_waiting_money(base: &str, shop: &Customer) -> Customer {
    let customer = Customer::enabled(base).await;
    assert_eq!(customer.deposit(100).await.status, 201);
    let later = (Utc::now() + TimeDelta::hours(1)).to_rfc3339();
    let body = json!({"amount": 10, "reference_id": Uuid::new_v4(), "release_at": later});
    assert_eq!(customer.post("/wallet/deposits", body).await.status, 201);
    let body = json!({
        "wallet": customer.wallet, "amount": 30, "reference_id": Uuid::new_v4(), "expires_at": later,
    });
    assert_eq!(shop.at(base).post("/holds", body).await.status, 201);
    customer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_while_it_books_what_is_due_leaves_each_item_to_be_booked_once() {
    let mut service = Service::of(1, &[("KAFKA_BROKERS", ""), ("REDIS_URL", "")]).await;
    let shop = shop(&service.settings, &Customer::init(&service.servers[0].base, Uuid::new_v4()).await);
    for name in on_the_way() {
        let customer = with_waiting_money(&service.servers[0].base, &shop).await;
        service.servers[0].signal("KILL");
        service.db.run(NOW).await;
        let mut server = Server::begin(&armed(&service.settings, name, 1));
        let ended = tokio::task::block_in_place(|| server.ended(PASSED_WITHIN));
        assert_eq!(ended.signal(), Some(SIGABRT), "{name}: {ended:?}");
        Books::read(&service.db.url).await;
        let steps = format!("select count(*) from steps where wallet_id = '{}'", customer.wallet);
        let is_committed = ["batch.committed", "loop.committed", "loop.one_answered"].contains(&name);
        assert_eq!(service.db.number(&steps).await, if is_committed { 2 } else { 0 }, "{name}");
        service.servers[0] = Server::start(&service.settings);
        until("what is due is booked", Duration::from_secs(20), async || {
            (service.db.number(&steps).await == 2).then_some(())
        })
        .await;
        // Three entries, a release and an expiry.
        let shown = customer.at(&service.servers[0].base).wallet_at(5).await;
        let seen = ["version", "balance", "available_balance", "unreleased"].map(|field| &shown[field]);
        assert_eq!(json!(seen), json!([5, 110, 110, 0]), "{name}");
    }
}
