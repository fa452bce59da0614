//! Checks URLs of servers, and whether traffic to them crosses a network in the clear.
//!
//! The drivers parse a URL once more. A URL that they would log in part, or read differently, is refused here: a piece of
//! a password must never become a parameter, a database's name or a port.

use std::net::IpAddr;

use super::values::Requirement;

/// Parameters of a Postgres URL that the driver knows. It ignores every other one, and logs its value.
const DATABASE_PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// Parameters of other programs, which a problem may name; no other part of a URL may be shown.
const FOREIGN_PARAMETERS: [&str; 10] = [
    "sslpassword",
    "sslcrl",
    "sslcompression",
    "channel_binding",
    "connect_timeout",
    "target_session_attrs",
    "passfile",
    "pgbouncer",
    "schema",
    "gssencmode",
];

const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
/// The modes that are always encrypted.
const ENCRYPTING_SSL_MODES: [&str; 3] = ["require", "verify-ca", "verify-full"];

pub(super) fn database_url(text: &str) -> Result<String, Requirement> {
    let url = Url::parse(text, &["postgres", "postgresql"], "postgres://user:password@host:5432/database")?;
    for (name, value) in url.parameters() {
        if name == "options" || name.starts_with("options[") {
            continue;
        }
        if !DATABASE_PARAMETERS.contains(&name) {
            return Err(unknown_parameter(name));
        }
        if is_ssl_mode(name) && !SSL_MODES.contains(&value.to_ascii_lowercase().as_str()) {
            return Err(format!("must have one of {} as its sslmode", SSL_MODES.join(", ")));
        }
        if name == "port" && !is_port(value) {
            return Err("must have a port from 1 to 65535".to_owned());
        }
    }
    Ok(text.to_owned())
}

pub(super) fn redis_url(text: &str) -> Result<String, Requirement> {
    let url = Url::parse(text, &["redis", "rediss"], "redis://host:6379/0 or rediss://host:6379/0")?;
    if url.authority.is_empty() {
        return Err("must name a host, as in redis://host:6379/0".to_owned());
    }
    if let Some((name, _)) = url.parameters().find(|(name, _)| *name != "protocol") {
        return Err(unknown_parameter(name));
    }
    Ok(text.to_owned())
}

/// The bank's URL, without the slashes at its end.
pub(super) fn bank_url(text: &str) -> Result<String, Requirement> {
    let url = Url::parse(text, &["https", "http"], "https://bank.example/v1")?;
    if url.host.is_empty() {
        return Err("must name a host, as in https://bank.example/v1".to_owned());
    }
    if url.authority.contains('@') || text.contains('?') {
        return Err("must have no login and no query: BANK_TOKEN is sent with each request".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn unknown_parameter(name: &str) -> Requirement {
    match FOREIGN_PARAMETERS.iter().find(|known| **known == name) {
        Some(known) => format!("has the parameter {known}, which the wallet does not understand"),
        None => "has a parameter, behind its ?, that the wallet does not understand".to_owned(),
    }
}

fn is_ssl_mode(name: &str) -> bool {
    matches!(name, "sslmode" | "ssl-mode")
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// The parts of a URL that are needed here.
struct Url<'u> {
    scheme: &'u str,
    authority: &'u str,
    /// Without brackets.
    host: &'u str,
    query: &'u str,
}

impl<'u> Url<'u> {
    /// Parses a URL of one of these schemes, with a valid port. The drivers check the rest; these checks report mistakes
    /// before the service connects.
    fn parse(text: &'u str, schemes: &[&str], example: &str) -> Result<Self, Requirement> {
        let must = || format!("must be a URL such as {example}");
        let escaped = "special characters of a password are written %XX in it";
        let (scheme, rest) = text.split_once("://").ok_or_else(must)?;
        if !schemes.contains(&scheme)
            || rest.is_empty()
            || rest.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(must());
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at(end);
        // Part of a password with a /, a ? or a #, whose pieces the drivers would misread.
        if after.contains(['@', '#']) {
            return Err(format!("must be a URL such as {example}, without # and with one @; {escaped}"));
        }
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, after_host) = match host_and_port.rsplit_once(']') {
            Some((host, after)) => (host.trim_start_matches('['), after),
            None => host_and_port.split_at(host_and_port.find(':').unwrap_or(host_and_port.len())),
        };
        let port_is_one = match after_host.strip_prefix(':') {
            Some(port) => is_port(port),
            None => after_host.is_empty(),
        };
        if !port_is_one {
            return Err(format!("must be a URL such as {example} with a port from 1 to 65535; {escaped}"));
        }
        let query = after.split_once('?').map_or("", |(_, query)| query);
        Ok(Self { scheme, authority, host, query })
    }

    fn parameters(&self) -> impl DoubleEndedIterator<Item = (&'u str, &'u str)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

/// Whether traffic to Postgres crosses a network in the clear, or may. `default_host` is the host that the driver uses for
/// a URL without one; none: this machine.
pub(super) fn exposes_database(url: &str, default_host: Option<&str>) -> bool {
    let Ok(url) = Url::parse(url, &["postgres", "postgresql"], "") else { return false };
    let mode = url.parameters().rfind(|(name, _)| is_ssl_mode(name));
    if mode.is_some_and(|(_, mode)| ENCRYPTING_SSL_MODES.contains(&mode.to_ascii_lowercase().as_str())) {
        return false;
    }
    let named: Vec<&str> = (!url.host.is_empty())
        .then_some(url.host)
        .into_iter()
        .chain(
            url.parameters().filter(|(name, _)| matches!(*name, "host" | "hostaddr")).map(|(_, host)| host),
        )
        .collect();
    // A socket wins over every host; of several hosts the last one does.
    let is_near = named.iter().any(|host| is_socket(host))
        || named.last().copied().or(default_host).is_none_or(|host| is_socket(host) || is_loopback(host));
    !is_near
}

/// Whether traffic to Redis crosses a network in the clear.
pub(super) fn exposes_redis(url: &str) -> bool {
    Url::parse(url, &["redis", "rediss"], "").is_ok_and(|url| url.scheme == "redis" && !is_loopback(url.host))
}

/// Whether traffic to the bank crosses a network in the clear.
pub(super) fn exposes_bank(url: &str) -> bool {
    Url::parse(url, &["https", "http"], "").is_ok_and(|url| url.scheme == "http" && !is_loopback(url.host))
}

/// Whether traffic to one of these brokers crosses a network; `host:port`, several with commas between them.
pub(super) fn are_remote(brokers: &str) -> bool {
    let host = |broker: &str| {
        let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']').to_owned()
    };
    brokers.split(',').any(|broker| !is_loopback(&host(broker)))
}

/// A path of a socket, in which `/` may be written %2F.
fn is_socket(host: &str) -> bool {
    host.starts_with('/') || host.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2f"))
}

/// Whether a host is this machine by name or address. Another name that resolves to it does not count.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postgres_is_exposed_if_it_is_elsewhere_and_may_be_spoken_to_in_the_clear() {
        for near in [
            "postgres://u:p@127.0.0.1:5432/db",
            "postgres://u@127.8.9.1/db",
            "postgres://u@localhost/db",
            "postgres://u@[::1]:5432/db",
            "postgres://u@[::ffff:127.0.0.1]/db",
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/db",
            "postgres:///db",
            "postgres:///db?host=/var/run/postgresql",
            "postgres:///db?host=%2fvar%2frun",
            "postgres://db.example/db?host=/var/run/postgresql",
            "postgres://db.example/db?host=127.0.0.1",
            "postgres://db.example/db?sslmode=require",
            "postgres://db.example/db?sslmode=disable&ssl-mode=Verify-CA",
            "postgres://db.example/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        ] {
            assert!(!exposes_database(near, None), "{near}");
            assert!(database_url(near).is_ok(), "{near}");
        }
        for far in [
            "postgres://u:p@db.example:5432/db",
            "postgres://u@10.0.0.1/db",
            "postgres://u@[fd00::1]/db",
            "postgres://u@localhost.example/db",
            "postgres://u@127.1/db",
            "postgres://u@127.0.0.1/db?host=db.example",
            "postgres://u@127.0.0.1/db?hostaddr=10.0.0.1",
            "postgres:///db?host=localhost&host=db.example",
            "postgres://db.example/db?sslmode=prefer",
            "postgres://db.example/db?sslmode=allow",
            "postgres://db.example/db?sslmode=verify-full&sslmode=disable",
            "postgres://db.example/db?application_name=sslmode=require",
        ] {
            assert!(exposes_database(far, None), "{far}");
            assert!(database_url(far).is_ok(), "{far}");
        }
        for (host, exposed) in [("db.example", true), ("127.0.0.1", false), ("/var/run/postgresql", false)] {
            assert_eq!(exposes_database("postgres:///db", Some(host)), exposed, "{host}");
            assert!(!exposes_database("postgres:///db?host=localhost", Some(host)), "{host}");
        }
    }

    #[test]
    fn a_redis_a_bank_or_a_broker_is_near_only_on_the_loopback() {
        for (url, exposed) in [
            ("redis://127.0.0.1:6379", false),
            ("redis://:p@localhost/0", false),
            ("redis://[::1]:6379", false),
            ("rediss://cache.example:6379", false),
            ("redis://cache.example:6379", true),
            ("redis://127.0.0.1:x@cache.example", true),
        ] {
            assert_eq!(exposes_redis(url), exposed, "{url}");
        }
        for (url, exposed) in [
            ("http://127.0.0.1:8099", false),
            ("http://localhost/v1", false),
            ("https://bank.example", false),
            ("http://bank.example/v1", true),
            ("http://10.0.0.1:8099", true),
        ] {
            assert_eq!(exposes_bank(url), exposed, "{url}");
            assert_eq!(bank_url(&format!("{url}/")).as_deref(), Ok(url));
        }
        for (brokers, remote) in [
            ("127.0.0.1:9092", false),
            ("localhost:9092,[::1]:9092", false),
            ("localhost:9092,kafka.example:9092", true),
            ("[fd00::1]:9092", true),
        ] {
            assert_eq!(are_remote(brokers), remote, "{brokers}");
        }
    }

    /// The driver would log such a piece as a parameter that it does not know, or name it as a database that is not there.
    #[test]
    fn no_piece_of_a_password_becomes_something_else() {
        for password in
            ["1?hush", "1#hush", "1/hush", "hu?sh", "hu#sh", "hu/sh", "1?password=hush", "1/hush@x"]
        {
            for scheme in ["postgres", "postgresql", "redis", "rediss"] {
                let url = format!("{scheme}://user:{password}@host/0");
                let read = if scheme.starts_with('r') { redis_url(&url) } else { database_url(&url) };
                let must = read.expect_err(&url);
                assert!(
                    must.contains("%XX") && !must.contains("hush") && !must.contains("hu"),
                    "{url}: {must}"
                );
            }
        }
        assert!(
            database_url("postgres://user:hu@sh%3F%23%2F@host/db").is_ok(),
            "an @ before the last one is safe"
        );
        let must = database_url("postgres://host/db?sslpassword=hush").expect_err("no such parameter");
        assert!(must.contains("sslpassword") && !must.contains("hush"), "{must}");
        for url in ["postgres://host/db?hush=1", "postgres://host/db?hush", "postgres://host/db?sslmode=hush"]
        {
            let must = database_url(url).expect_err(url);
            assert!(!must.contains("hush"), "{must}");
        }
        assert!(!redis_url("redis://host/0?hush=1").expect_err("no such parameter").contains("hush"));
        assert!(
            database_url("postgres://host/db?options=-c%20geqo%3Doff&options[jit]=off&password=x").is_ok()
        );
    }
}
