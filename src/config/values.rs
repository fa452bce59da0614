//! Values: what each kind of text must be. An error says what the variable must be ("must be …"), never what it was.

use std::{net::IpAddr, ops::RangeInclusive, str::FromStr};

use tracing_subscriber::EnvFilter;

use super::{AppEnv, Compression, LogFormat, Secret, defaults};
use crate::kernel::currency::Currency;
#[cfg(debug_assertions)]
use crate::kernel::fail_point::{ALL, Armed};

/// What the variable must be.
pub(super) type Must = String;

/// A whole number in a range.
pub(super) fn number<N>(range: RangeInclusive<N>) -> impl Fn(&str) -> Result<N, Must>
where
    N: FromStr + PartialOrd + std::fmt::Display,
{
    move |text| {
        let must = || format!("must be a whole number from {} to {}", range.start(), range.end());
        // FromStr takes a plus sign too, which nobody means to write.
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(must());
        }
        text.parse().ok().filter(|n| range.contains(n)).ok_or_else(must)
    }
}

/// A port, or none.
pub(super) fn port_or_off(text: &str) -> Result<Option<u16>, Must> {
    if text == "off" {
        return Ok(None);
    }
    number(0..=u16::MAX)(text).map(Some).map_err(|_| "must be a port from 0 to 65535, or off".to_owned())
}

/// A length of time in whole seconds: `90`, `90s`, `15m`, `24h` or `7d`.
pub(super) fn seconds(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, Must> {
    move |text| {
        let (digits, unit) = match text.char_indices().last() {
            Some((at, 's')) => (&text[..at], 1),
            Some((at, 'm')) => (&text[..at], 60),
            Some((at, 'h')) => (&text[..at], 60 * 60),
            Some((at, 'd')) => (&text[..at], 24 * 60 * 60),
            _ => (text, 1),
        };
        let (least, most) = (range.start(), range.end());
        let must = || {
            format!("must be a length of time such as 90, 90s, 15m, 24h or 7d, from {least} s to {most} s")
        };
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(must());
        }
        let count = digits.parse::<u64>().map_err(|_| must())?;
        count.checked_mul(unit).filter(|seconds| range.contains(seconds)).ok_or_else(must)
    }
}

pub(super) fn database_url(text: &str) -> Result<String, Must> {
    url(text, &["postgres", "postgresql"], "postgres://user:password@host:5432/database")
}

pub(super) fn redis_url(text: &str) -> Result<String, Must> {
    if text.starts_with("rediss://") {
        return Err("must begin with redis://: the wallet speaks to Redis without TLS".to_owned());
    }
    let url = url(text, &["redis"], "redis://host:6379/0")?;
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    if authority.is_empty() || authority.starts_with(['/', '?']) {
        return Err("must name a host, as in redis://host:6379/0".to_owned());
    }
    Ok(url)
}

/// A URL of one of these schemes, with a port that is one. The drivers look at the rest; this much is looked at here,
/// so that a slip is told before anything is connected.
fn url(text: &str, schemes: &[&str], example: &str) -> Result<String, Must> {
    let must = || format!("must be a URL such as {example}");
    let (scheme, rest) = text.split_once("://").ok_or_else(must)?;
    if !schemes.contains(&scheme)
        || rest.is_empty()
        || rest.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err(must());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let after_host = match host_and_port.rsplit_once(']') {
        Some((_, after)) => after,
        None => host_and_port.find(':').map_or("", |colon| &host_and_port[colon..]),
    };
    let port_is_one = match after_host.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
        None => after_host.is_empty(),
    };
    if !port_is_one {
        return Err(format!(
            "must be a URL such as {example} with a port from 1 to 65535; special characters of a password are written %XX in it"
        ));
    }
    Ok(text.to_owned())
}

/// `host:port`, several with commas between them; spaces around them are left out.
pub(super) fn brokers(text: &str) -> Result<String, Must> {
    let all: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_broker = |broker: &&str| {
        broker.rsplit_once(':').is_some_and(|(name, port)| {
            port.parse::<u16>().is_ok_and(|port| port > 0)
                && host(name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name)).is_ok()
        })
    };
    if !all.iter().all(is_broker) {
        return Err("must be host:port, or several with commas between them".to_owned());
    }
    Ok(all.join(","))
}

/// A topic's name, as Kafka takes it, with room for the suffix of its dead letters.
pub(super) fn topic(text: &str) -> Result<String, Must> {
    const LONGEST: usize = 249 - ".dlq".len();
    if text.len() > LONGEST || text == "." || text == ".." {
        return Err(format!("must be a topic's name of at most {LONGEST} characters"));
    }
    plain_name(text)
}

pub(super) fn compression(text: &str) -> Result<Compression, Must> {
    let found = Compression::ALL.into_iter().find(|codec| codec.as_str() == text);
    found.ok_or_else(|| format!("must be one of {}", Compression::ALL.map(Compression::as_str).join(", ")))
}

/// Letters, digits, dots, dashes and underscores.
pub(super) fn plain_name(text: &str) -> Result<String, Must> {
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)) {
        return Err("must have only letters, digits, dots, dashes and underscores".to_owned());
    }
    Ok(text.to_owned())
}

/// Text without spaces, so that keys can be typed at a prompt.
pub(super) fn visible(text: &str) -> Result<String, Must> {
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("must have only visible ASCII characters".to_owned());
    }
    Ok(text.to_owned())
}

/// An IP address, or a name (RFC 1123; underscores too, which container networks use).
pub(super) fn host(text: &str) -> Result<String, Must> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if text.parse::<IpAddr>().is_err() && !text.split('.').all(is_label) {
        return Err("must be an IP address or a host's name, without a port".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn app_env(text: &str) -> Result<AppEnv, Must> {
    match text {
        "development" => Ok(AppEnv::Development),
        "production" => Ok(AppEnv::Production),
        _ => Err("must be development or production".to_owned()),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Must> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, Must> {
    let must = |_| "must be log directives such as info or wallet=debug,info".to_owned();
    EnvFilter::builder().parse(text).map(|_| text.to_owned()).map_err(must)
}

pub(super) fn currency(text: &str) -> Result<Currency, Must> {
    Currency::listed(text).map_err(|_| "must be the code of a currency of ISO 4217, such as USD".to_owned())
}

pub(super) fn jwt_secret(text: &str) -> Result<Secret, Must> {
    let least = defaults::JWT_SECRET_MIN_BYTES;
    if text.len() < least {
        return Err(format!("must have at least {least} bytes (openssl rand -base64 48 makes a good one)"));
    }
    Ok(Secret::new(text.to_owned()))
}

/// It comes in a header: only what may stand there.
pub(super) fn api_key(text: &str) -> Result<Secret, Must> {
    visible(text).map(Secret::new)
}

/// Where the process dies, and at which time that it comes there.
#[cfg(debug_assertions)]
pub(super) fn fail_point(app_env: AppEnv) -> impl Fn(&str) -> Result<Armed, Must> {
    move |text| match text.parse() {
        _ if app_env == AppEnv::Production => Err("must not be set in production".to_owned()),
        Ok(armed) => Ok(armed),
        Err(()) => Err(format!(
            "must be name, name:times or name:times:panic, with one of the names {}",
            ALL.join(", ")
        )),
    }
}

/// A release build has no fail points; it must not look as if one were armed.
#[cfg(not(debug_assertions))]
pub(super) fn fail_point(_: AppEnv) -> impl Fn(&str) -> Result<std::convert::Infallible, Must> {
    |_| Err("must not be set: this build has no fail points".to_owned())
}
