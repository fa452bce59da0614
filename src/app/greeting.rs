//! What `wallet serve` says when it is up.

use std::net::SocketAddr;

use crate::config::{AppEnv, Config};

/// Prints the address, the page to try it out, and in development three lines to paste.
pub(super) fn print(config: &Config, address: SocketAddr, admin_address: Option<SocketAddr>) {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let at = format!("http://{host}:{}", address.port());
    println!("listening on {at}");
    match admin_address.map(|address| address.port()) {
        Some(port) => println!("for operators, with /metrics and /swagger: http://{host}:{port}"),
        None => println!("try it out:  {at}/swagger"),
    }
    if config.kafka_brokers.is_none() {
        println!("without Kafka (KAFKA_BROKERS is empty): events stay in this process");
    }
    if config.redis_url.is_none() {
        println!("without Redis (REDIS_URL is empty): the balance cache is in this process");
    }
    if config.app_env == AppEnv::Development {
        println!("\nor paste, as often as you like:\n");
        lines(&at).iter().for_each(|line| println!("{line}"));
        println!();
    }
}

/// A customer, a wallet, a deposit. Each time another customer and another reference.
fn lines(at: &str) -> [String; 3] {
    let uuid = "$(cat /proc/sys/kernel/random/uuid)";
    [
        format!(
            r#"TOKEN=$(curl -s {at}/api/v1/init -d customer_xid={uuid} | sed 's/.*"token":"\([^"]*\)".*/\1/')"#
        ),
        format!(r#"curl -sw '\n' -X POST {at}/api/v1/wallet -H "Authorization: Token $TOKEN""#),
        format!(
            r#"curl -sw '\n' {at}/api/v1/wallet/deposits -H "Authorization: Token $TOKEN" -d amount=1000 -d reference_id={uuid}"#
        ),
    ]
}
