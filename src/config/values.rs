//! Checks values. An error is what the variable must be ("must be …"), never what it was.

use std::{net::IpAddr, ops::RangeInclusive, str::FromStr};

use tracing_subscriber::EnvFilter;

use super::{
    defaults,
    settings::{AppEnv, Compression, LogFormat, SaslMechanism, Secret},
};
#[cfg(debug_assertions)]
use crate::fail_point::{ALL, Armed};
use crate::kernel::{currency::Currency, network::Network, quota::Quota, topics::DEAD_LETTER_SUFFIX};

/// What a variable must be, as the end of a sentence.
pub(super) type Requirement = String;

/// A whole number in a range.
pub(super) fn number<N>(range: RangeInclusive<N>) -> impl Fn(&str) -> Result<N, Requirement>
where
    N: FromStr + PartialOrd + std::fmt::Display,
{
    move |text| {
        let must = || format!("must be a whole number from {} to {}", range.start(), range.end());
        // FromStr accepts a plus sign too, which is refused here.
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(must());
        }
        text.parse().ok().filter(|n| range.contains(n)).ok_or_else(must)
    }
}

/// A port, or none.
pub(super) fn port_or_off(text: &str) -> Result<Option<u16>, Requirement> {
    if text == "off" {
        return Ok(None);
    }
    number(0..=u16::MAX)(text).map(Some).map_err(|_| "must be a port from 0 to 65535, or off".to_owned())
}

/// A length of time in whole seconds: `90`, `90s`, `15m`, `24h` or `7d`.
pub(super) fn seconds(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, Requirement> {
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

/// `host:port`, several with commas between them; spaces around them are ignored.
pub(super) fn brokers(text: &str) -> Result<String, Requirement> {
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

/// A topic's name, as Kafka accepts it, with room for the suffix of its dead-letter topic.
pub(super) fn topic(text: &str) -> Result<String, Requirement> {
    const LENGTH_MAX: usize = 249 - DEAD_LETTER_SUFFIX.len();
    if text.len() > LENGTH_MAX || text == "." || text == ".." {
        return Err(format!("must be a topic's name of at most {LENGTH_MAX} characters"));
    }
    plain_name(text)
}

pub(super) fn compression(text: &str) -> Result<Compression, Requirement> {
    let found = Compression::ALL.into_iter().find(|codec| codec.as_str() == text);
    found.ok_or_else(|| format!("must be one of {}", Compression::ALL.map(Compression::as_str).join(", ")))
}

/// Kafka's names of its protocols, in either case: whether connections are encrypted, and whether they need a login.
pub(super) fn security_protocol(text: &str) -> Result<(bool, bool), Requirement> {
    const PROTOCOLS: [(&str, (bool, bool)); 4] = [
        ("PLAINTEXT", (false, false)),
        ("SSL", (true, false)),
        ("SASL_PLAINTEXT", (false, true)),
        ("SASL_SSL", (true, true)),
    ];
    let found = PROTOCOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let must = || format!("must be one of {}", PROTOCOLS.map(|(name, _)| name).join(", "));
    found.map(|(_, protocol)| *protocol).ok_or_else(must)
}

pub(super) fn sasl_mechanism(text: &str) -> Result<SaslMechanism, Requirement> {
    let found = SaslMechanism::ALL.into_iter().find(|mechanism| mechanism.as_str() == text);
    found
        .ok_or_else(|| format!("must be one of {}", SaslMechanism::ALL.map(SaslMechanism::as_str).join(", ")))
}

/// A path. Whether the file can be read shows when it is read.
pub(super) fn file(text: &str) -> Result<String, Requirement> {
    if text.chars().any(char::is_control) {
        return Err("must be the path of a file".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn truth(text: &str) -> Result<bool, Requirement> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// A name or a password of Kafka: any text on one line, as a secret that is read from a file may end with a newline.
pub(super) fn one_line(text: &str) -> Result<String, Requirement> {
    if text.chars().any(char::is_control) {
        return Err("must be one line, without its end".to_owned());
    }
    Ok(text.to_owned())
}

/// Letters, digits, dots, dashes and underscores.
pub(super) fn plain_name(text: &str) -> Result<String, Requirement> {
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)) {
        return Err("must have only letters, digits, dots, dashes and underscores".to_owned());
    }
    Ok(text.to_owned())
}

/// Text without spaces, so that a key can be typed at a prompt.
pub(super) fn visible(text: &str) -> Result<String, Requirement> {
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("must have only visible ASCII characters".to_owned());
    }
    Ok(text.to_owned())
}

/// An IP address, or a name (RFC 1123; underscores too, which container networks use).
pub(super) fn host(text: &str) -> Result<String, Requirement> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if text.parse::<IpAddr>().is_err() && !text.split('.').all(is_label) {
        return Err("must be an IP address or a host's name, without a port".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn app_env(text: &str) -> Result<AppEnv, Requirement> {
    match text {
        "development" => Ok(AppEnv::Development),
        "production" => Ok(AppEnv::Production),
        _ => Err("must be development or production".to_owned()),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Requirement> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, Requirement> {
    let must = |_| "must be log directives such as info or wallet=debug,info".to_owned();
    EnvFilter::builder().parse(text).map(|_| text.to_owned()).map_err(must)
}

pub(super) fn currency(text: &str) -> Result<Currency, Requirement> {
    Currency::listed(text).map_err(|_| "must be the code of a currency of ISO 4217, such as USD".to_owned())
}

/// `off`, or a count and its period.
pub(super) fn quota(text: &str) -> Result<Option<Quota>, Requirement> {
    if text == "off" {
        return Ok(None);
    }
    let must = |_| format!("must be off, or such as 5/s, 60/m or 1000/h, from 1 to {}", Quota::COUNT_MAX);
    text.parse().map(Some).map_err(must)
}

/// Addresses or networks with commas between them; spaces around them are ignored.
pub(super) fn networks(text: &str) -> Result<Vec<Network>, Requirement> {
    let all: Result<Vec<Network>, _> = text.split(',').map(|network| network.trim().parse()).collect();
    all.map_err(|_| {
        "must be addresses or networks such as 10.0.0.0/8,fd00::1, with commas between them".to_owned()
    })
}

pub(super) fn jwt_secret(text: &str) -> Result<Secret, Requirement> {
    let least = defaults::JWT_SECRET_MIN_BYTES;
    if text.len() < least {
        return Err(format!("must have at least {least} bytes (openssl rand -base64 48 makes a good one)"));
    }
    Ok(Secret::new(text.to_owned()))
}

/// A key is sent in a header, so it may have visible characters only.
pub(super) fn api_key(text: &str) -> Result<Secret, Requirement> {
    visible(text).map(Secret::new)
}

/// A fail point, and at which pass of it the process dies.
#[cfg(debug_assertions)]
pub(super) fn fail_point(app_env: AppEnv) -> impl Fn(&str) -> Result<Armed, Requirement> {
    move |text| match text.parse() {
        _ if app_env == AppEnv::Production => Err("must not be set in production".to_owned()),
        Ok(armed) => Ok(armed),
        Err(()) => Err(format!(
            "must be name, name:times or name:times:panic, with one of the names {}",
            ALL.join(", ")
        )),
    }
}

/// A release build has no fail points, so none may seem to be armed.
#[cfg(not(debug_assertions))]
pub(super) fn fail_point(_: AppEnv) -> impl Fn(&str) -> Result<std::convert::Infallible, Requirement> {
    |_| Err("must not be set: this build has no fail points".to_owned())
}
