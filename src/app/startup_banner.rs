//! The lines that `wallet serve` prints when it serves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tracing::{debug, warn};

use super::output;
use crate::config::{AppEnv, Config};

/// Prints the address, the page to try it out, and in development three commands to paste. That stdout is closed is no
/// error.
pub(super) fn print(config: &Config, address: SocketAddr, admin_address: Option<SocketAddr>) {
    if let Err(error) = output::print(&startup_banner(config, address, admin_address)) {
        debug!(%error, "the startup banner was not printed");
    }
    if config.app_env == AppEnv::Development && config.has_known_secret() && !address.ip().is_loopback() {
        warn!(
            %address,
            "JWT_SECRET is the public one of development: any client of this address can sign a token for any wallet"
        );
    }
}

fn startup_banner(config: &Config, address: SocketAddr, admin_address: Option<SocketAddr>) -> String {
    let at = base(address);
    let mut lines = vec![format!("listening on {at}")];
    lines.push(match admin_address {
        Some(address) => format!("for operators, with /metrics and /swagger: {}", base(address)),
        None => format!("try it out:  {at}/swagger"),
    });
    if !config.host_is_given && address.ip().is_loopback() {
        lines.push(
            "for this machine only: JWT_SECRET is the public one of development, and HOST is not set"
                .to_owned(),
        );
    }
    if config.kafka_brokers.is_none() {
        lines.push("without Kafka (KAFKA_BROKERS is empty): events stay in this process".to_owned());
    }
    if config.redis_url.is_none() {
        lines.push("without Redis (REDIS_URL is empty): the balance cache is in this process".to_owned());
    }
    if config.app_env == AppEnv::Development {
        lines.push("\nor paste, as often as you like:\n".to_owned());
        lines.extend(pasted(&at));
        lines.push(String::new());
    }
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// The URL for clients on this machine, with an IPv6 address in brackets (RFC 3986, section 3.2.2).
fn base(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// Commands for a customer, a wallet and a deposit, with a new customer and a new reference at each run. Quoted, because
/// brackets are a pattern in some shells.
fn pasted(at: &str) -> [String; 3] {
    let uuid = "$(cat /proc/sys/kernel/random/uuid)";
    [
        format!(
            r#"TOKEN=$(curl -s '{at}/api/v1/init' -d customer_xid={uuid} | sed 's/.*"token":"\([^"]*\)".*/\1/')"#
        ),
        format!(r#"curl -sw '\n' -X POST '{at}/api/v1/wallet' -H "Authorization: Token $TOKEN""#),
        format!(
            r#"curl -sw '\n' '{at}/api/v1/wallet/deposits' -H "Authorization: Token $TOKEN" -d amount=1000 -d reference_id={uuid}"#
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_in_brackets_and_every_address_can_be_requested() {
        for (listening, expected) in [
            ("127.0.0.1:8089", "http://127.0.0.1:8089"),
            ("0.0.0.0:8089", "http://127.0.0.1:8089"),
            ("[::1]:8089", "http://[::1]:8089"),
            ("[::]:8089", "http://[::1]:8089"),
            ("[2001:db8::5]:80", "http://[2001:db8::5]:80"),
        ] {
            assert_eq!(base(listening.parse().unwrap()), expected, "{listening}");
        }
    }
}
